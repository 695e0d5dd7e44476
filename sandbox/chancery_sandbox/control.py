"""What a test asks of the sandbox itself, below `/_sandbox/`: faults, and the calls that were made."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from .call import Environ
from .faults import Fault
from .gate import Application, Gate, StartResponse

PREFIX = "/_sandbox/"
Handler = Callable[[Any], Any]


class Control:
    """Answers its own paths, and hands every other to the gate."""

    def __init__(self, gate: Gate) -> None:
        self._inner: Application = gate
        self._handlers: dict[tuple[str, str], Handler] = {
            ("GET", "health"): lambda _: {"ok": True},
            ("GET", "calls"): lambda _: gate.made(),
            ("DELETE", "calls"): lambda _: gate.calls.clear(),
            ("GET", "refusals"): lambda _: list(gate.refusals),
            ("GET", "signatures"): lambda _: list(gate.signatures),
            ("POST", "faults"): lambda value: gate.faults.add(Fault.parse(value)),
            ("DELETE", "faults"): lambda _: gate.faults.clear(),
        }

    def add(self, method: str, name: str, handler: Handler) -> None:
        """Answer one more: the handler takes the request's JSON and returns the answer's."""
        self._handlers[method, name] = handler

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if not path.startswith(PREFIX):
            return self._inner(environ, start_response)
        handler = self._handlers.get((environ["REQUEST_METHOD"], path.removeprefix(PREFIX)))
        if handler is None:
            return _answer(start_response, "404 Not Found", {"error": "the sandbox has no such path"})
        body = environ["wsgi.input"].read()
        try:
            return _answer(start_response, "200 OK", handler(json.loads(body) if body else None))
        except (KeyError, ValueError, TypeError) as error:
            return _answer(start_response, "400 Bad Request", {"error": f"{type(error).__name__}: {error}"})


def _answer(start_response: StartResponse, status: str, value: Any) -> list[bytes]:
    body = json.dumps(value).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
