"""Functions that run, judged by what boto3 and the functions themselves see."""

from __future__ import annotations

import base64
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import lambdas
import pytest
from botocore.exceptions import ClientError
from lambdas import call


def test_python_function_runs_and_stays_warm(sandbox, name):
    arn = lambdas.create_python(sandbox, name, Environment={"Variables": {"GREETING": "hello"}})
    context = base64.b64encode(json.dumps({"custom": {"a": 1}}).encode()).decode()
    answer, first = call(sandbox, name, {"n": 1}, LogType="Tail", ClientContext=context)
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer
    assert first["event"] == {"n": 1}
    assert first["cold"]
    assert first["greeting"] == "hello"
    assert first["arn"] == arn
    assert first["client"] == {"custom": {"a": 1}}
    assert 5000 < first["left"] <= 10000
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Sampled=0", first["trace"])
    log = base64.b64decode(answer["LogResult"]).decode()
    assert f"START RequestId: {first['request']} Version: $LATEST" in log
    assert 'seen {"n": 1}' in log
    assert re.search(
        rf"REPORT RequestId: {first['request']}\tDuration: [0-9.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t"
        r"Max Memory Used: \d+ MB\tInit Duration: [0-9.]+ ms",
        log,
    )
    answer, second = call(sandbox, name, {"n": 2}, LogType="Tail")
    assert not second["cold"]
    assert second["pid"] == first["pid"]
    assert "Init Duration" not in base64.b64decode(answer["LogResult"]).decode()
    events = sandbox.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    assert any('seen {"n": 2}' in event["message"] for event in events)


def test_bootstrap_of_the_zip_runs(sandbox, name):
    lambdas.create_bootstrap(sandbox, name)
    answer, value = call(sandbox, name, [1, "ü"], LogType="Tail")
    assert value == {"handler": "thing.lambda_handler", "event": [1, "ü"]}
    assert "bootstrap saw" in base64.b64decode(answer["LogResult"]).decode()


def test_bootstrap_that_may_not_be_executed(sandbox, name):
    lambdas.create_bootstrap(sandbox, name, mode=0o644)
    answer, value = call(sandbox, name, {})
    assert answer["FunctionError"] == "Unhandled"
    assert value["errorType"] == "Runtime.InvalidEntrypoint"


def test_a_failing_handler(sandbox, name):
    lambdas.create_python(sandbox, name)
    answer, value = call(sandbox, name, {"do": "raise"})
    assert answer["StatusCode"] == 200
    assert answer["FunctionError"] == "Unhandled"
    assert value["errorType"] == "ValueError"
    assert value["errorMessage"] == "asked to fail"
    assert call(sandbox, name, {})[1]["event"] == {}


def test_a_failing_initialisation(sandbox, name):
    lambdas.create_python(sandbox, name, Environment={"Variables": {"FAIL_INIT": "1"}})
    answer, value = call(sandbox, name, {})
    assert answer["FunctionError"] == "Unhandled"
    assert value["errorMessage"] == "no init today"


def test_a_process_that_ends(sandbox, name):
    lambdas.create_python(sandbox, name)
    answer, value = call(sandbox, name, {"do": "exit"})
    assert answer["FunctionError"] == "Unhandled"
    assert value["errorType"] == "Runtime.ExitError"
    assert value["errorMessage"].endswith("Runtime exited with error: exit status 3")
    assert call(sandbox, name, {})[1]["cold"]


