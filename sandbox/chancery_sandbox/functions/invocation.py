"""An event on its way through a function, and what came of it."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field

RESPONSE_LIMIT = 6 * 1024 * 1024
"""Octets of a synchronous answer, https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html."""


@dataclass
class Event:
    """What is handed to a function."""

    payload: bytes
    invoked_arn: str
    client_context: str = ""
    """JSON, decoded from base64."""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    trace: str = field(default_factory=lambda: f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}")


@dataclass
class Outcome:
    """What came back."""

    payload: bytes
    error: str = ""
    """`Unhandled` where the function failed."""
    log: str = ""
    report: Report | None = None


@dataclass(frozen=True)
class Report:
    """The measures of Lambda's REPORT line. Times in milliseconds, memory in MiB."""

    request_id: str
    duration: float
    memory_size: int
    memory_used: int
    init_duration: float | None
    """Only for the first event of a process."""

    def line(self) -> str:
        """The line as Lambda logs it."""
        billed = self.duration + (self.init_duration or 0)
        parts = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {self.duration:.2f} ms",
            f"Billed Duration: {-int(-billed // 1)} ms",
            f"Memory Size: {self.memory_size} MB",
            f"Max Memory Used: {self.memory_used} MB",
        ]
        if self.init_duration is not None:
            parts.append(f"Init Duration: {self.init_duration:.2f} ms")
        return "\t".join(parts) + "\t"


def failure(kind: str, message: str) -> bytes:
    """The payload by which Lambda itself tells of a failure."""
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()
