"""KMS, judged by boto3's view of it and by `cryptography` reading what it signs."""

from __future__ import annotations

import hashlib
import json

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed


@pytest.fixture
def kms(sandbox):
    return sandbox.client("kms")


def key(kms, spec: str, usage: str = "SIGN_VERIFY") -> str:
    return kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]


def public(kms, key_id: str):
    return serialization.load_der_public_key(kms.get_public_key(KeyId=key_id)["PublicKey"])


def code(error) -> str:
    return error.value.response["Error"]["Code"]


@pytest.mark.parametrize(
    ("spec", "algorithm", "digest"),
    [
        ("ECC_NIST_P256", "ECDSA_SHA_256", hashes.SHA256()),
        ("ECC_NIST_P384", "ECDSA_SHA_384", hashes.SHA384()),
        ("ECC_NIST_P521", "ECDSA_SHA_512", hashes.SHA512()),
    ],
)
def test_a_digest_is_not_hashed_again(kms, spec, algorithm, digest):
    key_id = key(kms, spec)
    message = b"to be signed"
    hashed = hashlib.new(digest.name, message).digest()
    signed = kms.sign(KeyId=key_id, Message=hashed, MessageType="DIGEST", SigningAlgorithm=algorithm)
    public(kms, key_id).verify(signed["Signature"], message, ec.ECDSA(digest))
    assert kms.verify(KeyId=key_id, Message=message, Signature=signed["Signature"], SigningAlgorithm=algorithm)[
        "SignatureValid"
    ]
    raw = kms.sign(KeyId=key_id, Message=message, SigningAlgorithm=algorithm)
    public(kms, key_id).verify(raw["Signature"], hashed, ec.ECDSA(Prehashed(digest)))


def test_rsa_in_both_paddings(kms):
    key_id = key(kms, "RSA_2048")
    hashed = hashlib.sha256(b"to be signed").digest()
    for algorithm, pad in [
        ("RSASSA_PKCS1_V1_5_SHA_256", padding.PKCS1v15()),
        ("RSASSA_PSS_SHA_256", padding.PSS(padding.MGF1(hashes.SHA256()), 32)),
    ]:
        signed = kms.sign(KeyId=key_id, Message=hashed, MessageType="DIGEST", SigningAlgorithm=algorithm)
        public(kms, key_id).verify(signed["Signature"], b"to be signed", pad, hashes.SHA256())


@pytest.mark.parametrize(
    ("spec", "kind", "length"),
    [
        ("ML_DSA_44", mldsa.MLDSA44PublicKey, 2420),
        ("ML_DSA_65", mldsa.MLDSA65PublicKey, 3309),
        ("ML_DSA_87", mldsa.MLDSA87PublicKey, 4627),
    ],
)
def test_ml_dsa_signs_messages_and_mu(kms, spec, kind, length):
    made = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    assert made["SigningAlgorithms"] == ["ML_DSA_SHAKE_256"]
    assert made["KeySpec"] == spec
    key_id = made["KeyId"]
    reader = public(kms, key_id)
    assert isinstance(reader, kind)
    algorithm = "ML_DSA_SHAKE_256"
    message = b"x" * 4096
    # FIPS 204, section 6.2: the context is empty, so the prefix is two zero octets.
    tr = hashlib.shake_256(reader.public_bytes_raw()).digest(64)
    mu = hashlib.shake_256(tr + b"\0\0" + message).digest(64)
    signed = kms.sign(KeyId=key_id, Message=mu, MessageType="EXTERNAL_MU", SigningAlgorithm=algorithm)["Signature"]
    assert len(signed) == length
    reader.verify(signed, message)
    assert kms.verify(KeyId=key_id, Message=message, Signature=signed, SigningAlgorithm=algorithm)["SignatureValid"]
    raw = kms.sign(KeyId=key_id, Message=message, MessageType="RAW", SigningAlgorithm=algorithm)["Signature"]
    reader.verify(raw, message)


@pytest.mark.parametrize(
    ("spec", "algorithm", "message_type", "length"),
    [
        ("ECC_NIST_P256", "ECDSA_SHA_256", "RAW", 4097),
        ("ECC_NIST_P256", "ECDSA_SHA_256", "DIGEST", 31),
        ("ECC_NIST_P384", "ECDSA_SHA_384", "DIGEST", 32),
        ("ECC_NIST_P256", "ECDSA_SHA_256", "EXTERNAL_MU", 64),
        ("ML_DSA_65", "ML_DSA_SHAKE_256", "EXTERNAL_MU", 63),
        ("ML_DSA_65", "ML_DSA_SHAKE_256", "DIGEST", 64),
        ("ML_DSA_65", "ML_DSA_SHAKE_256", "RAW", 4097),
    ],
)
def test_messages_that_kms_refuses(kms, spec, algorithm, message_type, length):
    with pytest.raises(ClientError) as error:
        kms.sign(KeyId=key(kms, spec), Message=b"x" * length, MessageType=message_type, SigningAlgorithm=algorithm)
    assert code(error) == "ValidationException"


