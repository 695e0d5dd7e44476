"""Query, page by page: the limit counts what is read, not what passes the filter; a page ends at 1 MB.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html

moto sorts the whole table for every query; here a query reads its partition alone.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import SecondaryIndex, Table

PAGE = 1024 * 1024
"""Octets."""

Page = tuple[list[Item], int, dict[str, Any] | None]
HashConditions = list[tuple[str, DynamoType]]
RangeConditions = list[tuple[str, str, list[DynamoType]]]


def with_pages(original: Callable[..., Page]) -> Callable[..., Page]:
    """Answer what modern clients ask, and leave requests with the legacy `QueryFilter` to moto."""

    def query(  # noqa: PLR0913, PLR0917 - moto's own signature
        self: Table,
        hash_key: DynamoType | None,
        range_comparison: str | None,
        range_objs: list[DynamoType],
        limit: int | None,
        exclusive_start_key: dict[str, Any] | None,
        scan_index_forward: bool,
        projection_expressions: list[list[str]] | None,
        index_name: str | None = None,
        consistent_read: bool = False,
        filter_expression: Any = None,
        hash_key_conditions: HashConditions | None = None,
        range_key_conditions: RangeConditions | None = None,
        **legacy: Any,
    ) -> Page:
        if legacy or not hash_key_conditions:
            return original(
                self, hash_key, range_comparison, range_objs, limit, exclusive_start_key, scan_index_forward,
                projection_expressions, index_name, consistent_read, filter_expression,
                hash_key_conditions=hash_key_conditions, range_key_conditions=range_key_conditions, **legacy,
            )  # fmt: skip
        index = _index(self, index_name, consistent_read)
        found = _matching(self, index, hash_key_conditions, range_key_conditions or [])
        found.sort(key=lambda item: _position(self, index, item.attrs), reverse=not scan_index_forward)
        if exclusive_start_key is not None:
            found = _after(self, index, found, exclusive_start_key, scan_index_forward)
        read, more = _page(found, limit)
        last = self._get_last_evaluated_key(read[-1], index_name) if more and read else None
        results = [index.project(item) if index else item for item in copy.deepcopy(read)]
        if filter_expression is not None:
            results = [item for item in results if filter_expression.expr(item)]
        if projection_expressions:
            results = [item.project(projection_expressions) for item in results]
        return results, len(read), last

    return query


def check_index_keys(table: Table, item: dict[str, Any]) -> None:
    """Raise moto's validation error where an attribute cannot be the key that an index makes of it."""
    types = {attribute["AttributeName"]: attribute["AttributeType"] for attribute in table.attr}
    for index in table.all_indexes():
        for key in index.schema:
            name = key["AttributeName"]
            if name not in item:
                continue
            kind, value = next(iter(item[name].items()))
            if kind != types.get(name, kind):
                raise MockValidationException(
                    "One or more parameter values were invalid: Type mismatch for Index Key "
                    f"{name} Expected: {types[name]} Actual: {kind} IndexName: {index.name}"
                )
            if kind in {"S", "B"} and not value:
                raise MockValidationException(
                    "One or more parameter values are not valid. A value specified for a secondary index key is not "
                    "supported. The AttributeValue for a key attribute cannot contain an empty "
                    f"{'string' if kind == 'S' else 'binary'} value. IndexName: {index.name}, IndexKey: {name}"
                )


def _index(table: Table, name: str | None, consistent: bool) -> SecondaryIndex | None:
    if name is None:
        return None
    known = {index.name: index for index in table.all_indexes()}
    if name not in known:
        raise MockValidationException(f"The table does not have the specified index: {name}")
    if consistent and known[name] in table.global_indexes:
        raise MockValidationException("Consistent reads are not supported on global secondary indexes")
    return known[name]


def _matching(
    table: Table, index: SecondaryIndex | None, hashes: HashConditions, ranges: RangeConditions
) -> list[Item]:
    # An index holds the items that have all its keys, and no others.
    keys = index.schema_key_attrs if index else []
    return [
        item
        for item in (_all(table) if index else _partition(table, hashes[0][1]))
        if all(name in item.attrs for name in keys)
        and all(item.attrs[name] == value for name, value in hashes)
        and all(item.attrs[name].compare(comparison, values) for name, comparison, values in ranges)
    ]


def _partition(table: Table, key: DynamoType) -> Iterable[Item]:
    held: Any = table.items.get(key)
    if held is None:
        return []
    return list(held.values()) if table.range_key_attr is not None else [held]


def _all(table: Table) -> Iterable[Item]:
    for held in list(table.items.values()):
        if table.range_key_attr is not None:
            yield from held.values()
        else:
            alone: Any = held
            yield alone


def _position(table: Table, index: SecondaryIndex | None, attributes: dict[str, Any]) -> tuple[Any, ...]:
    names = [*(index.schema_key_attrs[1:] if index else []), table.hash_key_attr, table.range_key_attr]
    return tuple(attributes[name] for name in names if name is not None)


def _after(
    table: Table, index: SecondaryIndex | None, items: list[Item], start: dict[str, Any], forward: bool
) -> list[Item]:
    typed = {name: value if isinstance(value, DynamoType) else DynamoType(value) for name, value in start.items()}
    try:
        position = _position(table, index, typed)
    except KeyError:
        raise MockValidationException("The provided starting key is invalid") from None
    if forward:
        return [item for item in items if position < _position(table, index, item.attrs)]
    return [item for item in items if _position(table, index, item.attrs) < position]


def _page(items: list[Item], limit: int | None) -> tuple[list[Item], bool]:
    """What is read, and whether a next page is to be asked for."""
    size = 0
    for number, item in enumerate(items):
        # Where the limit is reached at the very end DynamoDB does not know that it is the end.
        if number == limit:
            return items[:number], True
        size += item.size()
        if size > PAGE and number > 0:
            return items[:number], True
    return items, limit is not None and len(items) == limit
