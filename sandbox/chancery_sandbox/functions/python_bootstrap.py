"""The managed runtime of Python functions, as far as a handler sees it: an event, a context, an answer.

Runs in the function's own interpreter, so it uses nothing but the standard library.
"""

from __future__ import annotations

import http.client
import importlib
import json
import os
import sys
import time
import traceback
from typing import Any

_BASE = "/2018-06-01/runtime/"


class Context:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-context.html."""

    def __init__(self, headers: Any) -> None:
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.client_context = json.loads(headers.get("Lambda-Runtime-Client-Context") or "null")
        self.identity = None
        self._deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is stopped."""
        return max(0, self._deadline - int(time.time() * 1000))


class Api:
    """The Runtime API over one connection."""

    def __init__(self) -> None:
        self._connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[Any, bytes]:
        """Make one request."""
        self._connection.request(method, _BASE + path, body)
        answer = self._connection.getresponse()
        return answer.headers, answer.read()


def main() -> None:
    """Load the handler, then answer events for ever."""
    api = Api()
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    try:
        module, _, function = os.environ["_HANDLER"].rpartition(".")
        handler = getattr(importlib.import_module(module.replace("/", ".")), function)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is reported
        api.ask("POST", "init/error", _described(error))
        sys.exit(1)
    while True:
        headers, body = api.ask("GET", "invocation/next")
        request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        os.environ["_X_AMZN_TRACE_ID"] = headers.get("Lambda-Runtime-Trace-Id", "")
        try:
            answer = json.dumps(handler(json.loads(body or b"null"), Context(headers))).encode()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported
            traceback.print_exc()
            sys.stderr.flush()
            api.ask("POST", f"invocation/{request_id}/error", _described(error))
            continue
        sys.stdout.flush()
        api.ask("POST", f"invocation/{request_id}/response", answer)


def _described(error: BaseException) -> bytes:
    return json.dumps(
        {
            "errorMessage": str(error),
            "errorType": type(error).__name__,
            "stackTrace": traceback.format_tb(error.__traceback__),
        }
    ).encode()


if __name__ == "__main__":
    main()