def test_algorithms_and_usages_that_do_not_fit(kms):
    with pytest.raises(ClientError) as error:
        kms.sign(KeyId=key(kms, "ECC_NIST_P256"), Message=b"x", SigningAlgorithm="ECDSA_SHA_384")
    assert code(error) == "InvalidKeyUsageException"
    with pytest.raises(ClientError) as error:
        kms.sign(KeyId=key(kms, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"), Message=b"x", SigningAlgorithm="ECDSA_SHA_256")
    assert code(error) == "InvalidKeyUsageException"


def test_a_wrong_signature_is_an_error(kms):
    with pytest.raises(ClientError) as error:
        kms.verify(KeyId=key(kms, "ECC_NIST_P256"), Message=b"x", Signature=b"1" * 70, SigningAlgorithm="ECDSA_SHA_256")
    assert code(error) == "KMSInvalidSignatureException"


@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P256", "ECC_NIST_P521", "ECC_NIST_EDWARDS25519"])
def test_data_key_pairs(kms, spec):
    key_id = key(kms, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    pair = kms.generate_data_key_pair(KeyId=key_id, KeyPairSpec=spec, EncryptionContext={"for": "test"})
    private = serialization.load_der_private_key(pair["PrivateKeyPlaintext"], None)
    assert private.public_key() == serialization.load_der_public_key(pair["PublicKey"])
    opened = kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"], EncryptionContext={"for": "test"})
    assert opened["Plaintext"] == pair["PrivateKeyPlaintext"]
    bare = kms.generate_data_key_pair_without_plaintext(KeyId=key_id, KeyPairSpec=spec)
    assert "PrivateKeyPlaintext" not in bare
    assert bare["PublicKey"] != pair["PublicKey"]


def test_states_and_windows(kms):
    key_id = key(kms, "ECC_NIST_P256")
    kms.disable_key(KeyId=key_id)
    with pytest.raises(ClientError) as error:
        kms.sign(KeyId=key_id, Message=b"x", SigningAlgorithm="ECDSA_SHA_256")
    assert code(error) == "DisabledException"
    with pytest.raises(ClientError) as error:
        kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=6)
    assert code(error) == "ValidationException"
    scheduled = kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    assert scheduled["KeyState"] == "PendingDeletion"
    with pytest.raises(ClientError) as error:
        kms.sign(KeyId=key_id, Message=b"x", SigningAlgorithm="ECDSA_SHA_256")
    assert code(error) == "KMSInvalidStateException"
    kms.cancel_key_deletion(KeyId=key_id)
    kms.enable_key(KeyId=key_id)
    assert kms.sign(KeyId=key_id, Message=b"x", SigningAlgorithm="ECDSA_SHA_256")["Signature"]


def test_the_trail_names_request_key_and_caller(sandbox, kms):
    key_id = key(kms, "ECC_NIST_P256")
    iam, sts = sandbox.client("iam"), sandbox.client("sts")
    role = iam.create_role(RoleName="signer" + key_id[:8], AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": "kms:Sign", "Resource": "*"}
    iam.put_role_policy(
        RoleName="signer" + key_id[:8],
        PolicyName="sign",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}),
    )
    taken = sts.assume_role(RoleArn=role, RoleSessionName="session")
    signer = sandbox.client("kms", access_key=taken["Credentials"]["AccessKeyId"])
    ids = set()
    for _ in range(3):
        answer = signer.sign(KeyId=key_id, Message=b"x", SigningAlgorithm="ECDSA_SHA_256")
        ids.add(answer["ResponseMetadata"]["RequestId"])
        event = sandbox.trail_of(answer["ResponseMetadata"]["RequestId"])
        assert event["eventName"] == "Sign"
        assert event["userIdentity"]["arn"] == taken["AssumedRoleUser"]["Arn"]
        assert event["requestParameters"] == {"keyId": key_id, "signingAlgorithm": "ECDSA_SHA_256"}
        assert event["resources"][0]["ARN"].endswith(key_id)
    assert len(ids) == 3
    with pytest.raises(ClientError) as error:
        signer.sign(KeyId=key_id, Message=b"x", MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256")
    event = sandbox.trail_of(error.value.response["ResponseMetadata"]["RequestId"])
    assert event["errorCode"] == "ValidationException"
