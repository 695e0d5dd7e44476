"""A log of every KMS call, a line of JSON each, in the shape of CloudTrail's records.

https://docs.aws.amazon.com/kms/latest/developerguide/logging-using-cloudtrail.html
"""

from __future__ import annotations

import datetime as dt
import json
import threading
import uuid
from pathlib import Path
from typing import Any

from . import principal
from .call import Call

# What CloudTrail shows of a request: never a message, a plaintext or a ciphertext.
_SHOWN = (
    "keyId", "signingAlgorithm", "messageType", "keySpec", "keyPairSpec", "keyUsage", "encryptionContext",
    "numberOfBytes", "aliasName", "targetKeyId", "pendingWindowInDays", "policyName", "description", "origin",
)  # fmt: skip
_READ_ONLY = ("Describe", "Get", "List", "Sign", "Verify", "Encrypt", "Decrypt", "Generate")


class Trail:
    """Appends to one file; calls of several threads never mix within a line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def record(self, call: Call, status: int, answer: bytes) -> None:
        """Write down one call and what became of it."""
        request, response = _json(call.body), _json(answer)
        event: dict[str, Any] = {
            "eventVersion": "1.11",
            "userIdentity": principal.identity(call.access_key),
            "eventTime": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": "kms.amazonaws.com",
            "eventName": call.operation,
            "awsRegion": call.region,
            "requestParameters": _shown(request) or None,
            "responseElements": None,
            "requestID": call.request_id,
            "eventID": str(uuid.uuid4()),
            "readOnly": call.operation.startswith(_READ_ONLY),
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": principal.account_of(call.access_key),
        }
        if status >= 400:
            event["errorCode"] = str(response.get("__type", "Unknown")).rsplit("#", 1)[-1]
            event["errorMessage"] = response.get("message") or response.get("Message")
        else:
            key = response.get("KeyId") or response.get("KeyMetadata", {}).get("Arn")
            if key and str(key).startswith("arn:"):
                event["resources"] = [{"type": "AWS::KMS::Key", "ARN": key}]
        with self._lock:
            self._file.write(json.dumps(event) + "\n")
            self._file.flush()


def _json(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text or b"{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _shown(request: dict[str, Any]) -> dict[str, Any]:
    camel = {name[:1].lower() + name[1:]: value for name, value in request.items()}
    return {name: camel[name] for name in _SHOWN if name in camel}