def test_timeout_is_enforced(sandbox, name):
    lambdas.create_python(sandbox, name, Timeout=1)
    began = time.monotonic()
    answer, value = call(sandbox, name, {"do": "sleep", "seconds": 30})
    assert time.monotonic() - began < 5
    assert answer["FunctionError"] == "Unhandled"
    assert value["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert call(sandbox, name, {})[1]["cold"]


def test_memory_is_measured_and_enforced(sandbox, name):
    lambdas.create_python(sandbox, name)
    answer, _ = call(sandbox, name, {"do": "memory", "mib": 40}, LogType="Tail")
    used = int(re.search(r"Max Memory Used: (\d+) MB", base64.b64decode(answer["LogResult"]).decode())[1])
    assert 45 < used < 128
    answer, value = call(sandbox, name, {"do": "memory", "mib": 200})
    assert answer["FunctionError"] == "Unhandled"
    assert value["errorType"] == "Runtime.OutOfMemory"


def test_answers_that_are_too_large(sandbox, name):
    lambdas.create_python(sandbox, name)
    assert len(call(sandbox, name, {"do": "big", "size": 5 << 20})[1]) == 5 << 20
    answer, value = call(sandbox, name, {"do": "big", "size": 7 << 20})
    assert answer["FunctionError"] == "Unhandled"
    assert value["errorType"] == "Function.ResponseSizeTooLarge"


def test_busy_functions_get_more_processes(sandbox, name):
    lambdas.create_python(sandbox, name)
    with ThreadPoolExecutor(4) as callers:
        pids = {
            value["pid"]
            for _, value in callers.map(lambda _: call(sandbox, name, {"do": "sleep", "seconds": 1}), range(4))
        }
    assert len(pids) == 4


def test_reserved_concurrency_throttles(sandbox, name):
    lambdas.create_python(sandbox, name)
    sandbox.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    with ThreadPoolExecutor(1) as caller:
        slow = caller.submit(call, sandbox, name, {"do": "sleep", "seconds": 2})
        time.sleep(0.5)
        with pytest.raises(ClientError) as error:
            call(sandbox, name, {})
        assert error.value.response["Error"]["Code"] == "TooManyRequestsException"
        assert slow.result()[0]["StatusCode"] == 200


def test_a_changed_configuration_starts_cold(sandbox, name):
    lambdas.create_python(sandbox, name)
    client = sandbox.client("lambda")
    before = call(sandbox, name, {})[1]
    client.update_function_configuration(FunctionName=name, Environment={"Variables": {"GREETING": "changed"}})
    after = call(sandbox, name, {})[1]
    assert after["greeting"] == "changed"
    assert after["pid"] != before["pid"]
    client.update_function_code(
        FunctionName=name, ZipFile=lambdas.zipped("app.py", "def lambda_handler(e, c): return 'new'", 0o644)
    )
    assert call(sandbox, name, {})[1] == "new"


def test_aliases_and_qualifiers(sandbox, name):
    arn = lambdas.create_python(sandbox, name)
    client = sandbox.client("lambda")
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="$LATEST")
    for target, more in [(name, {"Qualifier": "live"}), (f"{name}:live", {}), (f"{arn}:live", {})]:
        assert call(sandbox, target, {}, **more)[1]["arn"] == f"{arn}:live"
    with pytest.raises(ClientError) as error:
        call(sandbox, name, {}, Qualifier="nowhere")
    assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_events_nested_a_thousand_deep_and_no_deeper(sandbox, name):
    lambdas.create_bootstrap(sandbox, name)
    client = sandbox.client("lambda")
    answer = client.invoke(FunctionName=name, Payload=b"[" * 900 + b'"[[["' + b"]" * 900)
    assert answer["StatusCode"] == 200
    for deep in (1001, 100_000):
        with pytest.raises(ClientError) as error:
            client.invoke(FunctionName=name, Payload=b"[" * deep + b"]" * deep)
        assert error.value.response["Error"]["Code"] == "InvalidRequestContentException"


def test_bad_requests(sandbox, name):
    lambdas.create_python(sandbox, name)
    client = sandbox.client("lambda")
    with pytest.raises(ClientError) as error:
        client.invoke(FunctionName=name, Payload=b"{not json")
    assert error.value.response["Error"]["Code"] == "InvalidRequestContentException"
    assert client.invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204
    with pytest.raises(ClientError) as error:
        call(sandbox, name + "x", {})
    assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_functions_call_aws_as_their_role(sandbox, name):
    lambdas.create_python(sandbox, name)
    value = call(sandbox, name, {"do": "aws", "service": "sts"})[1]
    assert re.fullmatch(rf"arn:aws:sts::\d{{12}}:assumed-role/{name}/{name}", value)


def test_asynchronous_events_are_retried_twice(sandbox, name, tmp_path):
    lambdas.create_python(sandbox, name)
    mark = tmp_path / "mark"
    event = {"do": "fail-then-work", "mark": str(mark), "times": 3}
    answer = sandbox.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event))
    assert answer["StatusCode"] == 202
    sandbox.settle()
    assert mark.read_text() == "xxx"


def test_dead_letters(sandbox, name):
    queue = sandbox.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    arn = sandbox.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    lambdas.create_python(sandbox, name, DeadLetterConfig={"TargetArn": arn})
    client = sandbox.client("lambda")
    assert client.get_function_configuration(FunctionName=name)["DeadLetterConfig"] == {"TargetArn": arn}
    client.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"do":"raise"}')
    sandbox.settle()
    received = sandbox.client("sqs").receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"]
    assert [message["Body"] for message in received] == ['{"do":"raise"}']
    assert received[0]["MessageAttributes"]["ErrorMessage"]["StringValue"] == "asked to fail"


def test_notices_reach_functions(sandbox, name):
    arn = lambdas.create_python(sandbox, name)
    sns = sandbox.client("sns")
    topic = sns.create_topic(Name=name)["TopicArn"]
    subscription = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)["SubscriptionArn"]
    sent = sns.publish(
        TopicArn=topic, Subject="A subject", MessageStructure="json", Message=json.dumps({"default": '{"a": 1}'})
    )
    sandbox.settle()
    events = sandbox.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    line = next(event["message"] for event in events if event["message"].startswith("seen "))
    record = json.loads(line.removeprefix("seen "))["Records"][0]
    assert record["EventSource"] == "aws:sns"
    assert record["EventVersion"] == "1.0"
    assert record["EventSubscriptionArn"] == subscription
    notice = record["Sns"]
    assert notice["MessageId"] == sent["MessageId"]
    assert notice["TopicArn"] == topic
    assert notice["Subject"] == "A subject"
    assert notice["Message"] == '{"a": 1}'
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", notice["Timestamp"])
