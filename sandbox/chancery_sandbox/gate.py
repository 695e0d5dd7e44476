"""The gate before moto: every call gets a request id of its own, faults strike here, and the trail is written here."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from . import access, faults, principal
from .call import CURRENT, Call, Environ
from .cloudtrail import CloudTrail
from .faults import Faults, Kind
from .kms.usage import Usage, counts
from .trail import Trail

StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

# moto's backends are plain Python objects: AWS's guarantees (a conditional write sees no half of another) need a lock,
# and a list that is read while another call adds to it breaks. Services whose calls wait for functions have none.
_SERIALISED = ("dynamodb", "s3", "iam", "logs", "monitoring", "events", "secretsmanager")


@dataclass
class Made:
    """A call that was made, for those who count them."""

    service: str
    operation: str
    caller: str
    status: int
    seconds: float
    request_id: str
    at: float
    scanned: int
    """Items that a query or a scan went through, which is what AWS charges for."""


class Gate:
    """A WSGI application around moto's."""

    def __init__(self, inner: Application, cloudtrail: CloudTrail, usage: Usage, trail: Trail | None) -> None:
        self._inner = inner
        self._cloudtrail = cloudtrail
        self._usage = usage
        self._trail = trail
        self._locks = {service: threading.RLock() for service in _SERIALISED}
        self.faults = Faults()
        self.calls: deque[Made] = deque(maxlen=200_000)
        self.refusals: deque[str] = deque(maxlen=10_000)
        self.signatures: deque[dict[str, str]] = deque(maxlen=200_000)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        call = Call.parse(environ)
        CURRENT.set(call)
        who = principal.identity(call.access_key) if call.access_key else {}
        caller = str(who.get("arn", ""))
        before = self._cloudtrail.before(call, who["accountId"]) if who else ()
        began = time.perf_counter()
        fault = self.faults.strike(call, caller)
        status, headers, body = self._through(environ, call, fault)
        body = _with_request_id(call, status, body)
        seconds = time.perf_counter() - began
        _not_before(environ, call, began)
        scanned = _scanned(call, body)
        self.calls.append(
            Made(call.service, call.operation, caller, status, seconds, call.request_id, time.time(), scanned)
        )
        # Calls that never reached AWS, and operations that the service lacks, are not recorded.
        if who and (fault is None or fault.kind not in {Kind.UNREACHABLE, Kind.UNKNOWN}):
            observed = self._cloudtrail.saw(call, environ, who, (status, headers, body), before)
            if observed is not None and call.service == "kms":
                if counts(call, status):
                    self._usage.saw(call, json.loads(body), observed)
                if self._trail is not None:
                    self._trail.record(observed)
        if fault is not None and fault.kind in {Kind.LOST, Kind.UNREACHABLE}:
            _cut(environ)
        # A HEAD states the length of what it does not send.
        ours = _OURS if environ["REQUEST_METHOD"] == "HEAD" else _OURS | {"content-length"}
        headers = [(name, value) for name, value in headers if name.lower() not in ours]
        headers += [("x-amzn-RequestId", call.request_id), ("x-amz-request-id", call.request_id)]
        if environ["REQUEST_METHOD"] != "HEAD":
            headers.append(("Content-Length", str(len(body))))
        start_response(f"{status} {_phrase(status)}", headers)
        return [body]

    def made(self) -> list[dict[str, Any]]:
        """Every call so far, oldest first."""
        return [asdict(call) for call in list(self.calls)]

    def _through(
        self, environ: Environ, call: Call, fault: faults.Fault | None
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        if fault is not None and fault.kind not in {Kind.FAILED_DONE, Kind.SLOW, Kind.LOST}:
            return _refused(call, fault.kind)
        if fault is not None and fault.kind is Kind.SLOW:
            time.sleep(fault.delay)
        why = access.refusal(call)
        if why:
            self.refusals.append(why)
            status, content_type, body = faults.refused(call, why)
            return status, [("Content-Type", content_type)], body
        with self._locks.get(call.service, contextlib.nullcontext()):
            try:
                answered = _answered(self._inner, environ)
            except NotImplementedError:
                # Said at once, and so that no client tries again and again.
                return _refused(call, Kind.UNKNOWN)
        if (call.service, call.operation, answered[0]) == ("kms", "Sign", 200):
            self.signatures.append(_signature(call, answered[2]))
        if fault is not None and fault.kind is Kind.FAILED_DONE:
            return _refused(call, Kind.FAILED)
        return answered


_REQUEST_ID = re.compile(rb"<(RequestI[dD])>[^<]*</RequestI[dD]>")


def _with_request_id(call: Call, status: int, body: bytes) -> bytes:
    """Put the request id into an answer in XML, too: SDKs prefer it to the one in the header."""
    if not body.startswith(b"<") or (call.service == "s3" and status < 400):
        return body
    return _REQUEST_ID.sub(rb"<\1>" + call.request_id.encode() + rb"</\1>", body)


_OURS = {"x-amzn-requestid", "x-amz-request-id", "connection", "server", "date"}


_PROVIDER = "Terraform"
_SOONEST = 0.05
"""Seconds from a whole request of Terraform's provider to its answer at least."""


def _not_before(environ: Environ, call: Call, began: float) -> None:
    """Keep an answer back that would come before the provider has done with sending.

    On a machine with much to do, an answer within three milliseconds comes while the provider is still about its
    request: it drops connection and answer, and asks again, and what the first request made is there already. No AWS
    is that quick.
    """
    if call.body and _PROVIDER in str(environ.get("HTTP_USER_AGENT", "")):
        time.sleep(max(0.0, began + _SOONEST - time.perf_counter()))


def _scanned(call: Call, answer: bytes) -> int:
    if call.service != "dynamodb" or call.operation not in {"Query", "Scan"}:
        return 0
    return int(json.loads(answer or b"{}").get("ScannedCount", 0))


def _signature(call: Call, answer: bytes) -> dict[str, str]:
    return {
        "request_id": call.request_id,
        "key": json.loads(answer)["KeyId"],
        "message": json.loads(call.body)["Message"],
    }


def _refused(call: Call, kind: Kind) -> tuple[int, list[tuple[str, str]], bytes]:
    status, content_type, body = faults.answer(call, kind)
    return status, [("Content-Type", content_type)], body


def _answered(application: Application, environ: Environ) -> tuple[int, list[tuple[str, str]], bytes]:
    head: list[Any] = []
    written: list[bytes] = []

    def start(status: str, headers: list[tuple[str, str]], _exc_info: object = None) -> Callable[[bytes], None]:
        head[:] = [int(status.split(" ", 1)[0]), headers]
        return written.append

    answer = application(environ, start)
    try:
        written.extend(answer)
    finally:
        close = getattr(answer, "close", None)
        if close is not None:
            close()
    return head[0], head[1], b"".join(written)


def _cut(environ: Environ) -> None:
    """Close the caller's connection before a word of the answer; waitress has no other way to its channel."""
    connection = environ["waitress.client_disconnected"].__self__.socket
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
