"""Event source mappings of SQS: batches, partial failures, redelivery after the visibility timeout.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from moto.awslambda.models import EventSourceMapping, LambdaBackend, lambda_backends
from moto.sqs.models import Message, Queue, SQSBackend, sqs_backends

from .deployment import Deployment
from .invocation import Event, Outcome
from .pool import ThrottledError
from .runner import Runner

_LOOK = 0.1
"""Seconds between two polls: messages become visible again without notification."""
_AT_ONCE = 5
"""Concurrent batches of a mapping without `MaximumConcurrency`."""
_WORKERS = 32


class Queues:
    """Polls queues and invokes functions with batches of messages."""

    def __init__(self, runner: Runner, patience: float) -> None:
        self._runner = runner
        self._patience = patience
        self.ran: Callable[[Deployment, Event], None] = lambda *_: None
        """Called after every invocation."""
        self._busy: dict[str, int] = {}
        self._since: dict[str, float] = {}
        self._changed = threading.Condition()
        self._workers = ThreadPoolExecutor(max_workers=_WORKERS, thread_name_prefix="sandbox-queues")
        self._ended = False
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Poll now."""
        with self._changed:
            if self._thread is None and not self._ended:
                self._thread = threading.Thread(target=self._work, name="sandbox-queues", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def settle(self, timeout: float) -> bool:
        """Wait until no batch is in progress and no message is visible, for at most that many seconds."""
        deadline = time.monotonic() + timeout
        while not self.quiet():
            if time.monotonic() >= deadline:
                return False
            self.wake()
            time.sleep(_LOOK / 4)
        return True

    def quiet(self) -> bool:
        """Whether no batch is in progress and no message is visible."""
        with self._changed:
            busy = any(self._busy.values())
        return not busy and not any(queue.messages for _, queue in _mapped())

    def end(self) -> None:
        """Start no more batches."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _work(self) -> None:
        while not self._ended:
            for mapping, queue in _mapped():
                self._begin(mapping, queue)
            with self._changed:
                if not self._ended:
                    # A new mapping, or a message in a queue that has one, wakes it.
                    self._changed.wait(_LOOK if any(True for _ in _mapped()) else None)

    def _begin(self, mapping: EventSourceMapping, queue: Queue) -> None:
        most = int((mapping.scaling_config or {}).get("MaximumConcurrency", _AT_ONCE))
        while self._busy.get(mapping.uuid, 0) < most and self._is_full(mapping, queue):
            backend = sqs_backends[queue.account_id][queue.region]
            messages = backend.receive_message(queue.name, mapping.batch_size, 0, queue.visibility_timeout, ["All"])  # type: ignore[attr-defined]
            if not messages:
                return
            with self._changed:
                self._busy[mapping.uuid] = self._busy.get(mapping.uuid, 0) + 1
            self._workers.submit(self._run, mapping, queue, messages)

    def _is_full(self, mapping: EventSourceMapping, queue: Queue) -> bool:
        """Whether there is a full batch, or the batching window is over."""
        there = len(queue.messages)
        if not there:
            self._since.pop(mapping.uuid, None)
            return False
        began = self._since.setdefault(mapping.uuid, time.monotonic())
        window = float(mapping.max_batch_window or 0) * self._patience
        if there < mapping.batch_size and time.monotonic() - began < window:
            return False
        self._since.pop(mapping.uuid, None)
        return True

    def _run(self, mapping: EventSourceMapping, queue: Queue, messages: list[Message]) -> None:
        try:
            wanted = [message for message in messages if _passes(mapping, message)]
            failed = self._invoke(mapping, queue, wanted) if wanted else set()
            for message in messages:
                if message.id not in failed:
                    queue.delete_message(str(message.receipt_handle))
        finally:
            with self._changed:
                self._busy[mapping.uuid] -= 1
                self._changed.notify_all()

    def _invoke(self, mapping: EventSourceMapping, queue: Queue, messages: list[Message]) -> set[str]:
        """The ids of the messages that failed; they become visible again after the visibility timeout."""
        parts = _function(mapping).split(":")
        region, account = parts[3:5]
        function = lambda_backends[account][region].get_function(
            ":".join(parts[:7]), parts[7] if len(parts) > 7 else None
        )
        deployment = Deployment.of(function)
        records = [_record(queue, message) for message in messages]
        event = Event(json.dumps({"Records": records}).encode(), ":".join(parts))
        everything = {message.id for message in messages}
        try:
            outcome = self._runner.run(deployment, function.code_bytes, event)
        except ThrottledError:
            return everything
        self.ran(deployment, event)
        if outcome.error:
            return everything
        return (
            _reported(outcome, everything)
            if "ReportBatchItemFailures" in (mapping.function_response_types or ())
            else set()
        )


def mend(queues: Queues) -> None:
    """Replace moto's poller and correct its queues; doing it twice does no harm."""
    add: Callable[..., None] = getattr(Queue.add_message, "original", Queue.add_message)
    delete: Callable[..., None] = getattr(Queue.delete_message, "original", Queue.delete_message)
    receive: Callable[..., list[Message]] = getattr(SQSBackend.receive_message, "original", SQSBackend.receive_message)

    def add_message(self: Queue, message: Message) -> None:
        mappings, self.lambda_event_source_mappings = self.lambda_event_source_mappings, {}
        try:
            add(self, message)
        finally:
            self.lambda_event_source_mappings = mappings
        if mappings:
            queues.wake()

    def delete_message(self: Queue, receipt_handle: str) -> None:
        # moto replaces the list of messages: one that is added meanwhile would be lost.
        with self._messages_lock:
            delete(self, receipt_handle)

    def receive_message(
        self: SQSBackend, queue_name: str, count: int, wait_seconds_timeout: int, *rest: Any, **named: Any
    ) -> list[Message]:
        queue = self.get_queue(queue_name)
        deadline = time.monotonic() + (wait_seconds_timeout or 0)
        while True:
            # Two callers must not receive the same message.
            with queue._messages_lock:  # noqa: SLF001 - the queue's own lock
                taken = receive(self, queue_name, count, 0, *rest, **named)
            left = deadline - time.monotonic()
            if taken or left <= 0:
                return taken
            queue.wait_for_messages(min(1, left))  # type: ignore[arg-type]

    for name in ("create_event_source_mapping", "update_event_source_mapping"):
        theirs = getattr(LambdaBackend, name)
        setattr(LambdaBackend, name, _waking(queues, getattr(theirs, "original", theirs)))
    _mend_attributes()
    add_message.original = add  # type: ignore[attr-defined]
    delete_message.original = delete  # type: ignore[attr-defined]
    receive_message.original = receive  # type: ignore[attr-defined]
    Queue.add_message = add_message
    Queue.delete_message = delete_message
    SQSBackend.receive_message = receive_message


def _mend_attributes() -> None:
    """Return redrive policies without spaces, as AWS does: Terraform compares the text."""
    told: Callable[[Queue], dict[str, Any]] = getattr(Queue.attributes.fget, "original", Queue.attributes.fget)  # type: ignore[attr-defined]

    def attributes(self: Queue) -> dict[str, Any]:
        attributes = told(self)
        if self.redrive_policy:
            attributes["RedrivePolicy"] = json.dumps(self.redrive_policy, separators=(",", ":"))
        return attributes

    attributes.original = told  # type: ignore[attr-defined]
    Queue.attributes = property(attributes)


def _waking(queues: Queues, original: Callable[..., Any]) -> Callable[..., Any]:
    def changed(self: LambdaBackend, *rest: Any, **named: Any) -> Any:
        mapping = original(self, *rest, **named)
        queues.wake()
        return mapping

    changed.original = original  # type: ignore[attr-defined]
    return changed


def _mapped() -> Iterator[tuple[EventSourceMapping, Queue]]:
    for regions in list(lambda_backends.values()):
        for backend in list(regions.values()):
            for mapping in list(backend._event_source_mappings.values()):  # noqa: SLF001 - nothing else lists them
                service, region, account, name = mapping.event_source_arn.split(":")[2:6]
                queue = sqs_backends[account][region].queues.get(name) if service == "sqs" else None
                if queue is not None and mapping.enabled:
                    yield mapping, queue


def _function(mapping: EventSourceMapping) -> str:
    """ARN of the function, with the qualifier of the mapping."""
    name = mapping.function_name
    if name.startswith("arn:"):
        return name
    bare = ":".join(mapping.function_arn.split(":")[:7])
    return f"{bare}:{name.split(':')[1]}" if ":" in name else bare


def _passes(mapping: EventSourceMapping, message: Message) -> bool:
    """Whether a message passes the mapping's filters; the others are deleted from the queue."""
    filters = (mapping.filter_criteria or {}).get("Filters") or []
    if not filters:
        return True
    # At module level the import would be circular.
    from moto.events.models import EventPattern  # noqa: PLC0415

    try:
        body = json.loads(message.body)
    except ValueError:
        body = message.body
    return any(EventPattern.load(each["Pattern"]).matches_event({"body": body}) for each in filters)  # type: ignore[typeddict-item,typeddict-unknown-key]


def _record(queue: Queue, message: Message) -> dict[str, Any]:
    attributes = {
        "ApproximateReceiveCount": str(message.approximate_receive_count),
        "SentTimestamp": str(message.sent_timestamp),
        "SenderId": message.sender_id,
        "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
    }
    if queue.fifo_queue:
        attributes |= {
            "MessageGroupId": str(message.group_id),
            "MessageDeduplicationId": str(message.deduplication_id),
            "SequenceNumber": str(message.sequence_number),
        }
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": attributes,
        "messageAttributes": {
            name: {
                "dataType": value.get("DataType"),
                "stringValue": value.get("StringValue"),
                "stringListValues": [],
                "binaryListValues": [],
            }
            for name, value in message.message_attributes.items()
        },
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.queue_arn,
        "awsRegion": queue.region,
    }


def _reported(outcome: Outcome, everything: set[str]) -> set[str]:
    """The messages that the answer reports as failed; all of them if the answer is invalid.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    try:
        answer = json.loads(outcome.payload or b"null")
        failures = (answer or {}).get("batchItemFailures") or []
        failed = {each["itemIdentifier"] for each in failures}
    except (ValueError, AttributeError, TypeError, KeyError):
        return everything
    unknown = failed - everything
    return everything if unknown else failed
