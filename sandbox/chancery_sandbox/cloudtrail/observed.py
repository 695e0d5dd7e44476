"""A call as it was seen, kept until somebody asks for its record: making one costs more than many a call."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from chancery_sandbox.call import Call, Environ

from .mishaps import Fate, Way

Headers = list[tuple[str, str]]

_KEPT = (
    "REQUEST_METHOD",
    "PATH_INFO",
    "QUERY_STRING",
    "CONTENT_TYPE",
    "REQUEST_URI",
    "REMOTE_ADDR",
    "SERVER_NAME",
    "SERVER_PORT",
    "wsgi.url_scheme",
)


@dataclass
class Observed:
    """One call, and what became of it."""

    call: Call
    identity: dict[str, Any]
    """The caller as `principal.identity` told it at that moment: roles may be gone when the record is asked for."""
    head: dict[str, str]
    """What the request said beside its body, by WSGI's names."""
    status: int
    headers: Headers
    answer: bytes
    at: float = field(default_factory=time.time)
    """When it was answered."""
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    fates: dict[Way, Fate] = field(default_factory=dict)
    """What becomes of its record, where that is out of the ordinary."""
    made: list[dict[str, Any]] | None = None
    """Its records, once they were made."""

    @property
    def account(self) -> str:
        """The caller's."""
        return str(self.identity["accountId"])


def head_of(environ: Environ) -> dict[str, str]:
    """What is needed to read the request again. The rest of an environ belongs to the connection."""
    head = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in _KEPT:
        if name in environ:
            head[name] = environ[name]
    return head
