"""What a test asks of the sandbox itself: faults, counts, Slack."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError, HTTPClientError


@pytest.fixture
def queue(sandbox, name):
    sandbox.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
    )
    return name


def put(sandbox, table: str, key: str) -> None:
    sandbox.client("dynamodb").put_item(TableName=table, Item={"Id": {"S": key}})


def there(sandbox, table: str, key: str) -> bool:
    return "Item" in sandbox.client("dynamodb").get_item(TableName=table, Key={"Id": {"S": key}})


@pytest.mark.parametrize(
    ("kind", "error", "done"),
    [
        ("throttled", "ProvisionedThroughputExceededException", False),
        ("failed", "InternalServerError", False),
        ("failed-done", "InternalServerError", True),
        ("conflict", "TransactionConflictException", False),
        ("lost", "", True),
        ("unreachable", "", False),
    ],
)
def test_faults(sandbox, queue, kind, error, done):
    put(sandbox, queue, "before")
    sandbox.ask("POST", "faults", {"service": "dynamodb", "operation": "PutItem", "kind": kind, "skip": 1})
    put(sandbox, queue, "skipped")
    with pytest.raises((ClientError, HTTPClientError)) as raised:
        put(sandbox, queue, "struck")
    if error:
        assert raised.value.response["Error"]["Code"] == error
    assert there(sandbox, queue, "struck") is done
    put(sandbox, queue, "after")
    assert there(sandbox, queue, "skipped")
    assert there(sandbox, queue, "after")
    assert sandbox.ask("DELETE", "faults") == 0


def test_faults_that_have_not_struck_are_counted(sandbox, queue):
    sandbox.ask("POST", "faults", {"service": "dynamodb", "operation": "PutItem", "kind": "failed"})
    assert sandbox.ask("DELETE", "faults") == 1
    put(sandbox, queue, "x")


def test_slow_calls_and_their_record(sandbox, queue):
    sandbox.ask("DELETE", "calls")
    sandbox.ask("POST", "faults", {"service": "dynamodb", "operation": "PutItem", "kind": "slow", "delay": 0.3})
    began = time.monotonic()
    put(sandbox, queue, "x")
    assert time.monotonic() - began >= 0.3
    # Terraform may be at work meanwhile.
    calls = [
        call for call in sandbox.ask("GET", "calls") if (call["service"], call["operation"]) == ("dynamodb", "PutItem")
    ]
    assert [call["status"] for call in calls] == [200]


def test_faults_that_are_none(sandbox):
    with pytest.raises(urllib.error.HTTPError) as error:
        sandbox.ask("POST", "faults", {"service": "kms", "operation": "Sign", "kind": "sulking"})
    assert error.value.code == 400


def post(sandbox, message: dict, token: str = "xoxb-1-a") -> tuple[int, dict, dict]:
    request = urllib.request.Request(
        f"{sandbox.slack}/chat.postMessage",
        json.dumps(message).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, dict(answer.headers), json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), json.loads(error.read())


def test_slack(sandbox):
    sandbox.ask("DELETE", "slack")
    blocks = [{"type": "header", "text": {"type": "plain_text", "text": "Certificate Issued"}}]
    assert post(sandbox, {"channel": "#ca", "blocks": blocks})[2]["ok"]
    assert post(sandbox, {"channel": "#ca", "text": "x"}, token="")[2] == {"ok": False, "error": "not_authed"}
    assert post(sandbox, {"channel": "#ca", "text": "x"}, token="hello")[2]["error"] == "invalid_auth"
    assert post(sandbox, {"text": "x"})[2]["error"] == "channel_not_found"
    assert post(sandbox, {"channel": "#ca"})[2]["error"] == "no_text"
    blocks[0]["text"]["text"] = "x" * 151
    assert post(sandbox, {"channel": "#ca", "blocks": blocks})[2]["error"] == "invalid_blocks"
    sandbox.ask("POST", "slack", {"limited": 1, "retry_after": 2, "down": 1})
    assert post(sandbox, {"channel": "#ca", "text": "x"})[0] == 503
    status, headers, _ = post(sandbox, {"channel": "#ca", "text": "x"})
    assert (status, headers["Retry-After"]) == (429, "2")
    assert post(sandbox, {"channel": "#ca", "text": "x"})[0] == 200
    assert [message["channel"] for message in sandbox.ask("GET", "slack")] == ["#ca", "#ca"]


def test_no_answer_comes_before_terraform_s_provider_has_done_with_sending(sandbox, queue):
    """Elsewhere the answer is lost to it, and it asks for the same thing once more: "already exists"."""
    client = sandbox.client("dynamodb")

    def is_terraform(request, **_) -> None:
        request.headers["User-Agent"] = "APN/1.0 HashiCorp/1.0 Terraform/1.11.4 terraform-provider-aws/5.100.0"

    client.meta.events.register("before-send.dynamodb", is_terraform)
    for _ in range(5):
        began = time.monotonic()
        client.describe_table(TableName=queue)
        assert time.monotonic() - began >= 0.05


def test_a_service_that_is_not_here_says_so(sandbox):
    with pytest.raises(ClientError) as error:
        sandbox.client("accessanalyzer").list_analyzers()
    assert error.value.response["Error"]["Code"] == "UnknownOperationException"
    sources = {record["eventSource"] for record in sandbox.ask("GET", "trail/records")}
    assert "access-analyzer.amazonaws.com" in sources
