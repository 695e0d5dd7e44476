"""A deployment as the Python CA leaves it: keys in KMS, rows in the certificate table, by the drop-in contract's words.

Arguments: endpoint, project, environment, and the external bucket where there is one to publish into; times are then
counted from now. With OTHER_NAME_OF_A_KEY in the environment, a key has another certificate of that name. Keys that are there are used. Says what it made as one line of JSON.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import sys

import boto3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ENDPOINT, PROJECT, ENVIRONMENT = sys.argv[1:4]
BUCKET = sys.argv[4] if len(sys.argv) > 4 else None
TABLE = f"{PROJECT.title()}CA{ENVIRONMENT.title()}"
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0) if BUCKET else dt.datetime(2026, 11, 23, 20, 0, 0, tzinfo=dt.UTC)
SESSION = boto3.Session(
    aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
    aws_secret_access_key="secret",
    region_name=os.environ.get("AWS_REGION", "eu-west-2"),
)
KMS = SESSION.client("kms", endpoint_url=ENDPOINT)
DYNAMODB = SESSION.client("dynamodb", endpoint_url=ENDPOINT)


class KmsKey(ec.EllipticCurvePrivateKey):
    """A private key that stays in KMS."""

    def __init__(self, alias: str, spec: str, algorithm: str) -> None:
        try:
            key = KMS.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"]
        except KMS.exceptions.NotFoundException:
            key = KMS.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
            KMS.create_alias(AliasName=alias, TargetKeyId=key)
        self._key, self._algorithm = key, algorithm
        public = serialization.load_der_public_key(KMS.get_public_key(KeyId=key)["PublicKey"])
        assert isinstance(public, ec.EllipticCurvePublicKey)
        self._public = public

    def sign(self, data: bytes, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        digest = hashes.Hash(signature_algorithm.algorithm)
        digest.update(data)
        answer = KMS.sign(
            KeyId=self._key, Message=digest.finalize(), MessageType="DIGEST", SigningAlgorithm=self._algorithm
        )
        return answer["Signature"]

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public.curve

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def exchange(self, *_: object) -> bytes:
        raise NotImplementedError

    def private_numbers(self) -> ec.EllipticCurvePrivateNumbers:
        raise NotImplementedError

    def private_bytes(self, *_: object, **__: object) -> bytes:
        raise NotImplementedError

    def __copy__(self) -> KmsKey:
        return self

    def __deepcopy__(self, _memo: object) -> KmsKey:
        return self


def name(common_name: str) -> x509.Name:
    return x509.Name([
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        x509.NameAttribute(NameOID.COUNTRY_NAME, "GB"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"),
    ])


def certificate(subject, public_key, issuer, key, days, ca=None, serial=None, digest=None):
    """One certificate; `issuer` is a certificate, or None for a root."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(public_key)
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(NOW - dt.timedelta(days=40, minutes=5))
        .not_valid_after(NOW + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key() if issuer else public_key),
            critical=False,
        )
    )
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        usage = {"key_cert_sign": True, "crl_sign": True}
    else:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        usage = {"key_cert_sign": False, "crl_sign": False}
    usage |= dict.fromkeys(
        ["content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"],
        False,
    )
    builder = builder.add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
    return builder.sign(key, digest or hashes.SHA256())


def row(partition, certificate, **more):
    text = "%Y-%m-%d %H:%M:%S"
    item = {
        "SerialNumber": {"S": str(certificate.serial_number)},
        "CommonName": {"S": partition},
        "Issued": {"S": certificate.not_valid_before_utc.strftime(text)},
        "Expires": {"S": certificate.not_valid_after_utc.strftime(text)},
        "Certificate": {"B": base64.b64encode(certificate.public_bytes(serialization.Encoding.PEM))},
        **more,
    }
    DYNAMODB.put_item(TableName=TABLE, Item=item)
    return str(certificate.serial_number)


