"""What is read once gives what moto gives when it reads everything again and again: the same items, the same errors."""

from __future__ import annotations

import copy

import pytest
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Node
from moto.dynamodb.parsing.expressions import UpdateExpressionParser

from chancery_sandbox.dynamodb import expressions, plain

KEY = {"CommonName": {"S": "a"}, "SerialNumber": {"S": "1"}}
ITEM = KEY | {
    "Word": {"S": "t"},
    "Amount": {"N": "3"},
    "Things": {"L": [{"S": "x"}, {"S": "y"}, {"S": "z"}]},
    "Tree": {"M": {"Leaf": {"S": "m"}, "Deep": {"M": {"Deepest": {"N": "1"}}}}},
    "Kinds": {"SS": ["p", "q"]},
}
NAMES = {
    "#new": "Newest",
    "#t": "Word",
    "#key": "SerialNumber",
    "#m": "Tree",
    "#n": "New",
    "#c": "Amount",
    "#revoked": "RevokedBy",
}
VALUES = {
    ":s": {"S": "s"}, ":t": {"S": "t"}, ":e": {"S": ""}, ":one": {"N": "1"}, ":three": {"N": "3"}, ":less": {"N": "-2"},
    ":l": {"L": [{"S": "end"}]}, ":set": {"SS": ["q", "r"]}, ":m": {"M": {"Other": {"S": "o"}}}, ":type": {"S": "S"},
}  # fmt: skip
UPDATES = (
    "SET #t = :s",
    "SET #t = :s, #c = #c + :one, Another = Word REMOVE Things[0], Things[2] ADD Fresh :one DELETE #n :set",
    "SET #c = :three - #c",
    "SET Tree.Deep.Deepest = :one, #m.Leaf = :s, Tree.Fresh = :m",
    "SET Things[1] = :s, Things[9] = :t",
    "SET Things = list_append(Things, :l), Begun = if_not_exists(Begun, :s), #t = if_not_exists(#t, :s)",
    "ADD #c :less, Kinds :set DELETE Gone :set",
    "DELETE Kinds :set",
    "REMOVE #t, #m.Leaf, Nowhere",
    "SET RevokedBy = :s",
    # What is refused.
    "SET #t = :s SET #c = :one",
    "SET #t = :s, #t = :t",
    "SET Tree.Leaf = :s, Tree = :m",
    "SET Tree.Nowhere.Deepest = :s",
    "SET #t = :missing",
    "SET #missing = :s",
    "SET CommonName = :s",
    "SET #key = :s",
    "SET #revoked = :one",
    "SET #revoked = :e",
    "SET #c = :one ADD #c :one",
    "ADD #c :s",
    "SET RevokedBy = :one",
    "SET RevokedBy = :e",
    "SET #c = #c + :s",
    "SET #n = #t + :one",
    "SET #n = Nothing",
    "SET #n = list_append(Nothing, :l)",
    "ADD #t :one",
    "DELETE Kinds :one",
    "REMOVE",
    "SET #t == :s",
    "SET Name = :s",
)
PLAIN = (
    "SET #t = :s",
    "SET #t = :s, #c = :one REMOVE #n, #m",
    "SET #new = :l ADD #c :less",
    "ADD #new :one",
    "REMOVE #n",
)
CONDITIONS = (
    "",
    "attribute_exists(#t) AND attribute_not_exists(#n)",
    "attribute_not_exists(CommonName)",
    "#t = :t",
    "#t = :s OR NOT #c > :three",
    "#c BETWEEN :one AND :three",
    "#t IN (:s, :t)",
    "begins_with(#t, :t) AND contains(Kinds, :s)",
    "attribute_type(#t, :type) AND size(Things) >= :three",
    "#m.Leaf <> :s",
    # What is refused.
    "#t = :missing",
    "#missing = :t",
    "#t = ",
    "attribute_exists(:t)",
    "((#t = :t))",
)
MENDED = (
    (UpdateExpressionParser, "make"),
    (ConditionExpressionParser, "parse"),
    (Node, "__deepcopy__"),
    (Node, "find_clauses"),
    (DepthFirstTraverser, "traverse"),
)


@pytest.fixture(params=[ITEM, None], ids=["an item", "none"])
def write(request):
    """Tells what an update makes of a table's one item, or how it is refused."""
    backend = dynamodb_backends["123456789012"]["eu-west-1"]
    keys = [
        {"AttributeName": name, "KeyType": kind} for name, kind in (("CommonName", "HASH"), ("SerialNumber", "RANGE"))
    ]
    names = ("CommonName", "SerialNumber", "RevokedBy")
    backend.create_table(
        "Expressions", schema=keys, throughput=None, attr=[{"AttributeName": each, "AttributeType": "S"} for each in names],
        global_indexes=[{"IndexName": "Revoked", "KeySchema": [{"AttributeName": "RevokedBy", "KeyType": "HASH"}],
                         "Projection": {"ProjectionType": "ALL"}}],
        indexes=[], streams=None, billing_mode="PAY_PER_REQUEST", sse_specification=None, tags=[], deletion_protection_enabled=False,
        warm_throughput=None,
    )  # fmt: skip

    def write(update: str, condition: str) -> object:
        table = backend.get_table("Expressions")
        table.items.clear()
        if request.param is not None:
            backend.put_item("Expressions", copy.deepcopy(request.param))
        try:
            written = backend.update_item(
                "Expressions", KEY, update, NAMES, copy.deepcopy(VALUES), condition_expression=condition
            )
        except Exception as error:  # noqa: BLE001 - moto raises of every kind; that they are the same counts
            return type(error), str(error)
        # moto writes into what it was given.
        return copy.deepcopy(written.to_json())

    yield write
    backend.delete_table("Expressions")


def test_all_comes_out_as_moto_has_it(write, monkeypatch):
    cases = [(update, "") for update in UPDATES] + [(UPDATES[0], condition) for condition in CONDITIONS]
    expected = [write(*case) for case in cases]
    with monkeypatch.context() as patched:
        for owner, name in MENDED:
            patched.setattr(owner, name, getattr(owner, name, None), raising=False)
        expressions.mend()
        # The first time read, the second time remembered.
        for _ in range(2):
            for case, told in zip(cases, expected, strict=True):
                assert write(*case) == told, case
    assert [write(*case) for case in cases] == expected


def test_what_a_placeholder_stands_for_is_looked_at_each_time(monkeypatch):
    with monkeypatch.context() as patched:
        for owner, name in MENDED:
            patched.setattr(owner, name, getattr(owner, name, None), raising=False)
        expressions.mend()
        told = [
            repr(ConditionExpressionParser("#a = :b", {"#a": name}, {":b": {"S": value}}).parse())
            for name in ("One", "Two")
            for value in ("x", "y")
        ]
    assert len(set(told)) == len(told)


@pytest.mark.parametrize("update", PLAIN + UPDATES)
def test_plain_updates_make_what_moto_makes(write, update):
    expected = write(update, "")
    table = dynamodb_backends["123456789012"]["eu-west-1"].get_table("Expressions")
    # Whatever was there before it.
    write("REMOVE Nowhere", "")
    keys = [DynamoType(value) for value in KEY.values()]
    before = copy.deepcopy(table.get_item(*keys).to_json())
    made = plain.update(table, *keys, update, NAMES, copy.deepcopy(VALUES))
    after = table.get_item(*keys).to_json()
    assert made or update not in PLAIN
    assert after == (expected if made else before)
