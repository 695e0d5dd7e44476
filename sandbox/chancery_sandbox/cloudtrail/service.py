"""What the sandbox's CloudTrail sees, and where it goes from here."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from chancery_sandbox.call import Call, Environ
from chancery_sandbox.functions.deployment import Deployment
from chancery_sandbox.functions.invocation import Event

from . import names, record
from .agenda import Agenda
from .files import Files
from .mishaps import ORDINARY, Fate, Mishap, Mishaps, Way
from .observed import Headers, Observed, head_of
from .record import Invocation
from .selectors import Taker, logging

_HISTORY = 200_000
"""Management events that `LookupEvents` knows at most. AWS keeps those of 90 days."""
_SMALL = 1 << 16
"""Octets of a request and its answer that are kept until somebody wants the record."""
_ASYNCHRONOUS = "Event"

Records = list[dict[str, Any]]


class CloudTrail:
    """Sees every call, and every invocation that a service makes by itself."""

    def __init__(self) -> None:
        self.history: deque[Observed] = deque(maxlen=_HISTORY)
        self.mishaps = Mishaps()
        self.agenda = Agenda()
        self.files = Files()
        self.to_rules: Callable[[dict[str, Any]], None] = lambda _: None
        """Brings a record to EventBridge."""
        self._held: Records = []
        """What rules get after the next one."""

    @staticmethod
    def before(call: Call, account: str) -> Sequence[Taker]:
        """The trails that log before the call is made: they still take the call that stops them."""
        return logging(account) if call.service == "cloudtrail" else ()

    def saw(
        self,
        call: Call,
        environ: Environ,
        identity: dict[str, Any],
        answered: tuple[int, Headers, bytes],
        before: Sequence[Taker] = (),
    ) -> Observed | None:
        """Take notice of a call. Nothing is made of it yet, so that the caller does not wait."""
        if not call.service:
            return None
        kind = names.data_type(call, environ)
        takers = logging(str(identity["accountId"]))
        takers += [taker for taker in before if all(taker.trail is not now.trail for now in takers)]
        if kind is not None:
            takers = [taker for taker in takers if kind and taker.asks_for_data()]
            if not takers:
                return None
        observed = Observed(call, identity, head_of(environ), *answered)
        observed.fates = self.mishaps.fates(call, str(identity["arn"]))
        if kind is None:
            self.history.append(observed)
            if len(call.body) + len(observed.answer) > _SMALL:
                record.records(observed)
                call.body = observed.answer = b""
        if takers:
            self.agenda.add(lambda: self._hand_over(record.records(observed), takers, observed.fates))
        return observed

    def accepted(self, function: Any, event: Event, by: str, source: str) -> None:
        """A service invoked a function asynchronously."""
        arn = ":".join(function.function_arn.split(":")[:7])
        parameters = {"functionName": event.invoked_arn, "invocationType": _ASYNCHRONOUS}
        if source:
            parameters |= {"sourceArn": source, "sourceAccount": arn.split(":")[4]}
        self._invoked(Invocation("Invoke", arn, str(function.version), event.request_id, by, parameters))

    def executed(self, deployment: Deployment, event: Event) -> None:
        """An asynchronous event was run, whatever came of it."""
        self._invoked(
            Invocation("InvokeExecution", deployment.arn, deployment.version, event.request_id, "lambda.amazonaws.com")
        )

    def polled(self, deployment: Deployment, event: Event) -> None:
        """Lambda itself invoked a function, with what it found in a queue."""
        self._invoked(
            Invocation("Invoke", deployment.arn, deployment.version, event.request_id, "lambda.amazonaws.com")
        )

    def control(self) -> dict[tuple[str, str], Callable[[Any], Any]]:
        """What a test may ask, below `/_sandbox/`."""
        return {
            ("POST", "trail/records"): self._bring,
            ("GET", "trail/records"): lambda _: [made for each in list(self.history) for made in record.records(each)],
            ("POST", "trail/delays"): self._delay,
            ("POST", "trail/faults"): lambda value: self.mishaps.add(Mishap.parse(value)),
            ("DELETE", "trail/faults"): lambda _: self.mishaps.clear(),
            ("POST", "trail/deliver"): self._deliver,
        }

    def settle(self, timeout: float) -> bool:
        """Wait until everything is where it is to go whose time has come."""
        settled = self.agenda.settle(timeout)
        self._release()
        return settled

    def quiet(self) -> bool:
        """Whether nothing is under way at this moment."""
        return self.agenda.settle(0)

    def end(self) -> None:
        """Drop what is under way."""
        self.agenda.end()

    def _invoked(self, invocation: Invocation) -> None:
        takers = [taker for taker in logging(invocation.function.split(":")[4]) if taker.asks_for_data()]
        if not takers:
            return
        made = record.invocation(invocation)
        fates = self.mishaps.fates_of("lambda", invocation.name, invocation.by)
        self.agenda.add(lambda: self._hand_over([made], takers, fates))

    def _hand_over(self, made: Records, takers: Sequence[Taker], fates: dict[Way, Fate]) -> None:
        for each in made:
            wanting = [taker for taker in takers if taker.takes(each)]
            if not wanting:
                continue
            filed = fates.get(Way.FILES, ORDINARY)
            due = time.time() + self.mishaps.delays[Way.FILES] + filed.delay
            for taker in wanting:
                self.files.keep(taker.trail, each, due, filed)
            self._plan_rules(each, fates.get(Way.RULES, ORDINARY))

    def _plan_rules(self, made: dict[str, Any], fate: Fate) -> None:
        if fate.out_of_order:
            self._held.append(made)
            return
        delay = self.mishaps.delays[Way.RULES] + fate.delay
        for _ in range(fate.copies):
            if delay:
                self.agenda.add(lambda: self.to_rules(made), time.time() + delay)
            else:
                self.to_rules(made)
        self._release()

    def _release(self) -> None:
        held, self._held = self._held, []
        for made in held:
            self.to_rules(made)

    def _delay(self, value: dict[str, float]) -> None:
        for name, seconds in value.items():
            self.mishaps.delays[Way(name)] = float(seconds)

    def _bring(self, value: dict[str, Any]) -> dict[str, Any]:
        """Take a record of a call that this sandbox cannot be asked for, such as one of a service that it lacks."""
        made = record.brought(value)
        name, service = str(made["eventName"]), str(made["eventSource"]).split(".")[0]
        who = {"accountId": made["recipientAccountId"], "arn": str(made["userIdentity"].get("arn", ""))}
        call = Call(service, name, str(made["awsRegion"]), "", b"", request_id=str(made["requestID"]))
        observed = Observed(call, who, {}, 200, [], b"", made=[made])
        observed.fates = self.mishaps.fates(call, who["arn"])
        if made["managementEvent"]:
            self.history.append(observed)
        takers = logging(who["accountId"])
        self.agenda.add(lambda: self._hand_over([made], takers, observed.fates))
        return made

    def _deliver(self, value: dict[str, Any]) -> Any:
        self.agenda.settle(30)
        return self.files.deliver(
            str(value["region"]),
            trail=str(value.get("trail", "")),
            digest=bool(value.get("digest", True)),
            backfill=bool(value.get("backfill", False)),
        )
