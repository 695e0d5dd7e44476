"""Reserved words are no attribute names in any expression; moto looks at update expressions alone.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import Any

from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords
from moto.dynamodb.responses import DynamoHandler

OPERATIONS = (
    "get_item", "put_item", "update_item", "delete_item", "query", "scan",
    "batch_get_item", "transact_get_items", "transact_write_items",
)  # fmt: skip
_NAME = re.compile(r"(?<![#:\w])[A-Za-z_]\w*(?!\w)(?!\s*\()")
_SYNTAX = {"AND", "OR", "NOT", "BETWEEN", "IN", "SET", "REMOVE", "ADD", "DELETE"}


def checked(original: Callable[[DynamoHandler], Any]) -> Callable[[DynamoHandler], Any]:
    """Refuse a request with a reserved word for a name before anything is done about it."""

    def operation(self: DynamoHandler) -> Any:
        for field, text in _expressions(self.body):
            for name in _NAME.findall(text):
                if name.upper() in _words():
                    raise MockValidationException(
                        f"Invalid {field}: Attribute name is a reserved keyword; reserved keyword: {name}"
                    )
        return original(self)

    operation.__name__ = original.__name__
    return operation


@functools.cache
def _words() -> frozenset[str]:
    return frozenset(word.upper() for word in ReservedKeywords.get_reserved_keywords()) - _SYNTAX


def _expressions(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for each in value:
            yield from _expressions(each)
    elif isinstance(value, dict):
        for field, inner in value.items():
            # What is stored may be called anything.
            if field in {"Item", "Key", "ExpressionAttributeValues", "ExclusiveStartKey"}:
                continue
            if field.endswith("Expression") and isinstance(inner, str):
                yield field, inner
            else:
                yield from _expressions(inner)
