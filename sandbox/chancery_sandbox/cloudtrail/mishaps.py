"""What may go wrong with a record on its way: AWS promises neither that it comes, nor when, nor in which order."""

from __future__ import annotations

import enum
import threading
from dataclasses import dataclass, field
from typing import Any

from chancery_sandbox.call import Call


class Way(enum.Enum):
    """A way by which records reach people."""

    LOOKUP = "lookup"
    """`LookupEvents`."""
    RULES = "rules"
    """Rules of EventBridge."""
    FILES = "files"
    """A trail's files."""


class Kind(enum.Enum):
    """What goes wrong."""

    LATE = "late"
    LOST = "lost"
    DUPLICATED = "duplicated"
    OUT_OF_ORDER = "out-of-order"


@dataclass
class Mishap:
    """One that waits for its record."""

    way: Way
    kind: Kind
    service: str = ""
    """Signing name, e.g. `kms`; empty for all."""
    operation: str = ""
    times: int = 1
    skip: int = 0
    """How many matching records pass before it strikes."""
    delay: float = 0.0
    """Seconds, for late ones."""
    principal: str = ""
    """Only calls of callers whose ARN contains this text."""

    @classmethod
    def parse(cls, value: dict[str, Any]) -> Mishap:
        """Read one from the control interface; raises `ValueError` or `KeyError` where it is none."""
        mishap = cls(
            Way(value["way"]),
            Kind(value["kind"]),
            str(value.get("service", "")),
            str(value.get("operation", "")),
            int(value.get("times", 1)),
            int(value.get("skip", 0)),
            float(value.get("delay", 0)),
            str(value.get("principal", "")),
        )
        if mishap.kind is Kind.LATE and mishap.delay <= 0:
            raise ValueError("a record that is late needs a delay in seconds")
        if (mishap.way, mishap.kind) == (Way.LOOKUP, Kind.OUT_OF_ORDER):
            raise ValueError("LookupEvents sorts by time whatever happens; let the record be late")
        return mishap

    def meets(self, service: str, operation: str, caller: str) -> bool:
        """Whether such a call is one of those that are meant."""
        return self.service in {"", service} and self.operation in {"", operation} and self.principal in caller


@dataclass
class Fate:
    """What becomes of one record on one way."""

    delay: float = 0.0
    copies: int = 1
    out_of_order: bool = False


ORDINARY = Fate()


@dataclass
class Mishaps:
    """Those that are still to come, and how long each way takes by itself."""

    delays: dict[Way, float] = field(default_factory=lambda: dict.fromkeys(Way, 0.0))
    _waiting: list[Mishap] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, mishap: Mishap) -> None:
        """Let it strike the next records that match."""
        with self._lock:
            self._waiting.append(mishap)

    def clear(self) -> int:
        """Forget all that have not struck as often as they were to, and say how many those are."""
        with self._lock:
            left = len(self._waiting)
            self._waiting.clear()
            return left

    def fates(self, call: Call, caller: str) -> dict[Way, Fate]:
        """What becomes of the record of this call, where it is out of the ordinary."""
        if not self._waiting:
            return {}
        return self.fates_of(call.service, call.operation, caller)

    def fates_of(self, service: str, operation: str, caller: str) -> dict[Way, Fate]:
        """The same, of a call that did not come over HTTP."""
        fates: dict[Way, Fate] = {}
        with self._lock:
            for mishap in list(self._waiting):
                if mishap.way in fates or not mishap.meets(service, operation, caller):
                    continue
                if mishap.skip > 0:
                    mishap.skip -= 1
                    continue
                mishap.times -= 1
                if mishap.times <= 0:
                    self._waiting.remove(mishap)
                fates[mishap.way] = _FATES[mishap.kind](mishap)
        return fates


_FATES = {
    Kind.LATE: lambda mishap: Fate(delay=mishap.delay),
    Kind.LOST: lambda _: Fate(copies=0),
    Kind.DUPLICATED: lambda _: Fate(copies=2),
    Kind.OUT_OF_ORDER: lambda _: Fate(out_of_order=True),
}
