"""`GetKeyLastUsage`: the last cryptographic operation with a key that succeeded.

https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyLastUsage.html
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import JsonRESTError

from chancery_sandbox.call import Call
from chancery_sandbox.cloudtrail.limit import RateLimit
from chancery_sandbox.cloudtrail.observed import Observed

if TYPE_CHECKING:
    from moto.kms.responses import KmsResponse

_COUNTED = frozenset({
    "Decrypt", "DeriveSharedSecret", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "GenerateMac", "ReEncrypt", "Sign",
    "Verify", "VerifyMac",
})  # fmt: skip
_KEPT = 1000
"""Uses that are kept for each key: the newest ones may not be visible yet."""


@dataclass(frozen=True)
class Use:
    """A use of a key."""

    operation: str
    at: float
    event_id: str
    request_id: str


class Usage:
    """Keeps the last uses of each key, independently of trails and their selectors."""

    def __init__(self) -> None:
        self.delay = 0.0
        """Seconds until a use becomes visible; up to an hour on AWS."""
        self._uses: dict[str, deque[Use]] = {}
        self._lock = threading.Lock()

    def saw(self, call: Call, answer: dict[str, Any], observed: Observed) -> None:
        """Record a successful call."""
        use = Use(call.operation, observed.at, observed.event_id, call.request_id)
        with self._lock:
            for name in ("KeyId", "SourceKeyId"):
                if name in answer:
                    self._uses.setdefault(answer[name], deque(maxlen=_KEPT)).append(use)

    def last(self, arn: str) -> Use | None:
        """The newest use that is visible by now."""
        with self._lock:
            told = [use for use in self._uses.get(arn, ()) if use.at + self.delay <= time.time()]
        return told[-1] if told else None


def counts(call: Call, status: int) -> bool:
    """Whether a call is a successful use of a key."""
    return call.service == "kms" and status == 200 and call.operation in _COUNTED


def mend(usage: Usage) -> None:
    """Add the operation to moto's KMS."""
    from moto.kms.responses import KmsResponse  # noqa: PLC0415 - it takes long to load

    limit = RateLimit(5)

    def get_key_last_usage(self: KmsResponse) -> str:
        if not limit.allows(self.current_account, self.region):
            raise JsonRESTError("ThrottlingException", "Rate exceeded")
        key_id = json.loads(self.body)["KeyId"]
        if key_id.startswith("alias/") or ":alias/" in key_id:
            raise JsonRESTError("InvalidArnException", f"{key_id} is not a key id or the ARN of a key.")
        self._validate_key_id(key_id)
        key = self.kms_backend.describe_key(key_id)
        use = usage.last(key.arn)
        told = (
            {
                "Operation": use.operation,
                "Timestamp": use.at,
                "CloudTrailEventId": use.event_id,
                "KmsRequestId": use.request_id,
            }
            if use
            else {}
        )
        return json.dumps(
            {
                "KeyId": key.id,
                "KeyLastUsage": told,
                "TrackingStartDate": key.creation_date,
                "KeyCreationDate": key.creation_date,
            }
        )

    KmsResponse.get_key_last_usage = get_key_last_usage  # type: ignore[attr-defined]
