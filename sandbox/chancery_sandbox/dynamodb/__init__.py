"""DynamoDB as moto has it, mended: transactions, pages, sizes, and the keys of sparse indexes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from moto.dynamodb import comparisons
from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from . import expressions, query, reserved, sizes, transaction


def mend() -> None:
    """Put ours in the place of moto's; doing it twice does no harm."""
    if getattr(Table, "mended", False):
        return
    Table.mended = True  # type: ignore[attr-defined]
    expressions.mend()
    for compared in _ORDERING:
        compared.expr = _false_between_types(compared.expr)
    DynamoType.size = sizes.of_value
    DynamoDBBackend.transact_write_items = transaction.write
    DynamoHandler.transact_write_items = transaction.idempotent(DynamoHandler.transact_write_items)
    for name in reserved.OPERATIONS:
        setattr(DynamoHandler, name, reserved.checked(getattr(DynamoHandler, name)))
    DynamoDBBackend.update_item = _index_keys_kept(DynamoDBBackend.update_item)
    Table.query = query.with_pages(Table.query)
    Table._validate_item_types = _index_keys_checked(Table._validate_item_types)  # noqa: SLF001 - the one place all writes pass


_ORDERING: tuple[Any, ...] = (
    comparisons.OpLessThan,
    comparisons.OpLessThanOrEqual,
    comparisons.OpGreaterThan,
    comparisons.OpGreaterThanOrEqual,
    comparisons.FuncBetween,
)


def _false_between_types(original: Callable[..., bool]) -> Callable[..., bool]:
    """Compare what is of two types as DynamoDB does: neither is before the other."""

    def expr(self: Any, item: Any) -> bool:
        compared = self.arguments if isinstance(self, comparisons.Func) else (self.lhs, self.rhs)
        # A size is a number; it is no operand, and has no type to ask for.
        kinds = {part.get_type(item) if hasattr(part, "get_type") else "N" for part in compared}
        if len(kinds) > 1:
            return False
        try:
            return original(self, item)
        except (TypeError, ValueError):
            return False

    return expr


def _index_keys_checked(original: Callable[..., None]) -> Callable[..., None]:
    """Refuse a key of an index that is of the wrong type or empty, as DynamoDB does."""

    def validate(self: Table, item: dict[str, Any], *rest: Any, **named: Any) -> None:
        original(self, item, *rest, **named)
        query.check_index_keys(self, item)

    return validate


def _index_keys_kept(original: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse, and undo, an update after which an attribute cannot be the key that an index makes of it."""

    def update_item(self: DynamoDBBackend, table_name: str, key: dict[str, Any], *rest: Any, **named: Any) -> Any:
        table = self.get_table(table_name)
        hash_key = DynamoType(key[table.hash_key_attr])
        range_key = DynamoType(key[table.range_key_attr]) if table.range_key_attr in key else None
        before = copy.deepcopy(table.get_item(hash_key, range_key))
        item = original(self, table_name, key, *rest, **named)
        try:
            query.check_index_keys(table, item.to_json()["Attributes"])
        except MockValidationException:
            transaction.restore(table, hash_key, range_key, before)
            raise
        return item

    return update_item
