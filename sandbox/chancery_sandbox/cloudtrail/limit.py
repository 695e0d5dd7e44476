"""How often an operation may be called."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque


class RateLimit:
    """So many calls within a second, for each account and region."""

    def __init__(self, calls: int) -> None:
        self._calls = calls
        self._made: dict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def allows(self, account: str, region: str) -> bool:
        """Count a call; false where it is one too many, which then does not count."""
        now = time.monotonic()
        with self._lock:
            made = self._made[account, region]
            while made and now - made[0] >= 1.0:
                made.popleft()
            if len(made) >= self._calls:
                return False
            made.append(now)
            return True
