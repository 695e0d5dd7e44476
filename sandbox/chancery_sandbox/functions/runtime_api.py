"""The Lambda Runtime API that one process speaks: it asks for the next event, and posts what came of it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import contextlib
import json
import queue
import socket
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .invocation import RESPONSE_LIMIT, Event

_PREFIX = "/2018-06-01/runtime/"


@dataclass
class Answer:
    """What the process posted for an event."""

    payload: bytes
    error: bool


class RuntimeApi:
    """A server on a port of its own, for one process."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        """Set when the process asks for an event: its initialisation is over."""
        self.init_error: bytes | None = None
        self.finished = threading.Condition()
        self.answer: Answer | None = None
        self._events: queue.SimpleQueue[tuple[Event, int] | None] = queue.SimpleQueue()
        self._current: Event | None = None
        self._server = _Server(self)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 60}, daemon=True).start()

    def give(self, event: Event, deadline_ms: int) -> None:
        """Answer the process's next question with this event."""
        self.answer = None
        self._current = event
        self._events.put((event, deadline_ms))

    def close(self) -> None:
        """End the server; a process that waits for an event finds its connection closed."""
        self._events.put(None)
        # The listener's own loop looks up only now and then; its socket can be closed at once.
        self._server.socket.close()
        threading.Thread(target=self._server.shutdown, daemon=True).start()

    def next(self) -> tuple[Event, int] | None:
        """Wait for an event."""
        self.asked.set()
        return self._events.get()

    def post(self, request_id: str, answer: Answer) -> bool:
        """Take an answer; false where no such event is open."""
        with self.finished:
            if self._current is None or request_id != self._current.request_id:
                return False
            self._current = None
            self.answer = answer
            self.finished.notify_all()
        return True

    def fail_init(self, body: bytes) -> None:
        """Take the report of a failed initialisation."""
        with self.finished:
            self.init_error = body
            self.finished.notify_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: RuntimeApi) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A process that ended mid-way is reported by whoever watches it."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    @property
    def _api(self) -> RuntimeApi:
        server: Any = self.server
        api: RuntimeApi = server.api
        return api

    def do_GET(self) -> None:
        """Hand out the next event."""
        if self.path != _PREFIX + "invocation/next":
            self._answer(404, b"{}")
            return
        given = self._api.next()
        if given is None:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        event, deadline_ms = given
        headers = {
            "Lambda-Runtime-Aws-Request-Id": event.request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": event.invoked_arn,
            "Lambda-Runtime-Trace-Id": event.trace,
        }
        if event.client_context:
            headers["Lambda-Runtime-Client-Context"] = event.client_context
        self._answer(200, event.payload, headers)

    def do_POST(self) -> None:
        """Take an answer or an error."""
        body = self._body()
        if self.path == _PREFIX + "init/error":
            self._api.fail_init(body)
            self._answer(202, b'{"status":"OK"}')
            return
        parts = self.path.removeprefix(_PREFIX).split("/")
        if len(parts) != 3 or parts[0] != "invocation" or parts[2] not in {"response", "error"}:
            self._answer(404, b"{}")
            return
        if len(body) > RESPONSE_LIMIT:
            message = (
                f"Response payload size ({len(body)} bytes) exceeded maximum allowed payload size (6291556 bytes)."
            )
            refusal = {"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}
            self._api.post(parts[1], Answer(json.dumps(refusal).encode(), error=True))
            self._answer(413, json.dumps({"errorMessage": message, "errorType": "RequestEntityTooLarge"}).encode())
        elif self._api.post(parts[1], Answer(body, error=parts[2] == "error")):
            self._answer(202, b'{"status":"OK"}')
        else:
            self._answer(400, b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}')

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response_only(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing: the function's own log is what counts."""
