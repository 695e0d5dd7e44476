"""A Slack that is on this machine: `chat.postMessage` with its checks, its rate limit and its bad days.

https://docs.slack.dev/reference/methods/chat.postMessage and https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

import json
import threading
import time
import urllib.parse
from collections.abc import Iterable
from typing import Any

from .call import Environ
from .gate import Application, StartResponse

PREFIX = "/_slack/api"
_BLOCKS = 50
_HEADER = 150
_TEXT = 3000
_FIELDS = 10
_FIELD = 2000


class Slack:
    """Answers below its prefix, and hands every other request on."""

    def __init__(self, inner: Application) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self.messages: list[dict[str, Any]] = []
        self._limited = 0
        self._retry_after = 1
        self._down = 0

    def behave(self, wish: dict[str, Any]) -> None:
        """Refuse the next `limited` messages with 429 and `retry_after` seconds; answer the next `down` with 503."""
        with self._lock:
            self._limited = int(wish.get("limited", 0))
            self._retry_after = int(wish.get("retry_after", 1))
            self._down = int(wish.get("down", 0))

    def clear(self) -> None:
        """Forget the messages, and behave."""
        self.behave({})
        with self._lock:
            self.messages.clear()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if not path.startswith(PREFIX):
            return self._inner(environ, start_response)
        status, headers, value = self._answer(path.removeprefix(PREFIX).strip("/"), environ)
        body = json.dumps(value).encode()
        start_response(
            status, [("Content-Type", "application/json; charset=utf-8"), ("Content-Length", str(len(body))), *headers]
        )
        return [body]

    def _answer(self, method: str, environ: Environ) -> tuple[str, list[tuple[str, str]], dict[str, Any]]:
        if method not in {"", "chat.postMessage"}:
            return "200 OK", [], {"ok": False, "error": "unknown_method"}
        message = _message(environ)
        with self._lock:
            if self._down > 0:
                self._down -= 1
                return "503 Service Unavailable", [], {"ok": False, "error": "service_unavailable"}
            if self._limited > 0:
                self._limited -= 1
                seconds = [("Retry-After", str(self._retry_after))]
                return "429 Too Many Requests", seconds, {"ok": False, "error": "ratelimited"}
            error = _fault(environ.get("HTTP_AUTHORIZATION", ""), message)
            if error:
                return "200 OK", [], {"ok": False, "error": error}
            stamp = f"{time.time():.6f}"
            self.messages.append(message | {"ts": stamp})
            return "200 OK", [], {"ok": True, "channel": message["channel"], "ts": stamp, "message": message}


def _message(environ: Environ) -> dict[str, Any]:
    body = environ["wsgi.input"].read()
    if environ.get("CONTENT_TYPE", "").startswith("application/json"):
        try:
            value = json.loads(body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}
    form = {name: values[0] for name, values in urllib.parse.parse_qs(body.decode(errors="replace")).items()}
    if "blocks" in form:
        try:
            return form | {"blocks": json.loads(form["blocks"])}
        except ValueError:
            return form | {"blocks": [None]}
    return form


def _fault(authorization: str, message: dict[str, Any]) -> str:
    token = authorization.removeprefix("Bearer").strip() or message.get("token", "")
    if not token:
        return "not_authed"
    if not token.startswith("xoxb-"):
        return "invalid_auth"
    if not message.get("channel"):
        return "channel_not_found"
    blocks = message.get("blocks") or []
    if not blocks and not message.get("text"):
        return "no_text"
    well = isinstance(blocks, list) and len(blocks) <= _BLOCKS and all(_well_formed(block) for block in blocks)
    return "" if well else "invalid_blocks"


def _well_formed(block: Any) -> bool:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        return False
    kind = block["type"]
    if kind == "header":
        text = block.get("text") or {}
        return text.get("type") == "plain_text" and 1 <= len(text.get("text", "")) <= _HEADER
    if kind == "section":
        fields, text = block.get("fields"), block.get("text")
        if fields is None and text is None:
            return False
        return _texts(fields or [], _FIELDS, _FIELD) and (text is None or _texts([text], 1, _TEXT))
    if kind == "context":
        return _texts(block.get("elements") or [], _FIELDS, _FIELD) and bool(block.get("elements"))
    return kind in {"divider", "rich_text", "actions", "image"}


def _texts(texts: list[Any], count: int, length: int) -> bool:
    return len(texts) <= count and all(
        isinstance(text, dict)
        and text.get("type") in {"mrkdwn", "plain_text"}
        and 1 <= len(str(text.get("text", ""))) <= length
        for text in texts
    )
