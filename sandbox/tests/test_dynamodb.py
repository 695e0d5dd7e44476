"""DynamoDB, judged by boto3 and by what its documentation states of transactions, pages and sparse indexes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def dynamodb(sandbox):
    return sandbox.client("dynamodb")


@pytest.fixture
def table(dynamodb, name):
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "CommonName", "AttributeType": "S"},
            {"AttributeName": "SerialNumber", "AttributeType": "S"},
            {"AttributeName": "RevokedBy", "AttributeType": "S"},
            {"AttributeName": "RevokedAt", "AttributeType": "N"},
        ],
        KeySchema=[
            {"AttributeName": "CommonName", "KeyType": "HASH"},
            {"AttributeName": "SerialNumber", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "Revoked",
                "KeySchema": [
                    {"AttributeName": "RevokedBy", "KeyType": "HASH"},
                    {"AttributeName": "RevokedAt", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["Reason"]},
            }
        ],
    )
    return name


def row(name: str, serial: int, **more) -> dict:
    return {"CommonName": {"S": name}, "SerialNumber": {"S": str(serial)}, **more}


def put(table: str, item: dict, **more) -> dict:
    return {"Put": {"TableName": table, "Item": item, **more}}


ABSENT = {"ConditionExpression": "attribute_not_exists(CommonName)"}


def reasons(error) -> list[str]:
    return [reason["Code"] for reason in error.value.response["CancellationReasons"]]


def test_transactions_write_all_or_nothing(dynamodb, table):
    dynamodb.transact_write_items(TransactItems=[put(table, row("a", 1), **ABSENT), put(table, row("b", 1), **ABSENT)])
    with pytest.raises(ClientError) as error:
        dynamodb.transact_write_items(
            TransactItems=[
                put(table, row("c", 1), **ABSENT),
                put(table, row("a", 1), **ABSENT, ReturnValuesOnConditionCheckFailure="ALL_OLD"),
                {"ConditionCheck": {"TableName": table, "Key": row("d", 1), **ABSENT}},
            ]
        )
    response = error.value.response
    assert response["Error"]["Code"] == "TransactionCanceledException"
    assert response["Error"]["Message"].endswith("[None, ConditionalCheckFailed, None]")
    assert reasons(error) == ["None", "ConditionalCheckFailed", "None"]
    assert response["CancellationReasons"][1]["Item"] == row("a", 1)
    assert "Item" not in dynamodb.get_item(TableName=table, Key=row("c", 1))


def test_a_write_that_fails_midway_leaves_no_trace(dynamodb, table):
    dynamodb.put_item(TableName=table, Item=row("a", 1, Count={"S": "no number"}))
    with pytest.raises(ClientError) as error:
        dynamodb.transact_write_items(
            TransactItems=[
                put(table, row("b", 1)),
                {
                    "Update": {
                        "TableName": table,
                        "Key": row("a", 1),
                        "UpdateExpression": "SET #o = :x ADD #c :one",
                        "ExpressionAttributeNames": {"#c": "Count", "#o": "Other"},
                        "ExpressionAttributeValues": {":one": {"N": "1"}, ":x": {"S": "x"}},
                    }
                },
            ]
        )
    assert error.value.response["Error"]["Code"] in {"TransactionCanceledException", "ValidationException"}
    assert "Item" not in dynamodb.get_item(TableName=table, Key=row("b", 1))
    assert dynamodb.get_item(TableName=table, Key=row("a", 1))["Item"] == row("a", 1, Count={"S": "no number"})


def test_two_actions_on_one_item_are_refused(dynamodb, table):
    with pytest.raises(ClientError) as error:
        dynamodb.transact_write_items(TransactItems=[put(table, row("a", 1)), put(table, row("a", 1))])
    assert error.value.response["Error"]["Code"] == "ValidationException"


def test_a_token_stands_for_one_transaction(dynamodb, table):
    items = [put(table, row("a", 1), **ABSENT)]
    dynamodb.transact_write_items(TransactItems=items, ClientRequestToken="token-1" + table)
    # Without the token the condition would fail now.
    dynamodb.transact_write_items(TransactItems=items, ClientRequestToken="token-1" + table)
    with pytest.raises(ClientError) as error:
        dynamodb.transact_write_items(TransactItems=items, ClientRequestToken="token-2" + table)
    assert reasons(error) == ["ConditionalCheckFailed"]
    with pytest.raises(ClientError) as error:
        dynamodb.transact_write_items(TransactItems=[put(table, row("b", 1))], ClientRequestToken="token-1" + table)
    assert error.value.response["Error"]["Code"] == "IdempotentParameterMismatchException"


def test_of_many_callers_one_wins(sandbox, table):
    clients = [sandbox.client("dynamodb") for _ in range(8)]

    def attempt(number: int) -> bool:
        try:
            clients[number % 8].transact_write_items(
                TransactItems=[put(table, row("key", 0), **ABSENT), put(table, row("leaf", number))]
            )
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(32) as callers:
        assert sum(callers.map(attempt, range(64))) == 1
    assert (
        clients[0].query(
            TableName=table, KeyConditionExpression="CommonName = :n", ExpressionAttributeValues={":n": {"S": "leaf"}}
        )["Count"]
        == 1
    )


def ask(dynamodb, table, **more):
    return dynamodb.query(
        TableName=table, KeyConditionExpression="CommonName = :n",
        **{"ExpressionAttributeValues": {":n": {"S": "a"}}, **more},
    )  # fmt: skip


def test_pages_end_at_a_megabyte(dynamodb, table):
    for number in range(5):
        # Binary counts as it is, not as its base64.
        dynamodb.put_item(TableName=table, Item=row("a", number, Blob={"B": b"x" * 300_000}))
    first = ask(dynamodb, table)
    assert [item["SerialNumber"]["S"] for item in first["Items"]] == ["0", "1", "2"]
    assert first["LastEvaluatedKey"] == row("a", 2)
    second = ask(dynamodb, table, ExclusiveStartKey=first["LastEvaluatedKey"])
    assert [item["SerialNumber"]["S"] for item in second["Items"]] == ["3", "4"]
    assert "LastEvaluatedKey" not in second


def test_limit_counts_what_is_read_and_not_what_passes(dynamodb, table):
    for number in range(4):
        dynamodb.put_item(TableName=table, Item=row("a", number, Even={"BOOL": number % 2 == 0}))
    page = ask(
        dynamodb, table, Limit=2, FilterExpression="Even = :t",
        ExpressionAttributeValues={":n": {"S": "a"}, ":t": {"BOOL": True}}, ScanIndexForward=False,
    )  # fmt: skip
    assert (page["Count"], page["ScannedCount"]) == (1, 2)
    assert page["LastEvaluatedKey"] == row("a", 2)
    rest = ask(dynamodb, table, Limit=2, ExclusiveStartKey=page["LastEvaluatedKey"], ScanIndexForward=False)
    assert [item["SerialNumber"]["S"] for item in rest["Items"]] == ["1", "0"]
    assert rest["LastEvaluatedKey"] == row("a", 0)
    assert ask(dynamodb, table, ExclusiveStartKey=rest["LastEvaluatedKey"], ScanIndexForward=False)["Items"] == []


def test_range_conditions(dynamodb, table):
    for number in range(10, 15):
        dynamodb.put_item(TableName=table, Item=row("a", number))
    found = dynamodb.query(
        TableName=table,
        KeyConditionExpression="CommonName = :n AND SerialNumber BETWEEN :l AND :h",
        ExpressionAttributeValues={":n": {"S": "a"}, ":l": {"S": "11"}, ":h": {"S": "13"}},
    )
    assert [item["SerialNumber"]["S"] for item in found["Items"]] == ["11", "12", "13"]


def test_indexes_are_sparse(dynamodb, table):
    for number in range(20):
        revoked = (
            {"RevokedBy": {"S": "s"}, "RevokedAt": {"N": str(100 - number)}, "Reason": {"S": "r"}}
            if number % 5 == 0
            else {}
        )
        dynamodb.put_item(TableName=table, Item=row(f"n{number}", number, Extra={"S": "x"}, **revoked))
    dynamodb.put_item(TableName=table, Item=row("half", 1, RevokedBy={"S": "s"}))
    query = {
        "TableName": table,
        "IndexName": "Revoked",
        "KeyConditionExpression": "RevokedBy = :s",
        "ExpressionAttributeValues": {":s": {"S": "s"}},
    }
    pages = list(dynamodb.get_paginator("query").paginate(**query, PaginationConfig={"PageSize": 3}))
    assert sum(page["ScannedCount"] for page in pages) == 4
    items = [item for page in pages for item in page["Items"]]
    assert [item["CommonName"]["S"] for item in items] == ["n15", "n10", "n5", "n0"]
    assert "Extra" not in items[0]
    assert items[0]["Reason"] == {"S": "r"}
    later = query | {
        "KeyConditionExpression": "RevokedBy = :s AND RevokedAt > :t",
        "ExpressionAttributeValues": {":s": {"S": "s"}, ":t": {"N": "90"}},
    }
    assert [item["CommonName"]["S"] for item in dynamodb.query(**later)["Items"]] == ["n5", "n0"]
    dynamodb.update_item(TableName=table, Key=row("n0", 0), UpdateExpression="REMOVE RevokedBy")
    assert dynamodb.query(**query)["Count"] == 3
    assert dynamodb.scan(TableName=table, IndexName="Revoked")["ScannedCount"] == 3


@pytest.mark.parametrize("wrong", [{"RevokedAt": {"S": "1"}}, {"RevokedBy": {"S": ""}}])
def test_keys_of_indexes_are_checked(dynamodb, table, wrong):
    with pytest.raises(ClientError) as error:
        dynamodb.put_item(TableName=table, Item=row("a", 1, **wrong))
    assert error.value.response["Error"]["Code"] == "ValidationException"


def test_transactions_do_not_slow_down_with_the_table(dynamodb, table):
    for start in range(0, 2000, 25):
        dynamodb.batch_write_item(
            RequestItems={table: [{"PutRequest": {"Item": row(f"n{n}", n)}} for n in range(start, start + 25)]}
        )
    dynamodb.transact_write_items(TransactItems=[put(table, row("a", 1)), put(table, row("b", 1))])
    assert dynamodb.describe_table(TableName=table)["Table"]["ItemCount"] == 2002


def test_updates_keep_keys_of_indexes(dynamodb, table):
    dynamodb.put_item(TableName=table, Item=row("a", 1))
    with pytest.raises(ClientError) as error:
        dynamodb.update_item(
            TableName=table, Key=row("a", 1), UpdateExpression="SET RevokedAt = :x",
            ExpressionAttributeValues={":x": {"S": "no number"}},
        )  # fmt: skip
    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert dynamodb.get_item(TableName=table, Key=row("a", 1))["Item"] == row("a", 1)


def test_reserved_words_are_no_names(dynamodb, table):
    values = {"ExpressionAttributeValues": {":x": {"S": "x"}}}
    with pytest.raises(ClientError) as error:
        dynamodb.put_item(TableName=table, Item=row("a", 1), ConditionExpression="Shard <> :x", **values)
    assert "reserved keyword: Shard" in error.value.response["Error"]["Message"]
    with pytest.raises(ClientError) as error:
        dynamodb.transact_write_items(
            TransactItems=[put(table, row("a", 1), ConditionExpression="attribute_exists(Status)")]
        )
    assert "reserved keyword: Status" in error.value.response["Error"]["Message"]
    dynamodb.put_item(
        TableName=table, Item=row("a", 1), ConditionExpression="#s <> :x AND NOT contains (#s, :x)",
        ExpressionAttributeNames={"#s": "Shard"}, **values,
    )  # fmt: skip


@pytest.mark.parametrize("operator", ["#a < :v", "#a <= :v", "#a > :v", "#a >= :v", "#a BETWEEN :v AND :v"])
def test_values_of_different_types_are_neither_before_the_other(dynamodb, table, operator):
    kinds = [{"S": "5"}, {"N": "5"}, {"B": b"5"}, {"BOOL": True}, {"NULL": True}, {"L": []}, {"M": {}}]
    for number, value in enumerate(kinds):
        dynamodb.put_item(TableName=table, Item=row("a", number, At=value))
    more = {"FilterExpression": operator, "ExpressionAttributeNames": {"#a": "At"}}
    for value in ({"S": "5"}, {"N": "5"}, {"B": b"5"}):
        values = {":v": value}
        same = 1 if "=" in operator or "BETWEEN" in operator else 0
        assert dynamodb.scan(TableName=table, ExpressionAttributeValues=values, **more)["Count"] == same
        of_name = {
            "KeyConditionExpression": "CommonName = :n",
            "ExpressionAttributeValues": values | {":n": {"S": "a"}},
        }
        assert dynamodb.query(TableName=table, **of_name, **more)["Count"] == same
