"""A Lambda function in Python to measure Chancery's beside: boto3, PyPI cryptography, and the calls of the Python CA.

For a certificate it makes as many calls of each kind as the Python CA does: seven queries and a put to DynamoDB, two
looks at the key in KMS and a signature, a file of S3. What it does beside them is the least that makes a certificate.
"""

from __future__ import annotations

import base64
import datetime as dt
import os

import boto3
from boto3.dynamodb.conditions import Key
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

QUERIES = 7
TABLE, BUCKET, FILE, KEY = (os.environ[name] for name in ("TABLE", "BUCKET", "FILE", "KEY"))
ISSUER = os.environ["ISSUER"]

TABLES = boto3.resource("dynamodb")
KMS = boto3.client("kms")
S3 = boto3.client("s3")


def lambda_handler(event: dict, _context: object) -> dict:
    """Issue a certificate."""
    csr = x509.load_pem_x509_csr(base64.b64decode(event["base64_csr_data"]))
    name = event["common_name"]
    table = TABLES.Table(TABLE)
    for _ in range(QUERIES):
        table.query(KeyConditionExpression=Key("CommonName").eq(name))
    S3.get_object(Bucket=BUCKET, Key=FILE)["Body"].read()
    KMS.describe_key(KeyId=KEY)
    issuer = serialization.load_der_public_key(KMS.get_public_key(KeyId=KEY)["PublicKey"])
    certificate = sign(prepare(csr, name, event["lifetime"], issuer))
    parsed = x509.load_der_x509_certificate(certificate)
    pem = base64.b64encode(parsed.public_bytes(serialization.Encoding.PEM))
    row = {
        "CommonName": name,
        "SerialNumber": str(parsed.serial_number),
        "Issued": f"{parsed.not_valid_before_utc:%Y-%m-%d %H:%M:%S}",
        "Expires": f"{parsed.not_valid_after_utc:%Y-%m-%d %H:%M:%S}",
    }
    table.put_item(Item=row | {"Certificate": pem})
    return {"CertificateInfo": row, "Base64Certificate": pem.decode()}


def prepare(
    csr: x509.CertificateSigningRequest, name: str, days: int, issuer: ec.EllipticCurvePublicKey
) -> x509.Certificate:
    """The certificate with another's signature, for cryptography builds none without."""
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)]))
        .public_key(csr.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(csr.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
    )
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())


def sign(draft: x509.Certificate) -> bytes:
    """The draft with the CA's signature in place of the other."""
    tbs = draft.tbs_certificate_bytes
    digest = hashes.Hash(hashes.SHA256())
    digest.update(tbs)
    answer = KMS.sign(KeyId=KEY, Message=digest.finalize(), MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256")
    ecdsa_with_sha256 = bytes.fromhex("300a06082a8648ce3d040302")
    return sequence(tbs + ecdsa_with_sha256 + tagged(0x03, b"\0" + answer["Signature"]))


def sequence(content: bytes) -> bytes:
    """A DER SEQUENCE."""
    return tagged(0x30, content)


def tagged(tag: int, content: bytes) -> bytes:
    """A DER value."""
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(octets)]) + octets + content
