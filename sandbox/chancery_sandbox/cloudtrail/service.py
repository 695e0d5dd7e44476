"""Observes calls and delivers their records."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from chancery_sandbox.call import Call, Environ
from chancery_sandbox.functions.deployment import Deployment
from chancery_sandbox.functions.invocation import Event

from . import names, record
from .delivery_faults import ORDINARY, Delivery, DeliveryFault, DeliveryFaults, Way
from .files import Files
from .observed import Headers, Observed, head_of
from .record import Invocation
from .scheduler import Scheduler
from .selectors import LoggingTrail, logging

_HISTORY = 200_000
"""The number of management events that are kept; AWS keeps those of 90 days."""
_SMALL = 1 << 16
"""Bytes of a request and its answer up to which both are kept until the record is built."""
_ASYNCHRONOUS = "Event"

Records = list[dict[str, Any]]


class CloudTrail:
    """Observes every call, and every invocation by an AWS service."""

    def __init__(self) -> None:
        self.history: deque[Observed] = deque(maxlen=_HISTORY)
        self.delivery_faults = DeliveryFaults()
        self.scheduler = Scheduler()
        self.files = Files()
        self.to_rules: Callable[[dict[str, Any]], None] = lambda _: None
        """Delivers a record to EventBridge."""
        self._held: Records = []
        """Records that are delivered to rules after the next one."""

    @staticmethod
    def before(call: Call, account: str) -> Sequence[LoggingTrail]:
        """The trails that log before the call: the call that stops a trail is logged by it."""
        return logging(account) if call.service == "cloudtrail" else ()

    def saw(
        self,
        call: Call,
        environ: Environ,
        identity: dict[str, Any],
        answered: tuple[int, Headers, bytes],
        before: Sequence[LoggingTrail] = (),
    ) -> Observed | None:
        """Observe a call. The record is built later, so that the caller does not wait."""
        if not call.service:
            return None
        kind = names.data_type(call, environ)
        logging_trails = logging(str(identity["accountId"]))
        logging_trails += [
            logging_trail
            for logging_trail in before
            if all(logging_trail.trail is not now.trail for now in logging_trails)
        ]
        if kind is not None:
            logging_trails = [
                logging_trail for logging_trail in logging_trails if kind and logging_trail.asks_for_data()
            ]
            if not logging_trails:
                return None
        observed = Observed(call, identity, head_of(environ), *answered)
        observed.deliveries = self.delivery_faults.deliveries(call, str(identity["arn"]))
        if kind is None:
            self.history.append(observed)
            if len(call.body) + len(observed.answer) > _SMALL:
                record.records(observed)
                call.body = observed.answer = b""
        if logging_trails:
            self.scheduler.add(lambda: self._hand_over(record.records(observed), logging_trails, observed.deliveries))
        return observed

    def accepted(self, function: Any, event: Event, by: str, source: str) -> None:
        """Record that a service invoked a function asynchronously."""
        arn = ":".join(function.function_arn.split(":")[:7])
        parameters = {"functionName": event.invoked_arn, "invocationType": _ASYNCHRONOUS}
        if source:
            parameters |= {"sourceArn": source, "sourceAccount": arn.split(":")[4]}
        self._invoked(Invocation("Invoke", arn, str(function.version), event.request_id, by, parameters))

    def executed(self, deployment: Deployment, event: Event) -> None:
        """Record an attempt to run an asynchronous event."""
        self._invoked(
            Invocation("InvokeExecution", deployment.arn, deployment.version, event.request_id, "lambda.amazonaws.com")
        )

    def polled(self, deployment: Deployment, event: Event) -> None:
        """Record that Lambda invoked a function with messages of a queue."""
        self._invoked(
            Invocation("Invoke", deployment.arn, deployment.version, event.request_id, "lambda.amazonaws.com")
        )

    def control(self) -> dict[tuple[str, str], Callable[[Any], Any]]:
        """The handlers of the control interface, below `/_sandbox/`."""
        return {
            ("POST", "trail/records"): self._inject,
            ("GET", "trail/records"): lambda _: [made for each in list(self.history) for made in record.records(each)],
            ("POST", "trail/delays"): self._delay,
            ("POST", "trail/faults"): lambda value: self.delivery_faults.add(DeliveryFault.parse(value)),
            ("DELETE", "trail/faults"): lambda _: self.delivery_faults.clear(),
            ("POST", "trail/deliver"): self._deliver,
        }

    def settle(self, timeout: float) -> bool:
        """Wait until every record that is due is delivered."""
        settled = self.scheduler.settle(timeout)
        self._release()
        return settled

    def quiet(self) -> bool:
        """Whether no delivery is due or running."""
        return self.scheduler.settle(0)

    def end(self) -> None:
        """Drop pending deliveries."""
        self.scheduler.end()

    def _invoked(self, invocation: Invocation) -> None:
        logging_trails = [
            logging_trail
            for logging_trail in logging(invocation.function.split(":")[4])
            if logging_trail.asks_for_data()
        ]
        if not logging_trails:
            return
        made = record.invocation(invocation)
        deliveries = self.delivery_faults.deliveries_of("lambda", invocation.name, invocation.by)
        self.scheduler.add(lambda: self._hand_over([made], logging_trails, deliveries))

    def _hand_over(
        self, made: Records, logging_trails: Sequence[LoggingTrail], deliveries: dict[Way, Delivery]
    ) -> None:
        for each in made:
            wanting = [logging_trail for logging_trail in logging_trails if logging_trail.takes(each)]
            if not wanting:
                continue
            filed = deliveries.get(Way.FILES, ORDINARY)
            due = time.time() + self.delivery_faults.delays[Way.FILES] + filed.delay
            for logging_trail in wanting:
                self.files.keep(logging_trail.trail, each, due, filed)
            self._plan_rules(each, deliveries.get(Way.RULES, ORDINARY))

    def _plan_rules(self, made: dict[str, Any], delivery: Delivery) -> None:
        if delivery.out_of_order:
            self._held.append(made)
            return
        delay = self.delivery_faults.delays[Way.RULES] + delivery.delay
        for _ in range(delivery.copies):
            if delay:
                self.scheduler.add(lambda: self.to_rules(made), time.time() + delay)
            else:
                self.to_rules(made)
        self._release()

    def _release(self) -> None:
        held, self._held = self._held, []
        for made in held:
            self.to_rules(made)

    def _delay(self, value: dict[str, float]) -> None:
        for name, seconds in value.items():
            self.delivery_faults.delays[Way(name)] = float(seconds)

    def _inject(self, value: dict[str, Any]) -> dict[str, Any]:
        """Deliver a record of a call that cannot be made here, such as one of a service that the sandbox lacks."""
        made = record.injected(value)
        name, service = str(made["eventName"]), str(made["eventSource"]).split(".")[0]
        who = {"accountId": made["recipientAccountId"], "arn": str(made["userIdentity"].get("arn", ""))}
        call = Call(service, name, str(made["awsRegion"]), "", b"", request_id=str(made["requestID"]))
        observed = Observed(call, who, {}, 200, [], b"", made=[made])
        observed.deliveries = self.delivery_faults.deliveries(call, who["arn"])
        if made["managementEvent"]:
            self.history.append(observed)
        logging_trails = logging(who["accountId"])
        self.scheduler.add(lambda: self._hand_over([made], logging_trails, observed.deliveries))
        return made

    def _deliver(self, value: dict[str, Any]) -> Any:
        self.scheduler.settle(30)
        return self.files.deliver(
            str(value["region"]),
            trail=str(value.get("trail", "")),
            digest=bool(value.get("digest", True)),
            backfill=bool(value.get("backfill", False)),
        )
