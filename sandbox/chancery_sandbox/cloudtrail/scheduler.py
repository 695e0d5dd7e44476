"""Runs actions in the background, each when it is due."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

_LOG = logging.getLogger(__name__)


class Scheduler:
    """One thread that runs actions in the order of their due times. It starts with the first action."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._busy = False
        self._ended = False
        self._thread: threading.Thread | None = None

    def add(self, action: Callable[[], None], due: float = 0.0) -> None:
        """Run the action at once, or at that time (seconds since 1970)."""
        with self._changed:
            heapq.heappush(self._waiting, (due, next(self._numbers), action))
            if self._thread is None and not self._ended:
                self._thread = threading.Thread(target=self._work, name="sandbox-scheduler", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def settle(self, timeout: float) -> bool:
        """Wait until every action that is due has run, for at most that many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy and not self._due(), timeout)

    def end(self) -> None:
        """Drop the actions that have not started."""
        with self._changed:
            self._ended = True
            self._waiting.clear()
            self._changed.notify_all()

    def _due(self) -> bool:
        return bool(self._waiting) and self._waiting[0][0] <= time.time()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._ended and not self._due():
                    self._changed.wait(self._waiting[0][0] - time.time() if self._waiting else None)
                if self._ended:
                    return
                action = heapq.heappop(self._waiting)[2]
                self._busy = True
            try:
                action()
            except Exception:  # noqa: BLE001 - whatever it was, it is told
                # One failed action must not stop the others.
                _LOG.exception("the sandbox could not deliver an event")
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()
