"""How large an attribute is to DynamoDB, which decides where a page ends.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType

_CONTAINER = 3
"""Octets that a list or a map costs beside what is in it; each of its entries costs one more."""


def of_value(value: DynamoType) -> int:
    """Octets of one value."""
    return _size(value.type, value.value)


def _size(kind: str, value: Any) -> int:  # noqa: PLR0911 - one line a type
    if kind == "N":
        digits = str(value).lstrip("-").split("e", maxsplit=1)[0].replace(".", "").strip("0")
        return (len(digits) + 1) // 2 + 1
    if kind == "B":
        # moto keeps the base64 text in which it came.
        return len(value) if isinstance(value, bytes) else len(value) * 3 // 4 - value[-2:].count("=")
    if kind in {"BOOL", "NULL"}:
        return 1
    if kind in {"SS", "NS", "BS"}:
        return sum(_size(kind[0], each) for each in value)
    if kind == "L":
        return _CONTAINER + sum(1 + _nested(each) for each in value)
    if kind == "M":
        return _CONTAINER + sum(1 + len(name.encode()) + _nested(each) for name, each in value.items())
    return len(str(value).encode())


def _nested(value: Any) -> int:
    if isinstance(value, DynamoType):
        return of_value(value)
    kind, inner = next(iter(value.items()))
    return _size(kind, inner)
