"""Corrects moto's EventBridge: pattern matching, rule states, targets, and reserved sources.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
"""

from __future__ import annotations

import copy
import datetime as dt
import json
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

from jsonpath_ng.ext.parser import parse as parse_path
from moto.events.models import EventPattern, EventsBackend, Rule, events_backends
from moto.events.responses import EventsHandler
from moto.events.utils import EventTemplateParser
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from . import policy
from .functions import Later, by_arn
from .functions.invocation import Event

_SERVICE = "events.amazonaws.com"
_AWS = "aws."
_CALL = "AWS API Call via CloudTrail"
_DISABLED = "DISABLED"
_ALL = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
_LARGEST = 256 * 1024
"""The size limit of an event, in bytes."""

undelivered: deque[dict[str, str]] = deque(maxlen=10_000)
"""Events that a rule matched and that could not be delivered to a target, with the reason."""


class UndeliverableError(Exception):
    """A target does not accept events of the rule."""


def mend(later: Later) -> None:
    """Let rules reach their targets; doing it twice does no harm."""
    original: Callable[..., None] = getattr(Rule.send_to_targets, "original", Rule.send_to_targets)
    put: Callable[..., list[dict[str, Any]]] = getattr(EventsBackend.put_events, "original", EventsBackend.put_events)

    def send_to_targets(self: Rule, original_event: Any, transform_input: bool = True) -> None:
        pattern = self.event_pattern.get_pattern()
        # A rule with only a schedule has no pattern, and matches no event.
        if self.state == _DISABLED or (self.scheduled_expression and not pattern):
            return
        if not self.event_pattern.matches_event(original_event):
            return
        for target in list(self.targets):
            if target["Arn"].split(":")[2] in _SENDERS:
                _send(self, target, original_event, later)
            else:
                alone = copy.copy(self)
                alone.targets = [target]
                original(alone, original_event, transform_input)

    def put_events(self: EventsBackend, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len(events) > 10:
            return put(self, events)
        answers = []
        for event in events:
            if str(event.get("Source", "")).lower().startswith(_AWS):
                # This prefix is reserved for AWS services.
                refusal = {
                    "ErrorCode": "NotAuthorizedForSourceException",
                    "ErrorMessage": "Not authorized for the source.",
                }
                answers.append(refusal)
            else:
                answers += put(self, [event])
        return answers

    send_to_targets.original = original  # type: ignore[attr-defined]
    put_events.original = put  # type: ignore[attr-defined]
    Rule.send_to_targets = send_to_targets
    EventsBackend.put_events = put_events
    EventPattern.matches_event = _matches_event
    EventsHandler.test_event_pattern = _test_event_pattern


def deliver(record: dict[str, Any]) -> None:
    """Deliver CloudTrail's record of a call to the rules of its account and region."""
    account, region = record["recipientAccountId"], record["awsRegion"]
    rules = list(events_backends[account][region].event_buses["default"].rules.values())
    rules = [rule for rule in rules if _reaches(rule, record)]
    if not rules:
        return
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": _CALL,
        "source": _AWS + record["eventSource"].split(".")[0],
        "account": account,
        "time": record["eventTime"],
        "region": region,
        "resources": [],
        "detail": record,
    }
    if len(json.dumps(event)) > _LARGEST:
        return
    for rule in rules:
        rule.send_to_targets(event)  # type: ignore[arg-type]


def _reaches(rule: Rule, record: dict[str, Any]) -> bool:
    """Read-only management events are only guaranteed in one rule state, so they are not delivered in the other.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html
    """
    if rule.state == _DISABLED:
        return False
    return rule.state == _ALL or not (record["managementEvent"] and record["readOnly"])


def _matches_event(self: EventPattern, event: Any) -> bool:
    pattern = self.get_pattern()
    return not pattern or _matches(pattern, event)


def _test_event_pattern(self: EventsHandler) -> str:
    """https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html."""
    pattern = EventPattern.load(self._get_param("EventPattern"))
    return json.dumps({"Result": pattern.matches_event(json.loads(self._get_param("Event")))})


def _matches(pattern: dict[str, Any], node: Any) -> bool:
    """Whether an object, or any object of an array, matches a pattern."""
    if isinstance(node, list):
        return any(_matches(pattern, each) for each in node) if node else _matches(pattern, {})
    held = node if isinstance(node, dict) else {}
    return all(_field(name, wanted, held) for name, wanted in pattern.items())


