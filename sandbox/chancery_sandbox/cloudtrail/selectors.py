"""Which records a trail logs, by its basic or advanced event selectors.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_EventSelector.html
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.cloudtrail.models import Trail, cloudtrail_backends

from . import names

DEFAULT = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}
"""The selector of a new trail."""

_WHOLE = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb",
    "AWS::Lambda::Function": "arn:aws:lambda",
    "AWS::S3::Object": "arn:aws:s3",
}
"""The value by which a basic selector asks for all resources of a type."""


@dataclass(frozen=True)
class LoggingTrail:
    """A trail that logs, with its selectors as they were when the call was made."""

    trail: Trail
    basic: tuple[dict[str, Any], ...]
    advanced: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, trail: Trail) -> LoggingTrail:
        """The selectors of moto's trail, as they are now."""
        advanced = tuple(trail.advanced_event_selectors)
        return cls(trail, tuple(trail.event_selectors) or (() if advanced else (DEFAULT,)), advanced)

    def asks_for_data(self) -> bool:
        """Whether any selector may match a data event."""
        return bool(self.advanced) or any(selector.get("DataResources") for selector in self.basic)

    def takes(self, record: dict[str, Any]) -> bool:
        """Whether the trail logs this record."""
        trail = self.trail
        if record["recipientAccountId"] != trail.account_id:
            return False
        if not trail.is_multi_region and record["awsRegion"] != trail.region_name:
            return False
        if names.is_global(record["eventSource"]) and not trail.include_global_service_events:
            return False
        return any(_basic(selector, record) for selector in self.basic) or any(
            all(_field(each, record) for each in selector.get("FieldSelectors", ())) for selector in self.advanced
        )


def logging(account: str) -> list[LoggingTrail]:
    """The trails of the account that are logging now, in all regions."""
    if account not in cloudtrail_backends:
        return []
    backends = list(cloudtrail_backends[account].values())
    return [
        LoggingTrail.of(trail)
        for backend in backends
        for trail in list(backend.trails.values())
        if trail.status.is_logging
    ]


def _basic(selector: dict[str, Any], record: dict[str, Any]) -> bool:
    asked = selector.get("ReadWriteType", "All")
    if asked != "All" and (asked == "ReadOnly") != record["readOnly"]:
        return False
    if record["managementEvent"]:
        excluded = selector.get("ExcludeManagementEventSources") or ()
        return bool(selector.get("IncludeManagementEvents", True)) and record["eventSource"] not in excluded
    return any(
        each["type"] == wanted["Type"]
        and any(_within(value, each["ARN"], wanted["Type"]) for value in wanted["Values"])
        for wanted in selector.get("DataResources") or ()
        for each in record.get("resources", ())
    )


def _within(value: str, arn: str, kind: str) -> bool:
    if value.rstrip(":") == _WHOLE.get(kind):
        return True
    return arn.startswith(value) if kind == "AWS::S3::Object" else arn == value


_OPERATORS: dict[str, Callable[[str, list[str]], bool]] = {
    "Equals": lambda actual, values: actual in values,
    "StartsWith": lambda actual, values: actual.startswith(tuple(values)),
    "EndsWith": lambda actual, values: actual.endswith(tuple(values)),
}


def _field(selector: dict[str, Any], record: dict[str, Any]) -> bool:
    actual = _actual(selector["Field"], record)
    for operator, holds in _OPERATORS.items():
        if selector.get(operator) and not any(holds(value, selector[operator]) for value in actual):
            return False
        refused = selector.get(f"Not{operator}")
        if refused and any(holds(value, refused) for value in actual):
            return False
    return True


def _actual(field: str, record: dict[str, Any]) -> list[str]:
    if field == "readOnly":
        return [str(record["readOnly"]).lower()]
    if field in {"resources.type", "resources.ARN"}:
        return [each[field.split(".")[1]] for each in record.get("resources", ())]
    if field == "userIdentity.arn":
        return [str(record["userIdentity"].get("arn", ""))]
    return [str(record.get(field, ""))]
