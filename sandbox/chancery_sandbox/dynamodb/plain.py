"""Updates of whole attributes, in a transaction: what the functions do all day, made without a tree.

`SET #Stage = :complete, #At = :at REMOVE #Open ADD #Holders :one` needs no path, no function and no arithmetic but one
addition. Whatever needs more, or is to be refused, is left to moto, which knows the errors.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

_CLAUSE = re.compile(r"\s*(SET|REMOVE|ADD)\s+([^()\[\].+\-]+?)\s*(?=SET\s|REMOVE\s|ADD\s|DELETE\s|$)")
_ACTIONS = {
    "SET": re.compile(r"\s*(#\w+)\s*=\s*(:\w+)\s*"),
    "ADD": re.compile(r"\s*(#\w+)\s+(:\w+)\s*"),
    "REMOVE": re.compile(r"\s*(#\w+)()\s*"),
}

_LARGEST = 400_000
"""Octets of an item: moto decides about larger ones."""

Action = tuple[str, str, str]
"""What is done, to which name, with which value."""


def update(  # noqa: PLR0913, PLR0917 - what an update is made of
    table: Table,
    hash_key: DynamoType,
    range_key: DynamoType | None,
    text: str,
    names: dict[str, str],
    values: dict[str, dict[str, Any]],
) -> bool:
    """Make the update; false, and nothing is done, where it is not that plain or may have to be refused."""
    actions = _read(text)
    if not actions or table.stream_shard is not None or not _settled(actions, names, values):
        return False
    keys: dict[Any, DynamoType] = {table.hash_key_attr: hash_key} | (
        {table.range_key_attr: range_key} if range_key is not None else {}
    )
    current: Item | None = table.get_item(hash_key, range_key)
    item = Item(hash_key, range_key, {})
    # Its own way in adds up the whole item's size for each attribute.
    dict[Any, Any].update(item.attrs, keys if current is None else current.attrs)
    for kind, placeholder, value in actions:
        name = names[placeholder]
        made = None if kind == "REMOVE" else DynamoType(values[value])
        if kind == "ADD":
            made = _sum(item.attrs.get(name), made)
        if name in keys or (kind != "REMOVE" and not _fits(table, name, made)):
            return False
        if made is None:
            item.attrs.pop(name, None)
        else:
            dict.__setitem__(item.attrs, name, made)
    if item.size() > _LARGEST:
        return False
    items: Any = table.items
    if range_key is None:
        items[hash_key] = item
    else:
        items[hash_key][range_key] = item
    return True


@functools.lru_cache(1024)
def _read(text: str) -> tuple[Action, ...]:
    """The actions; none where there is anything else in the text."""
    actions: list[Action] = []
    place = 0
    while place < len(text):
        clause = _CLAUSE.match(text, place)
        if clause is None or clause[1] in {kind for kind, _, _ in actions}:
            return ()
        for each in clause[2].split(","):
            action = _ACTIONS[clause[1]].fullmatch(each)
            if action is None:
                return ()
            actions.append((clause[1], action[1], action[2]))
        place = clause.end()
    return tuple(actions)


def _settled(actions: tuple[Action, ...], names: dict[str, str], values: dict[str, dict[str, Any]]) -> bool:
    """Whether every placeholder stands for something, and no attribute is named twice."""
    named = [names.get(placeholder) for _, placeholder, _ in actions]
    return None not in named and len(set(named)) == len(named) and all(not v or v in values for _, _, v in actions)


def _sum(before: DynamoType | None, more: DynamoType | None) -> DynamoType | None:
    """A number more; `None` where one of them is none."""
    if more is None or more.type != "N" or (before is not None and before.type != "N"):
        return None
    return (before or DynamoType({"N": "0"})) + more


def _fits(table: Table, name: str, value: DynamoType | None) -> bool:
    """Whether an attribute may have that value: where an index has it for a key, not each may."""
    types = {attribute["AttributeName"]: attribute["AttributeType"] for attribute in table.attr}
    return value is not None and (name not in types or (value.type == types[name] and value.value != ""))
