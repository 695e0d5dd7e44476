"""Key pairs of KMS, by key spec, and what each signing algorithm does with a message, a digest or a µ.

https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.kms.exceptions import ValidationException

RAW, DIGEST, EXTERNAL_MU = "RAW", "DIGEST", "EXTERNAL_MU"
MESSAGE_LIMIT = 4096
MU_LENGTH = 64

_CURVES: dict[str, ec.EllipticCurve] = {
    "ECC_NIST_P256": ec.SECP256R1(),
    "ECC_NIST_P384": ec.SECP384R1(),
    "ECC_NIST_P521": ec.SECP521R1(),
    "ECC_SECG_P256K1": ec.SECP256K1(),
}
_ML_DSA: dict[str, Callable[[], Any]] = {
    "ML_DSA_44": mldsa.MLDSA44PrivateKey.generate,
    "ML_DSA_65": mldsa.MLDSA65PrivateKey.generate,
    "ML_DSA_87": mldsa.MLDSA87PrivateKey.generate,
}
_RSA_BITS = {"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "SHA_256": hashes.SHA256(),
    "SHA_384": hashes.SHA384(),
    "SHA_512": hashes.SHA512(),
}
_RSA_ALGORITHMS = [f"RSASSA_{scheme}_{name}" for scheme in ("PKCS1_V1_5", "PSS") for name in _HASHES]
_EC_ALGORITHMS = {
    "ECC_NIST_P256": ["ECDSA_SHA_256"],
    "ECC_SECG_P256K1": ["ECDSA_SHA_256"],
    "ECC_NIST_P384": ["ECDSA_SHA_384"],
    "ECC_NIST_P521": ["ECDSA_SHA_512"],
}

ML_DSA_SPECS = tuple(_ML_DSA)
SIGNING_SPECS = (*_RSA_BITS, *_CURVES, *_ML_DSA)
DATA_KEY_PAIR_SPECS = (*_RSA_BITS, *_CURVES, "ECC_NIST_EDWARDS25519")


def signing_algorithms(spec: str) -> list[str]:
    """The algorithms that a SIGN_VERIFY key of this spec offers."""
    if spec in _RSA_BITS:
        return _RSA_ALGORITHMS
    if spec in _ML_DSA:
        return ["ML_DSA_SHAKE_256"]
    return _EC_ALGORITHMS.get(spec, [])


def generate(spec: str) -> Any:
    """A new private key of `cryptography`'s, for a spec of KMS keys or data key pairs."""
    if spec in _RSA_BITS:
        return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS[spec])
    if spec in _CURVES:
        return ec.generate_private_key(_CURVES[spec])
    if spec == "ECC_NIST_EDWARDS25519":
        return ed25519.Ed25519PrivateKey.generate()
    return _ML_DSA[spec]()


def private_bytes(private: Any) -> bytes:
    """PKCS #8, DER."""
    return bytes(
        private.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


def public_bytes(private: Any) -> bytes:
    """`SubjectPublicKeyInfo`, DER."""
    return bytes(
        private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


class KeyPair:
    """The asymmetric half of a KMS key."""

    def __init__(self, spec: str, private: bytes | None = None) -> None:
        """With a new private key, or with that one (PKCS #8, DER)."""
        self.spec = spec
        self.private: Any = generate(spec) if private is None else serialization.load_der_private_key(private, None)

    def public_key(self) -> bytes:
        """`SubjectPublicKeyInfo`, DER."""
        return public_bytes(self.private)

    def sign(self, message: bytes, message_type: str, algorithm: str) -> bytes:
        """Sign as KMS does; the message must have been checked by `check_message`."""
        if self.spec in _ML_DSA:
            return bytes(self.private.sign_mu(message) if message_type == EXTERNAL_MU else self.private.sign(message))
        if self.spec in _CURVES:
            return bytes(self.private.sign(message, ec.ECDSA(_hash(algorithm, message_type))))
        return bytes(self.private.sign(message, _padding(algorithm), _hash(algorithm, message_type)))

    def verify(self, message: bytes, message_type: str, signature: bytes, algorithm: str) -> bool:
        """Whether the signature is this key's."""
        public = self.private.public_key()
        try:
            if self.spec in _ML_DSA:
                if message_type == EXTERNAL_MU:
                    public.verify_mu(signature, message)
                else:
                    public.verify(signature, message)
            elif self.spec in _CURVES:
                public.verify(signature, message, ec.ECDSA(_hash(algorithm, message_type)))
            else:
                public.verify(signature, message, _padding(algorithm), _hash(algorithm, message_type))
        except InvalidSignature:
            return False
        return True


def check_message(message: bytes, message_type: str, algorithm: str) -> None:
    """Refuse what KMS refuses: too long, of the wrong length for a digest or µ, or of a type the algorithm has not."""
    if not 1 <= len(message) <= MESSAGE_LIMIT:
        bound = "less than or equal to 4096" if message else "greater than or equal to 1"
        raise ValidationException(
            "1 validation error detected: Value at 'message' failed to satisfy constraint: "
            f"Member must have length {bound}"
        )
    if message_type not in {RAW, DIGEST, EXTERNAL_MU}:
        raise ValidationException(
            f"1 validation error detected: Value '{message_type}' at 'messageType' failed to satisfy constraint: "
            "Member must satisfy enum value set: [RAW, DIGEST, EXTERNAL_MU]"
        )
    ml_dsa = algorithm == "ML_DSA_SHAKE_256"
    if message_type == (DIGEST if ml_dsa else EXTERNAL_MU):
        raise ValidationException(f"MessageType {message_type} is not compatible with algorithm {algorithm}.")
    if message_type == EXTERNAL_MU and len(message) != MU_LENGTH:
        raise ValidationException(f"External mu is invalid length for algorithm {algorithm}.")
    if message_type == DIGEST and len(message) != _named_hash(algorithm).digest_size:
        raise ValidationException(f"Digest is invalid length for algorithm {algorithm}.")


def _named_hash(algorithm: str) -> hashes.HashAlgorithm:
    return _HASHES[algorithm[-len("SHA_256") :]]


def _hash(algorithm: str, message_type: str) -> hashes.HashAlgorithm | Prehashed:
    named = _named_hash(algorithm)
    return Prehashed(named) if message_type == DIGEST else named


def _padding(algorithm: str) -> padding.PKCS1v15 | padding.PSS:
    if "PKCS1" in algorithm:
        return padding.PKCS1v15()
    named = _named_hash(algorithm)
    return padding.PSS(mgf=padding.MGF1(named), salt_length=named.digest_size)
