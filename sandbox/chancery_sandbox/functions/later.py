"""Asynchronous events: accepted at once, run in the background, tried three times, then handed to a dead-letter queue.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from .deployment import Deployment
from .invocation import Event, Outcome
from .pool import ThrottledError
from .runner import Runner


class Later:
    """Runs events in the background."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._workers = ThreadPoolExecutor(max_workers=64, thread_name_prefix="sandbox-async")
        self._open = 0
        self._quiet = threading.Condition()
        self.accepted: Callable[[Any, Event, str, str], None] = lambda *_: None
        """Hears of every event that a service brings: the function, the event, the service, and what made it call."""
        self.ran: Callable[[Deployment, Event], None] = lambda *_: None
        """Hears of every attempt."""

    def accept(self, function: Any, event: Event, *, by: str = "", source: str = "") -> None:
        """Take an event; it is run with the function as it is now. `by` names the service that brings it."""
        if by:
            self.accepted(function, event, by, source)
        with self._quiet:
            self._open += 1
        self._workers.submit(self._try, function, Deployment.of(function), function.code_bytes, event)

    def settle(self, timeout: float) -> bool:
        """Wait until nothing is open, for so many seconds at most."""
        with self._quiet:
            return self._quiet.wait_for(lambda: self._open == 0, timeout)

    def end(self) -> None:
        """Drop what has not begun."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _try(self, function: Any, deployment: Deployment, code: bytes, event: Event) -> None:
        try:
            config = function.event_invoke_config[0].config if function.event_invoke_config else {}
            retries = int(config.get("MaximumRetryAttempts", 2))
            destinations = config.get("DestinationConfig") or {}
            outcome = self._attempts(deployment, code, event, retries)
            if outcome.error:
                dead = (getattr(function, "dead_letter", None) or {}).get("TargetArn")
                if dead:
                    _send(deployment, dead, event.payload.decode(), _dead_letter_attributes(event, outcome))
            side = destinations.get("OnFailure" if outcome.error else "OnSuccess") or {}
            if side.get("Destination"):
                _send(deployment, side["Destination"], json.dumps(_record(event, outcome, retries)), {})
        finally:
            with self._quiet:
                self._open -= 1
                self._quiet.notify_all()

    def _attempts(self, deployment: Deployment, code: bytes, event: Event, retries: int) -> Outcome:
        delays = self._runner.settings.retry_delays
        for attempt in range(retries + 1):
            if attempt:
                time.sleep(delays[min(attempt, len(delays)) - 1])
            outcome = self._once(deployment, code, event)
            if not outcome.error:
                break
        return outcome

    def _once(self, deployment: Deployment, code: bytes, event: Event) -> Outcome:
        # Throttling is no failed attempt: the event waits in the queue.
        while True:
            try:
                outcome = self._runner.run(deployment, code, event)
            except ThrottledError:
                time.sleep(0.05)
            else:
                self.ran(deployment, event)
                return outcome


def _dead_letter_attributes(event: Event, outcome: Outcome) -> dict[str, tuple[str, str]]:
    try:
        message = str(json.loads(outcome.payload).get("errorMessage", ""))
    except (ValueError, AttributeError):
        message = outcome.payload.decode(errors="replace")
    return {
        "RequestID": ("String", event.request_id),
        "ErrorCode": ("Number", "200"),
        "ErrorMessage": ("String", message[:1024] or "none"),
    }


def _record(event: Event, outcome: Outcome, retries: int) -> dict[str, Any]:
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": now,
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": event.invoked_arn,
            "condition": "RetriesExhausted" if outcome.error else "Success",
            "approximateInvokeCount": retries + 1 if outcome.error else 1,
        },
        "requestPayload": json.loads(event.payload),
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": json.loads(outcome.payload or b"null"),
    }
    if outcome.error:
        record["responseContext"]["functionError"] = outcome.error
    return record


def _send(deployment: Deployment, target: str, body: str, attributes: dict[str, tuple[str, str]]) -> None:
    service, region = target.split(":")[2:4]
    if service == "sqs":
        values = {name: {"DataType": kind, "StringValue": value} for name, (kind, value) in attributes.items()}
        sqs_backends[deployment.account][region].send_message(target.rsplit(":", 1)[1], body, message_attributes=values)
    elif service == "sns":
        values = {name: {"Type": kind, "Value": value} for name, (kind, value) in attributes.items()}
        sns_backends[deployment.account][region].publish(arn=target, message=body, message_attributes=values)
