"""A call as the gate observed it. The record is built on demand: it costs more than many a call."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from chancery_sandbox.call import Call, Environ

from .delivery_faults import Delivery, Way

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
    """One call and its answer."""

    call: Call
    identity: dict[str, Any]
    """The caller at the time of the call: a role may have been deleted when the record is built."""
    head: dict[str, str]
    """The head of the request, by WSGI names."""
    status: int
    headers: Headers
    answer: bytes
    at: float = field(default_factory=time.time)
    """When it was answered, in seconds since 1970."""
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    deliveries: dict[Way, Delivery] = field(default_factory=dict)
    """How its record is delivered, on the channels with a fault."""
    made: list[dict[str, Any]] | None = None
    """Its records, once they are built."""

    @property
    def account(self) -> str:
        """The caller's account."""
        return str(self.identity["accountId"])


def head_of(environ: Environ) -> dict[str, str]:
    """The part of an environ that is needed to parse the request again, without references to the connection."""
    head = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in _KEPT:
        if name in environ:
            head[name] = environ[name]
    return head
