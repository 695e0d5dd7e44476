"""Authorities in one account that do not meet, with the keys that Terraform can ask for."""

from __future__ import annotations

import json
import re

import judges
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID
from deployments import csr

pytestmark = pytest.mark.deployed("neighbours")

DOMAIN = "ca.example.com"


def issue(authority, name: str) -> x509.Certificate:
    answer = authority.invoke("tls-cert", {"common_name": name, "base64_csr_data": csr(common_name=name)})
    return judges.certificate(answer["Base64Certificate"])


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def first(all_deployed):
    """The authority whose bucket the other one shares."""
    return all_deployed["main"].running


@pytest.mark.deployed("main")
@pytest.mark.deployed("neighbours")
def test_two_share_a_bucket_and_nothing_else(first, authority, tmp_path):
    bucket = first.outputs["external_s3_bucket_name"]
    assert authority.outputs["external_s3_bucket_name"] == bucket
    keys = {each["Key"] for each in first.client("s3").list_objects_v2(Bucket=bucket)["Contents"]}
    # A production environment goes without its name.
    assert {"old-school-root-ca.crt", "old-school-issuing-ca.crl", "serverless-root-ca-dev.crt"} <= keys
    names = [f"{of}.example.com" for of in ("theirs", "ours")]
    theirs, ours = issue(first, names[0]), issue(authority, names[1])
    assert judges.openssl_verify(tmp_path, first, pem(theirs)) == "leaf.pem: OK\n"
    assert judges.openssl_verify(tmp_path, authority, pem(ours)) == "leaf.pem: OK\n"
    assert "verification failed" in judges.openssl_verify(tmp_path, authority, pem(theirs))
    assert [name for name in names if any(row["CommonName"]["S"] == name for row in authority.rows())] == names[1:]
    assert [name for name in names if any(row["CommonName"]["S"] == name for row in first.rows())] == names[:1]

    # What one revokes, by an entry of its own or of the other's, the other does not.
    entries = [
        {"common_name": name, "serial_number": str(of.serial_number)}
        for name, of in zip(names, (theirs, ours), strict=True)
    ]
    revoked = {}
    for each in (first, authority):
        each.put_internal("revoked.json", json.dumps(entries).encode())
        assert each.run().status == "SUCCEEDED"
        revoked[each.issuing_ca_name] = judges.serials(judges.crl(each, each.issuing_ca_name))
        each.put_internal("revoked.json", b"[]")
    assert ours.serial_number not in revoked[first.issuing_ca_name]
    assert theirs.serial_number in revoked[first.issuing_ca_name]
    assert revoked[authority.issuing_ca_name] == {ours.serial_number}


def test_rsa_keys(authority, tmp_path):
    sizes = [
        judges.ca(authority, ca_name).public_key() for ca_name in (authority.root_ca_name, authority.issuing_ca_name)
    ]
    assert [key.key_size for key in sizes if isinstance(key, rsa.RSAPublicKey)] == [4096, 2048]
    leaf = issue(authority, "rsa.example.com")
    assert leaf.signature_hash_algorithm.name == "sha256"
    assert judges.openssl_verify(tmp_path, authority, pem(leaf)) == "leaf.pem: OK\n"


@pytest.fixture(scope="session")
def public(all_deployed):
    """One that says in its certificates where its files are served, from its first run on.

    The sandbox has no CloudFront that would serve them: what Terraform sets along with one is set here.
    """
    authority = all_deployed["neighbours"].authorities["public"]
    client = authority.client("lambda")
    for name in authority.outputs["function_arns"]:
        function = authority.function(name)
        before = client.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        after = {"Variables": before | {"PUBLIC_CRL": "enabled", "DOMAIN": DOMAIN}}
        client.update_function_configuration(FunctionName=function, Environment=after)
    assert authority.run().status == "SUCCEEDED"
    return authority


def test_certificates_say_where_crls_are(public, tmp_path):
    issuing, leaf = judges.ca(public, public.issuing_ca_name), issue(public, "public.example.com")
    assert isinstance(issuing.public_key().curve, ec.SECP521R1)
    assert leaf.signature_hash_algorithm.name == "sha512"
    assert judges.openssl_verify(tmp_path, public, pem(leaf)) == "leaf.pem: OK\n"
    for certificate, ca_name in ((issuing, "public-root-ca-tst"), (leaf, "public-issuing-ca-tst")):
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        assert [point.full_name[0].value for point in points] == [f"http://{DOMAIN}/{ca_name}.crl"]
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
        assert [(each.access_method, each.access_location.value) for each in access] == [
            (AuthorityInformationAccessOID.CA_ISSUERS, f"http://{DOMAIN}/{ca_name}.crt")
        ]
    root = judges.ca(public, public.root_ca_name)
    with pytest.raises(x509.ExtensionNotFound):
        root.extensions.get_extension_for_class(x509.CRLDistributionPoints)


@pytest.mark.deployed("post-quantum")
def test_keys_of_ml_dsa(all_deployed):
    """The provider cannot make such keys yet: they are made beside it, and the aliases lead to them."""
    authority = all_deployed["post-quantum"].authority
    kms = authority.client("kms")
    for ca, ca_name in (("root", authority.root_ca_name), ("issuing", authority.issuing_ca_name)):
        policy = kms.get_key_policy(KeyId=authority.outputs[f"{ca}_ca_key_arn"], PolicyName="default")["Policy"]
        for before, after in (("ECDSA_SHA_\\d+", "ML_DSA_SHAKE_256"), ("DIGEST", "EXTERNAL_MU")):
            policy = re.sub(f'"{before}"', f'"{after}"', policy)
        made = kms.create_key(KeySpec="ML_DSA_65", KeyUsage="SIGN_VERIFY", Policy=policy)["KeyMetadata"]["KeyId"]
        kms.update_alias(AliasName=f"alias/{ca_name}", TargetKeyId=made)
    assert authority.run().status == "SUCCEEDED"
    root, issuing = (judges.ca(authority, ca_name) for ca_name in (authority.root_ca_name, authority.issuing_ca_name))
    leaf = issue(authority, "quantum.example.com")
    for certificate, issuer in ((root, root), (issuing, root), (leaf, issuing)):
        assert certificate.signature_algorithm_oid.dotted_string == "2.16.840.1.101.3.4.3.18"
        assert certificate.issuer == issuer.subject
        judges.check_signature(issuer.public_key(), certificate.signature, certificate.tbs_certificate_bytes, None)
    # Read, and its signature checked.
    assert [
        judges.number(judges.crl(authority, ca_name)) for ca_name in (authority.root_ca_name, authority.issuing_ca_name)
    ] == [
        1,
        1,
    ]
