"""KMS as moto has it, mended: signing honours the message type, ML-DSA keys, data key pairs, key states, windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.kms import models
from moto.kms.responses import KmsResponse
from moto.kms.utils import KeySpec

from . import keys, operations


def mend() -> None:
    """Put our operations in the place of moto's; doing it twice does no harm."""
    for operation in (
        operations.sign,
        operations.verify,
        operations.get_public_key,
        operations.generate_data_key_pair,
        operations.generate_data_key_pair_without_plaintext,
        operations.schedule_key_deletion,
        operations.cancel_key_deletion,
    ):
        setattr(KmsResponse, operation.__name__, operation)
    for name in ("encrypt", "decrypt", "generate_data_key", "generate_data_key_without_plaintext"):
        original = getattr(KmsResponse, name)
        if not hasattr(original, "checks_state"):
            setattr(KmsResponse, name, _state_checked(original))
    for name in ("enable_key", "disable_key"):
        original = getattr(models.KmsBackend, name)
        if not hasattr(original, "takes_arns"):
            setattr(models.KmsBackend, name, _by_id(original))
    setattr(models, "generate_private_key", _key_pair)  # noqa: B010 - the name is imported there, not its own
    models.Key.signing_algorithms = property(_signing_algorithms)
    KeySpec.key_specs = staticmethod(lambda: sorted({*(item.value for item in KeySpec), *keys.ML_DSA_SPECS}))


def _key_pair(spec: str) -> keys.KeyPair | None:
    return keys.KeyPair(spec) if spec in keys.SIGNING_SPECS else None


def _signing_algorithms(key: models.Key) -> list[str] | None:
    return keys.signing_algorithms(key.key_spec) if key.key_usage == "SIGN_VERIFY" else None


def _by_id(original: Callable[[models.KmsBackend, str], None]) -> Callable[[models.KmsBackend, str], None]:
    def by_id(self: models.KmsBackend, key_id: str) -> None:
        original(self, self.get_key_id(key_id))

    by_id.takes_arns = True  # type: ignore[attr-defined]
    return by_id


def _state_checked(original: Callable[[KmsResponse], str]) -> Callable[[KmsResponse], str]:
    def checked(self: KmsResponse) -> str:
        key_id: Any = self._get_param("KeyId")
        if key_id is not None:
            operations.usable(self, key_id)
        return original(self)

    checked.checks_state = True  # type: ignore[attr-defined]
    return checked
