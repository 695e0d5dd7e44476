"""Faults on demand: the next calls of an operation are throttled, fail, are slow, or lose their answer.

An AWS client must expect each of these of every call; a sandbox in which they never happen would prove nothing.
"""

from __future__ import annotations

import enum
import json
import threading
from dataclasses import dataclass
from typing import Any

from .call import Call


class Kind(enum.Enum):
    """What happens to a call."""

    THROTTLED = "throttled"
    """Refused with the service's throttling error; nothing is done."""
    FAILED = "failed"
    """An internal error; nothing is done."""
    FAILED_DONE = "failed-done"
    """It is done, and an internal error is answered."""
    CONFLICT = "conflict"
    """Refused because another call is at the same thing at the same time; nothing is done."""
    SLOW = "slow"
    """It is done after a delay."""
    LOST = "lost"
    """It is done, and the connection is cut before the answer."""
    UNKNOWN = "unknown"
    """Refused as an operation that the service does not have."""
    UNREACHABLE = "unreachable"
    """The connection is cut; nothing is done."""


@dataclass
class Fault:
    """A fault that waits for its call."""

    service: str
    operation: str
    kind: Kind
    times: int = 1
    skip: int = 0
    """How many matching calls pass before it strikes."""
    delay: float = 0.0
    """Seconds, for slow ones."""
    principal: str = ""
    """Only callers whose role or ARN contains this text."""
    path: str = ""
    """Only calls whose path contains this text, e.g. a function's name."""

    @classmethod
    def parse(cls, value: dict[str, Any]) -> Fault:
        """Read one from the control interface; raises `ValueError` or `KeyError` where it is none."""
        return cls(
            service=str(value["service"]),
            operation=str(value["operation"]),
            kind=Kind(value["kind"]),
            times=int(value.get("times", 1)),
            skip=int(value.get("skip", 0)),
            delay=float(value.get("delay", 0)),
            principal=str(value.get("principal", "")),
            path=str(value.get("path", "")),
        )


class Faults:
    """The faults that are still to come."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Let it strike the next calls that match."""
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> int:
        """Forget all that have not struck as often as they were to, and say how many those are."""
        with self._lock:
            left = len(self._waiting)
            self._waiting.clear()
            return left

    def strike(self, call: Call, caller: str) -> Fault | None:
        """The fault that this call meets, used up by it."""
        with self._lock:
            for fault in self._waiting:
                if (fault.service, fault.operation) != (call.service, call.operation):
                    continue
                if fault.principal not in caller or fault.path not in call.path:
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return None


_THROTTLING = {
    "dynamodb": ("ProvisionedThroughputExceededException", 400),
    "s3": ("SlowDown", 503),
    "lambda": ("TooManyRequestsException", 429),
    "sns": ("Throttled", 429),
}
_CONFLICT = {
    "dynamodb": ("TransactionConflictException", 400),
    "s3": ("ConditionalRequestConflict", 409),
}
_DENIED = {"s3": ("AccessDenied", 403), "sns": ("AuthorizationError", 403), "iam": ("AccessDenied", 403)}
_INTERNAL = {"kms": "KMSInternalException", "s3": "InternalError", "sns": "InternalError", "lambda": "ServiceException"}


def answer(call: Call, kind: Kind) -> tuple[int, str, bytes]:
    """Status, content type and body of the error, in the service's own protocol."""
    if kind is Kind.THROTTLED:
        code, status = _THROTTLING.get(call.service, ("ThrottlingException", 400))
        message = "Rate exceeded"
    elif kind is Kind.UNKNOWN:
        code, status = "UnknownOperationException", 400
        message = f"The sandbox's {call.service} does not know {call.operation}."
    elif kind is Kind.CONFLICT:
        code, status = _CONFLICT.get(call.service, ("ConflictException", 409))
        message = "A conflicting operation occurred. Retry the operation."
    else:
        code, status = _INTERNAL.get(call.service, "InternalServerError"), 500
        message = "The request processing has failed because of an unknown error, exception, or failure."
    return error(call, code, status, message)


def refused(call: Call, message: str) -> tuple[int, str, bytes]:
    """The error for a caller without permission."""
    code, status = _DENIED.get(call.service, ("AccessDeniedException", 400))
    return error(call, code, status, message)


def error(call: Call, code: str, status: int, message: str) -> tuple[int, str, bytes]:
    """Status, content type and body of an error, in the service's own protocol."""
    if call.service == "s3":
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message>'
            f"<RequestId>{call.request_id}</RequestId></Error>"
        )
        return status, "application/xml", text.encode()
    if call.service in {"sns", "iam", "sts"}:
        text = (
            f"<ErrorResponse><Error><Type>Receiver</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            f"<RequestId>{call.request_id}</RequestId></ErrorResponse>"
        )
        return status, "text/xml", text.encode()
    return status, "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message}).encode()
