"""Corrects moto's trails: selectors, status, and the operations that moto lacks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from moto.cloudtrail.models import CloudTrailBackend, Trail, TrailStatus
from moto.cloudtrail.responses import CloudTrailResponse
from moto.core.exceptions import JsonRESTError

from . import selectors
from .lookup import Lookup
from .service import CloudTrail

_EXCLUDABLE = {"kms.amazonaws.com", "rdsdata.amazonaws.com"}
_CATEGORIES = {"Data", "Management", "NetworkActivity"}


def mend(trail: CloudTrail) -> None:
    """Put ours in the place of moto's; doing it twice does no harm."""
    lookup = Lookup(trail)

    def lookup_events(self: CloudTrailResponse) -> str:
        asked = json.loads(self.body or b"{}")
        return json.dumps(lookup.answer(self.current_account, self.region, asked))

    def list_public_keys(self: CloudTrailResponse) -> str:
        asked = json.loads(self.body or b"{}")
        now = time.time()
        start, end = asked.get("StartTime", now), asked.get("EndTime", now)
        return json.dumps({"PublicKeyList": trail.files.chains.public_keys(self.region, start, end)})

    CloudTrailResponse.lookup_events = lookup_events  # type: ignore[attr-defined]
    CloudTrailResponse.list_public_keys = list_public_keys  # type: ignore[attr-defined]
    CloudTrailResponse.describe_trails = _describe
    CloudTrailBackend.create_trail = _once(
        getattr(CloudTrailBackend.create_trail, "original", CloudTrailBackend.create_trail)
    )
    CloudTrailBackend.delete_trail = _delete
    Trail.put_event_selectors = _put_selectors
    Trail.get_event_selectors = _get_selectors
    _mend_answers()


def _mend_answers() -> None:
    described: Callable[..., dict[str, Any]] = getattr(Trail.description, "original", Trail.description)
    told: Callable[..., dict[str, Any]] = getattr(TrailStatus.description, "original", TrailStatus.description)

    def description(self: Trail, *rest: Any, **named: Any) -> dict[str, Any]:
        description = described(self, *rest, **named)
        description["HasCustomEventSelectors"] = bool(self.event_selectors or self.advanced_event_selectors)
        # AWS leaves out what was not set.
        return {name: value for name, value in description.items() if value is not None}

    def status(self: TrailStatus) -> dict[str, Any]:
        status = told(self)
        error = getattr(self, "latest_delivery_error", "")
        if error:
            status["LatestDeliveryError"] = error
        return status

    description.original = described  # type: ignore[attr-defined]
    status.original = told  # type: ignore[attr-defined]
    Trail.description = description
    TrailStatus.description = status


def _describe(self: CloudTrailResponse) -> str:
    asked = json.loads(self.body or b"{}")
    wanted = set(asked.get("trailNameList") or ())
    trails = self.cloudtrail_backend.describe_trails(asked.get("includeShadowTrails", True))
    told = [trail.description(include_region=True) for trail in trails]
    return json.dumps({"trailList": [each for each in told if not wanted or wanted & {each["Name"], each["TrailARN"]}]})


def _once(original: Callable[..., Trail]) -> Callable[..., Trail]:
    def create_trail(self: CloudTrailBackend, name: str, *rest: Any, **named: Any) -> Trail:
        if name in self.trails:
            why = f"Trail {name} already exists for customer: {self.account_id}"
            raise JsonRESTError("TrailAlreadyExistsException", why)
        return original(self, name, *rest, **named)

    create_trail.original = original  # type: ignore[attr-defined]
    return create_trail


def _delete(self: CloudTrailBackend, name: str) -> None:
    del self.trails[self.get_trail(name).trail_name]


def _put_selectors(
    self: Trail, event_selectors: list[dict[str, Any]] | None, advanced_event_selectors: list[dict[str, Any]] | None
) -> None:
    """Replace the selectors of both kinds."""
    basic, advanced = event_selectors or [], advanced_event_selectors or []
    if bool(basic) == bool(advanced):
        raise _invalid("Give either event selectors or advanced event selectors.")
    for selector in basic:
        if not set(selector.get("ExcludeManagementEventSources") or ()) <= _EXCLUDABLE:
            raise _invalid("Only kms.amazonaws.com and rdsdata.amazonaws.com can be excluded.")
    for selector in advanced:
        fields = {each["Field"]: each for each in selector.get("FieldSelectors", ())}
        category = fields.get("eventCategory", {}).get("Equals") or [""]
        if len(category) != 1 or category[0] not in _CATEGORIES:
            raise _invalid("Each advanced event selector needs one eventCategory, by Equals.")
        if category[0] == "Data" and not fields.get("resources.type", {}).get("Equals"):
            raise _invalid("A selector of data events needs resources.type, by Equals.")
    # New lists: `LoggingTrail` may still refer to the former ones.
    self.event_selectors = [selectors.DEFAULT | selector for selector in basic]
    self.advanced_event_selectors = list(advanced)


def _get_selectors(self: Trail) -> tuple[Any, Any]:
    """The selectors of the kind that the trail has; the other is `None`, which moto writes as null."""
    if self.advanced_event_selectors:
        return None, self.advanced_event_selectors
    return self.event_selectors or [selectors.DEFAULT], None


def _invalid(why: str) -> JsonRESTError:
    return JsonRESTError("InvalidEventSelectorsException", why)
