"""`LookupEvents`: the management events of a region, newest first, with its limits.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any

from moto.core.exceptions import JsonRESTError

from . import identity, resources
from .delivery_faults import ORDINARY, Way
from .limit import RateLimit
from .observed import Observed
from .record import records
from .service import CloudTrail

_KEPT = 90 * 86400
_PAGE = 50
_KEYS = {
    "AccessKeyId", "EventId", "EventName", "EventSource", "ReadOnly", "ResourceName", "ResourceType", "Username",
}  # fmt: skip


class Lookup:
    """Answers the operation."""

    def __init__(self, trail: CloudTrail) -> None:
        self._trail = trail
        self._limit = RateLimit(2)

    def answer(self, account: str, region: str, asked: dict[str, Any]) -> dict[str, Any]:
        """The operation's answer; raises its errors."""
        if not self._limit.allows(account, region):
            raise JsonRESTError("ThrottlingException", "Rate exceeded")
        page = asked.get("MaxResults", _PAGE)
        if not 1 <= page <= _PAGE:
            raise JsonRESTError("InvalidMaxResultsException", f"The maximum number of results is 1 to {_PAGE}.")
        attribute = _attribute(asked.get("LookupAttributes") or [])
        start, end = asked.get("StartTime", 0), asked.get("EndTime", float("inf"))
        if start > end:
            raise JsonRESTError("InvalidTimeRangeException", "The start time is after the end time.")
        if asked.get("EventCategory") not in {None, "insight"}:
            raise JsonRESTError("InvalidEventCategoryException", "The event category is none.")
        question = _question(account, region, attribute, start, end)
        before = _position(asked["NextToken"], question) if "NextToken" in asked else None
        found: list[tuple[tuple[int, str], dict[str, Any]]] = []
        if asked.get("EventCategory") is None:
            found = sorted(
                self._events(account, region, attribute, (start, end)), key=lambda each: each[0], reverse=True
            )
        # Events of the same second are ordered by id, so that none is lost between two pages.
        left = [each for each in found if before is None or each[0] < before]
        answer: dict[str, Any] = {"Events": [event for _, event in left[:page]]}
        if len(left) > page:
            answer["NextToken"] = _token(left[page - 1][0], question)
        return answer

    def _events(
        self, account: str, region: str, attribute: tuple[str, str] | None, within: tuple[float, float]
    ) -> Iterator[tuple[tuple[int, str], dict[str, Any]]]:
        now = time.time()
        for observed in list(self._trail.history):
            delivery = observed.deliveries.get(Way.LOOKUP, ORDINARY)
            if (
                observed.at + self._trail.delivery_faults.delays[Way.LOOKUP] + delivery.delay > now
                or observed.at < now - _KEPT
            ):
                continue
            # Records have whole seconds.
            at = int(observed.at)
            if not within[0] <= at <= within[1] or not _may_match(observed, attribute):
                continue
            for made in records(observed):
                if (made["recipientAccountId"], made["awsRegion"]) != (account, region):
                    continue
                event = _event(made, at)
                if attribute is None or _matches(event, *attribute):
                    for copy in range(delivery.copies):
                        yield (at, f"{made['eventID']}{copy}"), event


def _attribute(given: list[dict[str, str]]) -> tuple[str, str] | None:
    if not given:
        return None
    if len(given) > 1 or given[0].get("AttributeKey") not in _KEYS or not given[0].get("AttributeValue"):
        raise JsonRESTError("InvalidLookupAttributesException", "You can specify one lookup attribute, with a value.")
    return given[0]["AttributeKey"], given[0]["AttributeValue"]


def _may_match(observed: Observed, attribute: tuple[str, str] | None) -> bool:
    """Whether the record has to be built to decide: most calls can be excluded without it."""
    if attribute is None or observed.made is not None:
        return True
    key, value = attribute
    if key == "EventName":
        # REST calls contain a path here; only the record has the name of the event.
        return " " in observed.call.operation or observed.call.operation == value
    if key == "EventSource":
        return value == f"{observed.call.service}.amazonaws.com"
    return True


def _event(made: dict[str, Any], at: int) -> dict[str, Any]:
    event = {
        "EventId": made["eventID"],
        "EventName": made["eventName"],
        "ReadOnly": str(made["readOnly"]).lower(),
        "AccessKeyId": made["userIdentity"].get("accessKeyId"),
        "EventTime": at,
        "EventSource": made["eventSource"],
        "Username": identity.user_name(made),
        "Resources": resources.looked_up(made),
        "CloudTrailEvent": json.dumps(made, separators=(",", ":")),
    }
    return {name: value for name, value in event.items() if value is not None}


def _matches(event: dict[str, Any], key: str, value: str) -> bool:
    if key in {"ResourceName", "ResourceType"}:
        return any(each[key] == value for each in event["Resources"])
    return bool(event.get(key) == value)


def _question(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _token(last: tuple[int, str], question: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([*last, question]).encode()).decode()


def _position(token: str, question: str) -> tuple[int, str]:
    try:
        at, event_id, asked = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError, binascii.Error):
        asked = ""
    if asked != question:
        raise JsonRESTError("InvalidNextTokenException", "The token is none, or of a request with other parameters.")
    return at, event_id
