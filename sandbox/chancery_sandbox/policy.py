"""Policies of resources and roles, as far as AWS's own rules decide: an explicit deny, else an allow, else nothing.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import enum
import fnmatch
import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


class Verdict(enum.Enum):
    """What one policy says."""

    DENIED = "denied"
    ALLOWED = "allowed"
    SILENT = "silent"


@dataclass(frozen=True)
class Asked:
    """Who wants to do what to what, and under which circumstances."""

    action: str
    """E.g. `kms:Sign`."""
    resource: str
    principals: tuple[str, ...] = ()
    """Every name that a policy may call the caller by: role ARN, session ARN, account, service."""
    context: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    """Condition keys in lower case; those that may have several values have a tuple."""


def evaluate(document: str | dict[str, Any], asked: Asked) -> Verdict:
    """Read a policy; one that cannot be read says nothing."""
    try:
        policy = _read(document) if isinstance(document, str) else document
    except ValueError:
        return Verdict.SILENT
    verdict = Verdict.SILENT
    for statement in _many(policy.get("Statement")):
        if not _applies(statement, asked):
            continue
        if statement.get("Effect") == "Deny":
            return Verdict.DENIED
        verdict = Verdict.ALLOWED
    return verdict


@functools.lru_cache(1024)
def _read(document: str) -> Any:
    return json.loads(document)


def _applies(statement: dict[str, Any], asked: Asked) -> bool:
    return (
        _named(statement, "Action", asked.action.lower(), str.lower)
        and _named(statement, "Resource", asked.resource, str)
        and _principal(statement, asked)
        and all(
            _condition(operator, key, _many(values), asked.context)
            for operator, keys in (statement.get("Condition") or {}).items()
            for key, values in keys.items()
        )
    )


def _named(statement: dict[str, Any], element: str, value: str, fold: Callable[[str], str]) -> bool:
    if f"Not{element}" in statement:
        return not any(_like(fold(pattern), value) for pattern in _many(statement[f"Not{element}"]))
    return any(_like(fold(pattern), value) for pattern in _many(statement.get(element, "*")))


def _principal(statement: dict[str, Any], asked: Asked) -> bool:
    if "NotPrincipal" in statement:
        return not _among(statement["NotPrincipal"], asked.principals)
    # A role's own policies name no principal: they speak of the role.
    return "Principal" not in statement or _among(statement["Principal"], asked.principals)


def _among(principal: Any, names: tuple[str, ...]) -> bool:
    if principal == "*":
        return True
    wanted = [name for values in principal.values() for name in _many(values)]
    return any(name == "*" or name in names for name in wanted)


_BARE = re.compile(r"^(ForAllValues:|ForAnyValue:)?(?P<bare>.*?)(?P<optional>IfExists)?$")


def _condition(operator: str, key: str, values: list[str], context: dict[str, str | tuple[str, ...]]) -> bool:
    parts = _BARE.match(operator)
    quantifier, bare = (parts[1] or "", parts["bare"]) if parts else ("", operator)
    actual = context.get(key.lower())
    if bare == "Null":
        return (actual is None) == (str(values[0]).lower() == "true")
    negative = "Not" in bare
    several = (actual,) if isinstance(actual, str) else actual or ()
    wanted = [str(value) for value in values]
    holds = [_compare(bare.replace("Not", ""), value, wanted) != negative for value in several]
    if quantifier == "ForAllValues:":
        return all(holds)
    if quantifier == "ForAnyValue:":
        return any(holds)
    if actual is None:
        # A key that is absent fulfils what is negative or optional.
        return negative or bool(parts and parts["optional"])
    return any(holds)


def _compare(operator: str, actual: str, values: list[str]) -> bool:
    if operator == "Bool":
        return actual.lower() in {value.lower() for value in values}
    if operator.startswith("Numeric"):
        return any(_number(operator, float(actual), float(value)) for value in values)
    if operator == "StringLike":
        return any(_like(value, actual) for value in values)
    if operator in {"ArnLike", "ArnEquals"}:
        return any(_arn_like(value, actual) for value in values)
    if operator == "StringEqualsIgnoreCase":
        return actual.lower() in {value.lower() for value in values}
    return actual in values


def _number(operator: str, actual: float, value: float) -> bool:
    return {
        "NumericEquals": actual == value,
        "NumericLessThan": actual < value,
        "NumericLessThanEquals": actual <= value,
        "NumericGreaterThan": actual > value,
        "NumericGreaterThanEquals": actual >= value,
    }.get(operator, False)


def _like(pattern: str, value: str) -> bool:
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))


def _arn_like(pattern: str, value: str) -> bool:
    """Part by part: a wildcard stands for nothing beyond the colon. Equal and like are the same for ARNs."""
    patterns, parts = pattern.split(":", 5), value.split(":", 5)
    return len(patterns) == len(parts) == 6 and all(map(_like, patterns, parts))


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
