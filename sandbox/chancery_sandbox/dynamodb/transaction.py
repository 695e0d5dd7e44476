"""TransactWriteItems: all or nothing, at the cost of what is written and not of the whole table; once per token.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.core.responses import ActionResult
from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.exceptions import (
    DynamodbException,
    MockValidationException,
    MultipleTransactionsException,
    TooManyTransactionsException,
    TransactionCanceledException,
    TransactWriteSingleOpException,
)
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from . import plain

TOKEN_LIFE = 600.0
"""Seconds for which a token stands for its first request."""
_ACTIONS = 100
_OCTETS = 4 * 1024 * 1024

Reason = tuple[str | None, str | None, dict[str, Any] | None]
_FINE: Reason = (None, None, None)


class IdempotentParameterMismatchError(DynamodbException):
    """The token was used for another request."""

    def __init__(self) -> None:
        super().__init__(
            "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException",
            "Request parameters do not match the parameters of an earlier request with the same client token",
        )


@dataclass
class _Action:
    kind: str
    request: dict[str, Any]
    table: Table
    key: dict[str, Any]

    @property
    def hash_key(self) -> DynamoType:
        return DynamoType(self.key[self.table.hash_key_attr])

    @property
    def range_key(self) -> DynamoType | None:
        name = self.table.range_key_attr
        return None if name is None else DynamoType(self.key[name])

    def current(self) -> Item | None:
        return self.table.get_item(self.hash_key, self.range_key)


def write(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    """Check every condition, then write everything; whatever fails, nothing is written."""
    if len(transact_items) > _ACTIONS:
        raise TooManyTransactionsException
    actions = [_parse(self, item) for item in transact_items]
    targets = {(action.table.name, json.dumps(action.key, sort_keys=True, default=str)) for action in actions}
    if len(targets) < len(actions):
        raise MultipleTransactionsException
    if len(json.dumps(transact_items, default=str)) > _OCTETS:
        raise MockValidationException("Transaction request size cannot exceed 4 MB")
    reasons = [_condition(action) for action in actions]
    if any(code for code, _, _ in reasons):
        raise TransactionCanceledException(reasons)
    before = [(action, copy.deepcopy(action.current())) for action in actions]
    for number, action in enumerate(actions):
        try:
            _apply(self, action)
        except DynamodbException as error:
            for done, item in before:
                restore(done.table, done.hash_key, done.range_key, item)
            reasons[number] = ("ValidationError", str(error.message), None)
            raise TransactionCanceledException(reasons) from error
        except BaseException:
            for done, item in before:
                restore(done.table, done.hash_key, done.range_key, item)
            raise


def idempotent(original: Callable[[DynamoHandler], ActionResult]) -> Callable[[DynamoHandler], ActionResult]:
    """Let a token stand for its first successful request."""
    done: dict[tuple[str, str, str], tuple[str, float]] = {}
    lock = threading.Lock()

    def transact_write_items(self: DynamoHandler) -> ActionResult:
        token = self.body.get("ClientRequestToken")
        if not token:
            return original(self)
        key = (self.current_account, self.region, token)
        asked = json.dumps(self.body["TransactItems"], sort_keys=True, default=repr)  # binary values are octets here
        now = time.monotonic()
        with lock:
            # The oldest come first, and there may be many.
            while done and now - next(iter(done.values()))[1] > TOKEN_LIFE:
                del done[next(iter(done))]
            earlier = done.get(key)
        if earlier is not None:
            if earlier[0] != asked:
                raise IdempotentParameterMismatchError
            return ActionResult({})
        answer = original(self)
        with lock:
            done[key] = (asked, now)
        return answer

    return transact_write_items


def _parse(backend: DynamoDBBackend, item: dict[str, Any]) -> _Action:
    if len(item) != 1:
        raise TransactWriteSingleOpException
    kind, request = next(iter(item.items()))
    table = backend.get_table(request["TableName"])
    source = request["Item"] if kind == "Put" else request["Key"]
    names = [name for name in (table.hash_key_attr, table.range_key_attr) if name is not None]
    if any(name not in source for name in names) or (kind != "Put" and len(source) != len(names)):
        raise MockValidationException("The provided key element does not match the schema")
    return _Action(kind, request, table, {name: source[name] for name in names})


def _condition(action: _Action) -> Reason:
    expression = action.request.get("ConditionExpression")
    if expression is None:
        return _FINE
    condition = get_filter_expression(
        expression, action.request.get("ExpressionAttributeNames"), action.request.get("ExpressionAttributeValues")
    )
    current = action.current()
    if condition.expr(current):
        return _FINE
    wanted = action.request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    shown = current.to_json()["Attributes"] if wanted and current is not None else None
    return "ConditionalCheckFailed", "The conditional request failed", shown


def _apply(backend: DynamoDBBackend, action: _Action) -> None:
    request = action.request
    if action.kind == "Put":
        backend.put_item(request["TableName"], request["Item"])
    elif action.kind == "Delete":
        backend.delete_item(request["TableName"], action.key)
    elif action.kind == "Update":
        names = request.get("ExpressionAttributeNames") or {}
        values = request.get("ExpressionAttributeValues") or {}
        text = request["UpdateExpression"]
        if not plain.update(action.table, action.hash_key, action.range_key, text, names, values):
            backend.update_item(
                request["TableName"],
                action.key,
                update_expression=text,
                expression_attribute_names=names,
                expression_attribute_values=values,
            )


def restore(table: Table, hash_key: DynamoType, range_key: DynamoType | None, item: Item | None) -> None:
    """Put back what an item was; `None` where there was none."""
    items: Any = table.items
    if item is None:
        table.delete_item(hash_key, range_key)
    elif range_key is not None:
        items[hash_key][range_key] = item
    else:
        items[hash_key] = item
