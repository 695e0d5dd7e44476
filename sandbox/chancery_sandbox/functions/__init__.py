"""Lambda as moto has it, mended: functions run, and their configuration is kept whole."""

from __future__ import annotations

import base64
import binascii
import json
import re
import sys
import urllib.parse
from collections.abc import Callable
from typing import Any

from moto.awslambda.models import LambdaBackend, LambdaFunction, lambda_backends
from moto.awslambda.responses import LambdaResponse

from chancery_sandbox.call import CURRENT

from .deployment import Deployment
from .invocation import RESPONSE_LIMIT, Event
from .later import Later
from .pool import ThrottledError
from .process import tail
from .queues import Queues
from .runner import Runner, Settings

__all__ = ["Later", "Queues", "Runner", "Settings", "by_arn", "mend"]

_SYNC_LIMIT = RESPONSE_LIMIT
_ASYNC_LIMIT = 1024 * 1024


def mend(runner: Runner, later: Later) -> None:
    """Let Lambda run functions with this runner."""

    def invoke(self: LambdaResponse) -> tuple[int, dict[str, str], bytes | str]:
        deep = _depth(_payload(self))
        if deep > _DEEPEST:
            # Before anybody else reads it.
            wrong = f"Document nesting depth ({deep}) exceeds the maximum allowed ({_DEEPEST})"
            return _error(400, "InvalidRequestContentException", f"Could not parse request body into json: {wrong}")
        return _invoke(self, runner, later)

    def invoke_within(self: LambdaFunction, body: Any, _request: Any, _response: Any) -> bytes:
        # Other services of moto (EventBridge, SQS) call functions this way, and do not look at the answer.
        payload = body if isinstance(body, bytes) else str(body or "{}").encode()
        later.accept(self, Event(payload, self.function_arn))
        return b""

    LambdaResponse.invoke = invoke
    LambdaFunction.invoke = invoke_within
    if not hasattr(LambdaFunction, "dead_letter"):
        _keep_configuration(runner)


def by_arn(arn: str) -> Any:
    """The function of an ARN with or without qualifier; raises moto's error where there is none."""
    parts = arn.split(":")
    backend: LambdaBackend = lambda_backends[parts[4]][parts[3]]
    return backend.get_function(":".join(parts[:7]), parts[7] if len(parts) > 7 else None)


_DEEPEST = 1000
"""Arrays and objects within each other that Lambda's own parser takes."""

# That many are more than Python allows by itself, with what stands below them on the stack.
sys.setrecursionlimit(max(sys.getrecursionlimit(), 10 * _DEEPEST))

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


def _payload(self: LambdaResponse) -> bytes:
    raw = self.body
    return (raw if isinstance(raw, bytes) else str(raw or "").encode()) or b"{}"


def _depth(payload: bytes) -> int:
    """How many arrays and objects stand within each other at most."""
    depth = deepest = 0
    for octet in _STRING.sub(b"", payload):
        depth += (octet in b"[{") - (octet in b"]}")
        deepest = max(deepest, depth)
    return deepest


