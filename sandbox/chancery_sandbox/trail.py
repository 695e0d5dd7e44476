"""A log of every KMS call, a line of JSON each: CloudTrail's records, written down at once and in order.

https://docs.aws.amazon.com/kms/latest/developerguide/logging-using-cloudtrail.html
"""

from __future__ import annotations

import json
import threading
from pathlib import Path

from .cloudtrail.observed import Observed
from .cloudtrail.record import records


class Trail:
    """Appends to one file; calls of several threads never mix within a line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def record(self, observed: Observed) -> None:
        """Write down one call and what became of it."""
        line = json.dumps(records(observed)[0])
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()
