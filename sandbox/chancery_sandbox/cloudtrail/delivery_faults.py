"""Faults in the delivery of records: AWS guarantees neither delivery, nor a deadline, nor an order."""

from __future__ import annotations

import enum
import threading
from dataclasses import dataclass, field
from typing import Any

from chancery_sandbox.call import Call


class Way(enum.Enum):
    """A channel by which records are delivered."""

    LOOKUP = "lookup"
    """`LookupEvents`."""
    RULES = "rules"
    """EventBridge rules."""
    FILES = "files"
    """Log files of a trail."""


class Kind(enum.Enum):
    """The kind of fault."""

    LATE = "late"
    LOST = "lost"
    DUPLICATED = "duplicated"
    OUT_OF_ORDER = "out-of-order"


@dataclass
class DeliveryFault:
    """A fault that applies to the next matching records."""

    way: Way
    kind: Kind
    service: str = ""
    """Signing name, e.g. `kms`; empty for all."""
    operation: str = ""
    times: int = 1
    skip: int = 0
    """How many matching records are delivered normally first."""
    delay: float = 0.0
    """Seconds, for `late`."""
    principal: str = ""
    """Only calls of callers whose ARN contains this text."""

    @classmethod
    def parse(cls, value: dict[str, Any]) -> DeliveryFault:
        """Parse a request of the control interface; raises `ValueError` or `KeyError` if it is invalid."""
        fault = cls(
            Way(value["way"]),
            Kind(value["kind"]),
            str(value.get("service", "")),
            str(value.get("operation", "")),
            int(value.get("times", 1)),
            int(value.get("skip", 0)),
            float(value.get("delay", 0)),
            str(value.get("principal", "")),
        )
        if fault.kind is Kind.LATE and fault.delay <= 0:
            raise ValueError("a record that is late needs a delay in seconds")
        if (fault.way, fault.kind) == (Way.LOOKUP, Kind.OUT_OF_ORDER):
            raise ValueError("LookupEvents sorts by time whatever happens; let the record be late")
        return fault

    def meets(self, service: str, operation: str, caller: str) -> bool:
        """Whether the fault applies to such a call."""
        return self.service in {"", service} and self.operation in {"", operation} and self.principal in caller


@dataclass
class Delivery:
    """How one record is delivered on one channel."""

    delay: float = 0.0
    copies: int = 1
    out_of_order: bool = False


ORDINARY = Delivery()


@dataclass
class DeliveryFaults:
    """The pending faults, and the ordinary delay of each channel."""

    delays: dict[Way, float] = field(default_factory=lambda: dict.fromkeys(Way, 0.0))
    _waiting: list[DeliveryFault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: DeliveryFault) -> None:
        """Apply the fault to the next matching records."""
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> int:
        """Remove the faults that were not used up, and return their number."""
        with self._lock:
            left = len(self._waiting)
            self._waiting.clear()
            return left

    def deliveries(self, call: Call, caller: str) -> dict[Way, Delivery]:
        """How the record of this call is delivered, on the channels that have a fault for it."""
        if not self._waiting:
            return {}
        return self.deliveries_of(call.service, call.operation, caller)

    def deliveries_of(self, service: str, operation: str, caller: str) -> dict[Way, Delivery]:
        """The same for a call that did not arrive over HTTP."""
        deliveries: dict[Way, Delivery] = {}
        with self._lock:
            for fault in list(self._waiting):
                if fault.way in deliveries or not fault.meets(service, operation, caller):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                deliveries[fault.way] = _DELIVERIES[fault.kind](fault)
        return deliveries


_DELIVERIES = {
    Kind.LATE: lambda fault: Delivery(delay=fault.delay),
    Kind.LOST: lambda _: Delivery(copies=0),
    Kind.DUPLICATED: lambda _: Delivery(copies=2),
    Kind.OUT_OF_ORDER: lambda _: Delivery(out_of_order=True),
}