def _field(name: str, wanted: Any, held: dict[str, Any]) -> bool:
    if name == "$or":
        return any(_matches(each, held) for each in wanted)
    if isinstance(wanted, dict):
        return _matches(wanted, held.get(name, {}))
    return any(_holds(each, name in held, held.get(name)) for each in wanted)


def _holds(wanted: Any, present: bool, actual: Any) -> bool:
    if isinstance(wanted, dict):
        if "exists" in wanted:
            return bool(wanted["exists"]) == (present and not isinstance(actual, dict))
        return present and EventPattern._does_item_match_named_filter(actual, wanted)  # noqa: SLF001 - it is right there
    several = actual if isinstance(actual, list) else [actual]
    # In Python `True == 1`; in JSON they differ.
    return present and any(type(each) is type(wanted) and each == wanted for each in several)


def _send(rule: Rule, target: dict[str, Any], event: dict[str, Any], later: Later) -> None:
    body = json.dumps(_input(target, event))
    try:
        _SENDERS[target["Arn"].split(":")[2]](rule, target, body, later)
    except Exception as error:  # noqa: BLE001 - whatever the target's service says, the caller of the event does not hear it
        why = f"{type(error).__name__}: {error}"
        undelivered.append({"rule": rule.arn, "target": target["Arn"], "event": str(event["id"]), "why": why})
        dead = (target.get("DeadLetterConfig") or {}).get("Arn")
        if dead:
            told = {"RULE_ARN": rule.arn, "TARGET_ARN": target["Arn"], "ERROR_MESSAGE": why}
            attributes = {name: {"DataType": "String", "StringValue": value} for name, value in told.items()}
            _queue(dead).send_message(dead.rsplit(":", 1)[1], body, message_attributes=attributes)


def _input(target: dict[str, Any], event: dict[str, Any]) -> Any:
    """The input of a target for an event."""
    told = {name: value for name, value in event.items() if name != "ingestion-time"}
    if not isinstance(told["time"], str):
        told["time"] = dt.datetime.fromtimestamp(float(told["time"]), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if target.get("Input"):
        return json.loads(target["Input"])
    if target.get("InputPath"):
        found = parse_path(target["InputPath"]).find(told)
        return found[0].value if found else None
    transformer = target.get("InputTransformer")
    if transformer:
        whole: Any = told | {"ingestion-time": time.time()}
        return EventTemplateParser.parse(transformer["InputTemplate"], transformer.get("InputPathsMap", {}), whole)
    return told


def _to_function(rule: Rule, target: dict[str, Any], body: str, later: Later) -> None:
    function = by_arn(target["Arn"])
    statements = function.policy.statements if function.policy else []
    _check(rule, {"Statement": statements}, "lambda:InvokeFunction", target["Arn"])
    later.accept(function, Event(body.encode(), target["Arn"]), by=_SERVICE, source=rule.arn)


def _to_queue(rule: Rule, target: dict[str, Any], body: str, _: Later) -> None:
    name = target["Arn"].rsplit(":", 1)[1]
    backend = _queue(target["Arn"])
    _check(rule, backend.get_queue(name).policy, "sqs:SendMessage", target["Arn"])
    backend.send_message(name, body, group_id=(target.get("SqsParameters") or {}).get("MessageGroupId"))


def _to_topic(rule: Rule, target: dict[str, Any], body: str, _: Later) -> None:
    region, account = target["Arn"].split(":")[3:5]
    backend = sns_backends[account][region]
    _check(rule, backend.get_topic(target["Arn"]).policy, "sns:Publish", target["Arn"])
    backend.publish(arn=target["Arn"], message=body)


_SENDERS: dict[str, Callable[[Rule, dict[str, Any], str, Later], None]] = {
    "lambda": _to_function,
    "sqs": _to_queue,
    "sns": _to_topic,
}


def _queue(arn: str) -> Any:
    region, account = arn.split(":")[3:5]
    return sqs_backends[account][region]


def _check(rule: Rule, document: str | dict[str, Any] | None, action: str, resource: str) -> None:
    """Check that the target's resource policy allows EventBridge to deliver.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    """
    context: dict[str, str | tuple[str, ...]] = {"aws:sourcearn": rule.arn, "aws:sourceaccount": rule.account_id}
    asked = policy.Asked(action, resource, (_SERVICE,), context)
    if policy.evaluate(document or {}, asked) is not policy.Verdict.ALLOWED:
        raise UndeliverableError(f"{resource} does not let {_SERVICE} call {action} for {rule.arn}")
