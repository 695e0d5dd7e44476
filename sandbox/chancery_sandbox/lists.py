"""The files that an operator keeps in a repository: `certs/ENV/` with lists, and with requests in `csrs/`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_ATTRIBUTES = {
    "common_name": NameOID.COMMON_NAME,
    "country": NameOID.COUNTRY_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizational_unit": NameOID.ORGANIZATIONAL_UNIT_NAME,
}


@dataclass(frozen=True)
class Request:
    """A key and the request for a certificate of it, both as PEM."""

    key: bytes
    csr: bytes

    @classmethod
    def make(cls, key: ec.EllipticCurvePrivateKey | None = None, **subject: str) -> Request:
        """For a new key on P-256, unless one is given. The subject by the names that events use."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(_ATTRIBUTES[field], value) for field, value in subject.items()])
        csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
        pem = serialization.Encoding.PEM
        plain = serialization.NoEncryption()
        return cls(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain),
            csr.public_bytes(serialization.Encoding.PEM),
        )


def write(
    folder: Path,
    tls: Sequence[Mapping[str, Any]],
    revoked: Sequence[Mapping[str, Any]] = (),
    revoked_root: Sequence[Mapping[str, Any]] = (),
) -> list[str]:
    """Write the lists into that folder, and the request of each entry of `tls` that names a `csr_file`.

    The keys go into `keys` beside it. Returns the names of the requests.
    """
    for each in (folder / "csrs", folder / "keys"):
        each.mkdir(parents=True, exist_ok=True)
    files = []
    for entry in tls:
        if "csr_file" in entry:
            request = Request.make(common_name=entry["common_name"])
            (folder / "csrs" / entry["csr_file"]).write_bytes(request.csr)
            (folder / "keys" / f"{entry['common_name']}.pem").write_bytes(request.key)
            files.append(entry["csr_file"])
    for name, value in (("tls", tls), ("revoked", revoked), ("revoked-root-ca", revoked_root)):
        (folder / f"{name}.json").write_text(json.dumps(list(value), indent=2) + "\n", encoding="utf-8")
    return files
