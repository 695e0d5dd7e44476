"""The operations of KMS that moto lacks or answers otherwise than AWS does.

Each is named as moto names it, and takes the place of a method of moto's `KmsResponse`.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, cast

from moto.core.exceptions import JsonRESTError
from moto.kms.exceptions import ValidationException

from . import keys

if TYPE_CHECKING:
    from moto.kms.models import Key
    from moto.kms.responses import KmsResponse


def sign(self: KmsResponse) -> str:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html."""
    request = _request(self)
    key, message, message_type, algorithm = _signing(self, request, "Sign")
    signature = _pair(key).sign(message, message_type, algorithm)
    return json.dumps({"KeyId": key.arn, "Signature": _encode(signature), "SigningAlgorithm": algorithm})


def verify(self: KmsResponse) -> str:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Verify.html."""
    request = _request(self)
    key, message, message_type, algorithm = _signing(self, request, "Verify")
    if not _pair(key).verify(message, message_type, base64.b64decode(request["Signature"]), algorithm):
        raise JsonRESTError("KMSInvalidSignatureException", "")
    return json.dumps({"KeyId": key.arn, "SignatureValid": True, "SigningAlgorithm": algorithm})


def get_public_key(self: KmsResponse) -> str:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html."""
    key = usable(self, _request(self)["KeyId"])
    pair = _pair(key)
    if not isinstance(pair, keys.KeyPair):
        raise JsonRESTError(
            "UnsupportedOperationException",
            f"{key.arn} key spec is {key.key_spec} which is not valid for GetPublicKey.",
        )
    answer = {
        "KeyId": key.arn,
        "PublicKey": _encode(pair.public_key()),
        "CustomerMasterKeySpec": key.key_spec,
        "KeySpec": key.key_spec,
        "KeyUsage": key.key_usage,
    }
    if key.key_usage == "SIGN_VERIFY":
        answer["SigningAlgorithms"] = key.signing_algorithms
    else:
        answer["EncryptionAlgorithms"] = key.encryption_algorithms
    return json.dumps(answer)


def generate_data_key_pair(self: KmsResponse) -> str:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyPair.html."""
    return json.dumps(_data_key_pair(self, "GenerateDataKeyPair"))


def generate_data_key_pair_without_plaintext(self: KmsResponse) -> str:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyPairWithoutPlaintext.html."""
    pair = _data_key_pair(self, "GenerateDataKeyPairWithoutPlaintext")
    del pair["PrivateKeyPlaintext"]
    return json.dumps(pair)


def schedule_key_deletion(self: KmsResponse) -> str:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html."""
    request = _request(self)
    self._validate_cmk_id(request["KeyId"])
    days = request.get("PendingWindowInDays", 30)
    if not 7 <= days <= 30:
        raise ValidationException(
            f"1 validation error detected: Value '{days}' at 'pendingWindowInDays' failed to satisfy constraint: "
            f"Member must have value {'less than or equal to 30' if days > 30 else 'greater than or equal to 7'}"
        )
    key = self.kms_backend.describe_key(request["KeyId"])
    if key.key_state == "PendingDeletion":
        raise JsonRESTError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
    when = self.kms_backend.schedule_key_deletion(key.id, days)
    return json.dumps({"KeyId": key.arn, "DeletionDate": when, "KeyState": key.key_state, "PendingWindowInDays": days})


def cancel_key_deletion(self: KmsResponse) -> str:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_CancelKeyDeletion.html."""
    key_id = _request(self)["KeyId"]
    self._validate_cmk_id(key_id)
    key = self.kms_backend.describe_key(key_id)
    if key.key_state != "PendingDeletion":
        raise JsonRESTError("KMSInvalidStateException", f"{key.arn} is not pending deletion.")
    self.kms_backend.cancel_key_deletion(key.id)
    return json.dumps({"KeyId": key.arn})


def _request(self: KmsResponse) -> dict[str, Any]:
    return dict(json.loads(self.body))


def _pair(key: Key) -> keys.KeyPair:
    pair: Any = key.private_key
    return cast("keys.KeyPair", pair)


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def usable(self: KmsResponse, key_id: str) -> Key:
    """The key, if its state lets it be used.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
    """
    self._validate_key_id(key_id)
    key = self.kms_backend.describe_key(key_id)
    if key.key_state == "Disabled":
        raise JsonRESTError("DisabledException", f"{key.arn} is disabled.")
    if key.key_state == "PendingDeletion":
        raise JsonRESTError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
    return key


def _signing(self: KmsResponse, request: dict[str, Any], operation: str) -> tuple[Key, bytes, str, str]:
    algorithm = request["SigningAlgorithm"]
    message_type = request.get("MessageType") or keys.RAW
    message = base64.b64decode(request["Message"])
    known = {name for spec in keys.SIGNING_SPECS for name in keys.signing_algorithms(spec)}
    if algorithm not in known:
        raise ValidationException(
            f"1 validation error detected: Value '{algorithm}' at 'signingAlgorithm' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(sorted(known))}]"
        )
    key = usable(self, request["KeyId"])
    if key.key_usage != "SIGN_VERIFY":
        raise JsonRESTError(
            "InvalidKeyUsageException", f"{key.arn} key usage is {key.key_usage} which is not valid for {operation}."
        )
    if algorithm not in key.signing_algorithms:
        raise JsonRESTError(
            "InvalidKeyUsageException", f"Algorithm {algorithm} is incompatible with key spec {key.key_spec}."
        )
    keys.check_message(message, message_type, algorithm)
    if request.get("DryRun"):
        raise JsonRESTError(
            "DryRunOperationException", "The request would have succeeded, but the DryRun option is set."
        )
    return key, message, message_type, algorithm


def _data_key_pair(self: KmsResponse, operation: str) -> dict[str, Any]:
    request = _request(self)
    spec = request["KeyPairSpec"]
    if spec not in keys.DATA_KEY_PAIR_SPECS:
        raise ValidationException(
            f"1 validation error detected: Value '{spec}' at 'keyPairSpec' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(keys.DATA_KEY_PAIR_SPECS)}]"
        )
    key = usable(self, request["KeyId"])
    if key.key_spec != "SYMMETRIC_DEFAULT":
        raise JsonRESTError(
            "InvalidKeyUsageException", f"{key.arn} key usage is {key.key_usage} which is not valid for {operation}."
        )
    private = keys.generate(spec)
    plaintext = keys.private_bytes(private)
    ciphertext, arn = self.kms_backend.encrypt(key.id, plaintext, request.get("EncryptionContext") or {})
    return {
        "PrivateKeyCiphertextBlob": _encode(ciphertext),
        "PrivateKeyPlaintext": _encode(plaintext),
        "PublicKey": _encode(keys.public_bytes(private)),
        "KeyId": arn,
        "KeyPairSpec": spec,
    }
