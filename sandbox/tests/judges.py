"""Readers that we did not write: the OpenSSL command line, the AWS CLI, PyPI cryptography."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from chancery_sandbox import terraform


def openssl(*arguments: object) -> str:
    """What OpenSSL says, whether it is content or not."""
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def openssl_verify(folder: Path, authority, leaf: bytes) -> str:
    """Whether OpenSSL accepts that leaf with what the authority has published, the CRLs of the whole chain included."""
    (folder / "leaf.pem").write_bytes(leaf)
    (folder / "root.pem").write_bytes(authority.published(f"{authority.root_ca_name}.crt"))
    (folder / "bundle.pem").write_bytes(authority.published(authority.outputs["ca_bundle_s3_key"]))
    crls = [
        authority.published(f"{ca_name}.crl.pem") for ca_name in (authority.root_ca_name, authority.issuing_ca_name)
    ]
    (folder / "crls.pem").write_bytes(b"".join(crls))
    said = openssl(
        "verify", "-x509_strict", "-crl_check_all", "-CRLfile", folder / "crls.pem", "-CAfile", folder / "root.pem",
        "-untrusted", folder / "bundle.pem", folder / "leaf.pem",
    )  # fmt: skip
    return said.replace(f"{folder}/", "")


def aws(endpoint: str, folder: Path, *arguments: str) -> str:
    """What the AWS CLI says, run in that folder with nothing of the caller's own settings."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("aws")), *arguments],
        cwd=folder,
        env=aws_environment(endpoint, folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"aws {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def aws_environment(endpoint: str, folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    programs = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return kept | {
        "PATH": programs,
        "HOME": str(folder),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": terraform.REGION,
        "AWS_REGION": terraform.REGION,
        "AWS_ACCESS_KEY_ID": terraform.ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": terraform.SECRET_KEY,
        "AWS_PAGER": "",
    }


def certificate(base64_pem: str | bytes) -> x509.Certificate:
    """The one of an answer or of a row."""
    return x509.load_pem_x509_certificate(base64.b64decode(base64_pem))


def crl(authority, ca_name: str) -> x509.CertificateRevocationList:
    """The published one, after its two forms were found to be the same."""
    der, pem = authority.published(f"{ca_name}.crl"), authority.published(f"{ca_name}.crl.pem")
    read = x509.load_der_x509_crl(der)
    assert x509.load_pem_x509_crl(pem) == read
    issuer = ca(authority, ca_name)
    assert read.issuer == issuer.subject
    check_signature(issuer.public_key(), read.signature, read.tbs_certlist_bytes, read.signature_hash_algorithm)
    return read


def ca(authority, ca_name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(authority.published(f"{ca_name}.crt"))


def number(of: x509.CertificateRevocationList) -> int:
    return of.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def serials(of: x509.CertificateRevocationList) -> set[int]:
    return {entry.serial_number for entry in of}


def check_signature(key, signature: bytes, signed: bytes, algorithm) -> None:
    """Raises `InvalidSignature` where it is another key's, or of something else."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, signed, ec.ECDSA(algorithm))
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, signed, padding.PKCS1v15(), algorithm)
    else:
        key.verify(signature, signed)