root_slug, issuing_slug = f"{PROJECT}-root-ca-{ENVIRONMENT}", f"{PROJECT}-issuing-ca-{ENVIRONMENT}"
root_key = KmsKey(f"alias/{root_slug}", "ECC_NIST_P384", "ECDSA_SHA_384")
issuing_key = KmsKey(f"alias/{issuing_slug}", "ECC_NIST_P256", "ECDSA_SHA_256")
root = certificate(name("Root CA"), root_key.public_key(), None, root_key, 7300, ca=True, digest=hashes.SHA384())
issuing = certificate(
    name("Issuing CA"), issuing_key.public_key(), root, root_key, 3650, ca=True, digest=hashes.SHA384()
)
made = {
    "root": row(root_slug, root, CRLNumber={"N": "7"}),
    "issuing": row(issuing_slug, issuing, CRLNumber={"N": "41"}),
}


def leaf(common_name, days=30, serial=None, partition=None, key=None, **more):
    key = key or ec.generate_private_key(ec.SECP256R1())
    issued = certificate(name(common_name), key.public_key(), issuing, issuing_key, days, serial=serial)
    return key, row(partition or common_name, issued, NotifyExpiry=more.pop("notify", {"BOOL": False}), **more)


def csr(key, common_name):
    request = x509.CertificateSigningRequestBuilder().subject_name(name(common_name)).sign(key, hashes.SHA256())
    return base64.b64encode(request.public_bytes(serialization.Encoding.DER)).decode()


key, made["leaf"] = leaf("server", notify={"BOOL": True})
made["csr"], made["csr_elsewhere"] = csr(key, "server"), csr(key, "elsewhere")
if other_name := os.environ.get("OTHER_NAME_OF_A_KEY"):
    _, made["other_name"] = leaf(other_name, key=key)
_, made["second"] = leaf("server", days=60)
key, made["revoked"] = leaf("gone", Revoked={"S": "2026-11-01 10:00:00"}, RevocationReason={"S": "keyCompromise"})
made["csr_stolen"] = csr(key, "anew")
_, made["revoked_by_hand"] = leaf("by hand", Revoked={"S": "1 November"})
# A leaf with a CA's name: it lands in that CA's partition, and before the CA's own row.
_, made["impostor"] = leaf(issuing_slug, serial=1000)
_, made["impostor_of_root"] = leaf(root_slug, serial=1001)

broken = {"CommonName": {"S": "broken"}, "SerialNumber": {"S": "4711"}, "Certificate": {"B": b"no base64 at all"},
          "Issued": {"S": "2026-10-14 19:55:00"}, "Expires": {"S": "2027-01-01 00:00:00"},
          "Revoked": {"S": "2026-11-02 10:00:00"}}
DYNAMODB.put_item(TableName=TABLE, Item=broken)
DYNAMODB.put_item(TableName=TABLE, Item=broken | {"SerialNumber": {"S": "not a number"}})
DYNAMODB.put_item(TableName=TABLE, Item={"CommonName": {"S": "server"}, "SerialNumber": {"S": "12"}})


def publish():
    """The files of the contract, with CRLs of the numbers that the CAs' rows have."""
    s3 = SESSION.client("s3", endpoint_url=ENDPOINT)
    pem = serialization.Encoding.PEM
    files = {f"{PROJECT}-ca-bundle-{ENVIRONMENT}.pem": root.public_bytes(pem) + issuing.public_bytes(pem)}
    revoked = {root_slug: [], issuing_slug: [made["revoked"]]}
    for slug, ca, key, number in ((root_slug, root, root_key, 7), (issuing_slug, issuing, issuing_key, 41)):
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(ca.subject)
            .last_update(NOW)
            .next_update(NOW + dt.timedelta(days=1, seconds=600))
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key()), critical=False)
        )
        for serial in revoked[slug]:
            entry = x509.RevokedCertificateBuilder().serial_number(int(serial)).revocation_date(NOW)
            builder = builder.add_revoked_certificate(entry.build())
        crl = builder.sign(key, hashes.SHA384() if ca is root else hashes.SHA256())
        files |= {
            f"{slug}.crt": ca.public_bytes(pem),
            f"{slug}.crl": crl.public_bytes(serialization.Encoding.DER),
            f"{slug}.crl.pem": crl.public_bytes(pem),
        }
    for name, content in files.items():
        s3.put_object(Bucket=BUCKET, Key=name, Body=content)


if BUCKET:
    publish()
print(json.dumps(made))
