"""Processes of every function: one event at a time each, more of them when all are busy, up to a limit."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable

from .deployment import Deployment
from .invocation import Event, Outcome
from .process import Process

Starter = Callable[[Deployment, bytes], Process]


class ThrottledError(Exception):
    """The function's reserved concurrency is used up."""


@dataclasses.dataclass
class _Slot:
    deployment: Deployment
    idle: list[Process] = dataclasses.field(default_factory=list)
    busy: int = 0


class Pool:
    """Hands events to processes. Where all processes that may be are busy, a caller waits for its turn."""

    def __init__(self, start: Starter, limit: int) -> None:
        self._start = start
        self._limit = limit
        self._slots: dict[tuple[str, str], _Slot] = {}
        self._changed = threading.Condition()

    def run(self, deployment: Deployment, code: bytes, event: Event) -> Outcome:
        """Run one event; raises `ThrottledError` where the reserved concurrency is used up."""
        slot, process = self._take(deployment)
        alive = False
        try:
            if process is None:
                process = self._start(deployment, code)
            outcome = process.run(event)
            alive = process.alive
            return outcome
        finally:
            with self._changed:
                slot.busy -= 1
                keep = alive and self._slots.get(deployment.slot) is slot and process is not None
                if keep and process is not None:
                    slot.idle.append(process)
                self._changed.notify()
            if not keep and process is not None and process.alive:
                process.end()

    def forget(self, arn: str) -> None:
        """End the idle processes of a function; busy ones end when they are done. The next event starts cold."""
        with self._changed:
            ended = [self._slots.pop(key) for key in list(self._slots) if key[0] == arn]
        for slot in ended:
            for process in slot.idle:
                process.end()

    def end(self) -> None:
        """End all."""
        with self._changed:
            arns = {key[0] for key in self._slots}
        for arn in arns:
            self.forget(arn)

    def _take(self, deployment: Deployment) -> tuple[_Slot, Process | None]:
        stale: list[Process] = []
        try:
            with self._changed:
                while True:
                    slot = self._slot(deployment, stale)
                    if deployment.reserved is not None and slot.busy >= deployment.reserved:
                        raise ThrottledError(deployment.name)
                    if slot.busy < self._limit:
                        break
                    self._changed.wait()
                slot.busy += 1
                while slot.idle:
                    process = slot.idle.pop()
                    if process.running():
                        return slot, process
                    stale.append(process)
                return slot, None
        finally:
            for process in stale:
                process.end()

    def _slot(self, deployment: Deployment, stale: list[Process]) -> _Slot:
        slot = self._slots.get(deployment.slot)
        if slot is not None and slot.deployment == deployment:
            return slot
        if slot is not None:
            stale.extend(slot.idle)
            slot.idle.clear()
        slot = self._slots[deployment.slot] = _Slot(deployment)
        return slot
