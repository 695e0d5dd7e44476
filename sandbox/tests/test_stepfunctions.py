"""Step Functions: the interpreter calls real functions, and retries, catches and maps as the language says."""

from __future__ import annotations

import json
import time

import lambdas
import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def run(sandbox, name):
    states = sandbox.client("stepfunctions")

    def run(definition: dict) -> dict:
        machine = states.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn="arn:aws:iam::123456789012:role/states"
        )["stateMachineArn"]
        execution = states.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
        deadline = time.monotonic() + 60
        while (said := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return said

    return run


def task(function: str, payload, **more) -> dict:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload": payload},
        **more,
    }


def test_retries(sandbox, run, name, tmp_path):
    function = lambdas.create_python(sandbox, name)
    mark = tmp_path / "mark"
    event = {"do": "fail-then-work", "mark": str(mark), "times": 3}
    retry = [{"ErrorEquals": ["ValueError"], "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 1}]
    said = run({"StartAt": "A", "States": {"A": task(function, event, Retry=retry, End=True)}})
    assert said["status"] == "SUCCEEDED"
    assert mark.read_text() == "xxx"


def test_catches(sandbox, run, name):
    function = lambdas.create_python(sandbox, name)
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "B"}]
    said = run(
        {
            "StartAt": "A",
            "States": {
                "A": task(function, {"do": "raise"}, Catch=catch, Next="C"),
                "B": {"Type": "Pass", "Parameters": {"caught.$": "$.error.Error"}, "End": True},
                "C": {"Type": "Fail"},
            },
        }
    )
    assert (said["status"], json.loads(said["output"])) == ("SUCCEEDED", {"caught": "ValueError"})


def test_uncaught_errors_fail(sandbox, run, name):
    function = lambdas.create_python(sandbox, name)
    said = run({"StartAt": "A", "States": {"A": task(function, {"do": "raise"}, End=True)}})
    assert (said["status"], said["error"]) == ("FAILED", "ValueError")


@pytest.mark.parametrize("tolerated", [0, 100])
def test_a_distributed_map_reads_its_items_from_s3(sandbox, run, name, tolerated):
    function = lambdas.create_python(sandbox, name)
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    items = [{"n": number} for number in range(6)] + [{"do": "raise"}]
    s3.put_object(Bucket=name, Key="tls.json", Body=json.dumps(items).encode())
    step = task(function, "", End=True)
    step["Parameters"] = {"FunctionName": function, "Payload.$": "$"}
    said = run(
        {
            "StartAt": "M",
            "States": {
                "M": {
                    "Type": "Map",
                    "ItemReader": {
                        "Resource": "arn:aws:states:::s3:getObject",
                        "ReaderConfig": {"InputType": "JSON"},
                        "Parameters": {"Bucket": name, "Key": "tls.json"},
                    },
                    "ItemProcessor": {
                        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                        "StartAt": "Issue",
                        "States": {"Issue": step},
                    },
                    "MaxConcurrency": 1000,
                    "ToleratedFailurePercentage": tolerated,
                    "ResultPath": None,
                    "End": True,
                }
            },
        }
    )
    assert said["status"] == ("SUCCEEDED" if tolerated else "FAILED")
    if tolerated:
        events = sandbox.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        seen = [json.loads(e["message"].removeprefix("seen ")) for e in events if e["message"].startswith("seen ")]
        assert sorted(event["n"] for event in seen) == list(range(6))


def test_definitions_are_validated(sandbox):
    states = sandbox.client("stepfunctions")
    good = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    assert states.validate_state_machine_definition(definition=good)["result"] == "OK"
    bad = states.validate_state_machine_definition(definition='{"StartAt": "A", "States": {"A": {"Type": "Nonsense"}}}')
    assert bad["result"] == "FAIL"
    with pytest.raises(ClientError) as error:
        states.create_state_machine(name="x", definition="{", roleArn="arn:aws:iam::123456789012:role/states")
    assert error.value.response["Error"]["Code"] == "InvalidDefinition"