def _invoke(self: LambdaResponse, runner: Runner, later: Later) -> tuple[int, dict[str, str], bytes | str]:
    payload = _payload(self)
    name, qualifier = _named(self)
    function = self.backend.get_function(name, qualifier)
    call = CURRENT.get()
    call.about |= {"function": ":".join(function.function_arn.split(":")[:7]), "version": str(function.version)}
    kind = self.headers.get("X-Amz-Invocation-Type") or "RequestResponse"
    limit = _ASYNC_LIMIT if kind == "Event" else _SYNC_LIMIT
    if len(payload) > limit:
        return _error(413, "RequestTooLargeException", f"{len(payload)} byte payload is too large for the {kind} "
                      f"invocation type (limit {limit} bytes)")  # fmt: skip
    try:
        json.loads(payload)
        client_context = base64.b64decode(self.headers.get("X-Amz-Client-Context") or "").decode()
    except (ValueError, binascii.Error) as error:
        return _error(400, "InvalidRequestContentException", f"Could not parse request body into json: {error}")
    if kind == "DryRun":
        return 204, {"status": "204"}, b""
    arn = ":".join(function.function_arn.split(":")[:7]) + (f":{qualifier}" if qualifier else "")
    event = Event(payload, arn, client_context, trace=self.headers.get("X-Amzn-Trace-Id") or "")
    # What the caller's SDK shows is what the function is given.
    event.request_id = call.request_id
    if not event.trace:
        event.trace = Event(b"", "").trace + ";Sampled=" + ("1" if Deployment.of(function).traced else "0")
    if kind == "Event":
        later.accept(function, event)
        return 202, {"status": "202"}, b""
    try:
        outcome = runner.run(Deployment.of(function), function.code_bytes, event)
    except ThrottledError:
        return _error(429, "TooManyRequestsException", "Rate Exceeded.",
                      Reason="ReservedFunctionConcurrentInvocationLimitExceeded")  # fmt: skip
    headers = {"Content-Type": "application/json", "X-Amz-Executed-Version": str(function.version)}
    if outcome.error:
        headers["X-Amz-Function-Error"] = outcome.error
    if self.headers.get("X-Amz-Log-Type") == "Tail":
        headers["X-Amz-Log-Result"] = base64.b64encode(tail(outcome.log)).decode()
    return 200, headers, outcome.payload


def _named(self: LambdaResponse) -> tuple[str, str | None]:
    """Name (or ARN without qualifier) and qualifier; the qualifier may stand in the name."""
    name = urllib.parse.unquote(self.path.rsplit("/", 2)[-2])
    qualifier: str | None = self._get_param("Qualifier") or self._get_param("qualifier")
    parts = name.split(":")
    if name.startswith("arn:") and len(parts) == 8:
        return ":".join(parts[:7]), parts[7]
    if not name.startswith("arn:") and len(parts) == 2:
        return parts[0], parts[1]
    return name, qualifier


def _error(status: int, kind: str, message: str, **more: str) -> tuple[int, dict[str, str], bytes]:
    body = json.dumps({"Message": message, "message": message, "Type": "User", **more}).encode()
    return status, {"status": str(status), "x-amzn-ErrorType": kind, "Content-Type": "application/json"}, body


def _keep_configuration(runner: Runner) -> None:
    """Dead-letter targets, logging and tracing are configuration that moto forgets."""
    made: Callable[..., None] = LambdaFunction.__init__
    configured: Callable[..., dict[str, Any]] = LambdaFunction.get_configuration
    changed: Callable[..., dict[str, Any]] = LambdaFunction.update_configuration
    deleted: Callable[..., None] = LambdaBackend.delete_function

    def init(self: Any, account_id: str, spec: dict[str, Any], *rest: Any, **named: Any) -> None:
        made(self, account_id, spec, *rest, **named)
        self.dead_letter = spec.get("DeadLetterConfig")
        self.logging = spec.get("LoggingConfig")

    def get_configuration(self: Any, *rest: Any, **named: Any) -> dict[str, Any]:
        group = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{self.function_name}"}
        configuration = configured(self, *rest, **named) | {"LoggingConfig": group | (self.logging or {})}
        if (self.dead_letter or {}).get("TargetArn"):
            configuration["DeadLetterConfig"] = self.dead_letter
        return configuration

    def update_configuration(self: Any, updates: dict[str, Any]) -> dict[str, Any]:
        changed(self, updates)
        self.dead_letter = updates.get("DeadLetterConfig", self.dead_letter)
        self.logging = updates.get("LoggingConfig", self.logging)
        self.tracing_config = updates.get("TracingConfig", self.tracing_config)
        self.kms_key_arn = updates.get("KMSKeyArn", self.kms_key_arn)
        return get_configuration(self)

    def delete_function(self: Any, function_name: str, qualifier: str | None = None) -> None:
        arn = ":".join(self.get_function(function_name).function_arn.split(":")[:7])
        deleted(self, function_name, qualifier)
        runner.forget(arn)

    LambdaFunction.dead_letter = None  # type: ignore[attr-defined]
    LambdaFunction.__init__ = init
    LambdaFunction.get_configuration = get_configuration
    LambdaFunction.update_configuration = update_configuration
    LambdaBackend.delete_function = delete_function
