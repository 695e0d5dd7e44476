"""The real module, applied with Terraform against the sandbox, with functions that only say what they were asked."""

from __future__ import annotations

import json
import time

import pytest

pytestmark = pytest.mark.deployed("echo")


@pytest.fixture
def stack(deployed):
    return deployed.stack, deployed.authority.outputs


def test_applying_twice_changes_nothing(stack):
    assert [(change["address"], change["change"]["actions"]) for change in stack[0].plan()] == []


def test_the_state_machine_calls_the_functions(sandbox, stack):
    said = run_machine(sandbox, stack[1])
    assert said["status"] == "SUCCEEDED", said
    reports = sandbox.ask("GET", "reports")
    called = [report["function"] for report in reports if report["function"].startswith("echo-")]
    first = ("sweep", "create-root-ca", "root-ca-crl", "create-issuing-ca", "issuing-ca-crl")
    assert called[:5] == [f"echo-{name}-dev" for name in first]
    assert called[-1] == "echo-expiry-dev"
    assert called.count("echo-tls-cert-dev") == 3
    events = sandbox.client("logs").filter_log_events(logGroupName="/aws/lambda/echo-tls-cert-dev")["events"]
    seen = [event["message"] for event in events if event["message"].startswith("bootstrap saw")]
    assert {json.loads(line.removeprefix("bootstrap saw "))["common_name"] for line in seen} == {
        f"{n}.example.com" for n in "abc"
    }


def run_machine(sandbox, outputs):
    states = sandbox.client("stepfunctions")
    execution = states.start_execution(stateMachineArn=outputs["state_machine_arn"])["executionArn"]
    deadline = time.monotonic() + 120
    while (said := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return said


@pytest.fixture
def forget_faults(sandbox):
    sandbox.ask("DELETE", "reports")
    yield
    sandbox.ask("DELETE", "faults")


def times_called(sandbox) -> dict[str, int]:
    names = [report["function"] for report in sandbox.ask("GET", "reports")]
    return {name: names.count(f"echo-{name}-dev") for name in STEPS}


STEPS = ("sweep", "create-root-ca", "root-ca-crl", "create-issuing-ca", "issuing-ca-crl", "tls-cert", "expiry")


@pytest.mark.usefixtures("forget_faults")
def test_a_step_that_fails_once_is_tried_again(sandbox, stack):
    fail(sandbox, "root-ca-crl", 1)
    assert run_machine(sandbox, stack[1])["status"] == "SUCCEEDED"
    assert times_called(sandbox) == dict.fromkeys(STEPS, 1) | {"tls-cert": 3}


@pytest.mark.usefixtures("forget_faults")
@pytest.mark.parametrize("step", ["sweep", "create-root-ca", "root-ca-crl", "create-issuing-ca", "issuing-ca-crl"])
def test_a_step_that_fails_for_good_stops_no_other(sandbox, stack, step):
    fail(sandbox, step, 1000)
    said = run_machine(sandbox, stack[1])
    assert (said["status"], said["error"]) == ("FAILED", "Chancery.PartlyFailed")
    assert times_called(sandbox) == dict.fromkeys(STEPS, 1) | {"tls-cert": 3, step: 0}


@pytest.mark.usefixtures("forget_faults")
def test_a_list_that_is_missing_stops_no_other(sandbox, stack):
    s3, bucket = sandbox.client("s3"), stack[1]["internal_s3_bucket_name"]
    before = s3.get_object(Bucket=bucket, Key="tls.json")["Body"].read()
    s3.delete_object(Bucket=bucket, Key="tls.json")
    said = run_machine(sandbox, stack[1])
    s3.put_object(Bucket=bucket, Key="tls.json", Body=before)
    assert (said["status"], said["error"]) == ("FAILED", "Chancery.PartlyFailed")
    assert times_called(sandbox) == dict.fromkeys(STEPS, 1) | {"tls-cert": 0}


@pytest.mark.usefixtures("forget_faults")
def test_an_entry_that_fails_for_good_stops_no_other(sandbox, stack):
    s3, bucket = sandbox.client("s3"), stack[1]["internal_s3_bucket_name"]
    before = s3.get_object(Bucket=bucket, Key="tls.json")["Body"].read()
    s3.put_object(Bucket=bucket, Key="tls.json", Body=json.dumps([{"n": 1}, {"die": True}, {"n": 2}]).encode())
    said = run_machine(sandbox, stack[1])
    s3.put_object(Bucket=bucket, Key="tls.json", Body=before)
    assert (said["status"], said["error"]) == ("FAILED", "Chancery.PartlyFailed")
    events = sandbox.client("logs").filter_log_events(logGroupName="/aws/lambda/echo-tls-cert-dev")["events"]
    seen = [event["message"] for event in events if event["message"].startswith("bootstrap saw")]
    entries = [json.loads(line.removeprefix("bootstrap saw ")) for line in seen]
    assert {1, 2} <= {entry.get("n") for entry in entries}
    tokens = {entry["idempotency_token"] for entry in entries if entry.get("die")}
    assert len(tokens) == 1, "each try of an entry has the same token"
    assert not [entry for entry in entries if "n" in entry and entry["idempotency_token"] in tokens]
    assert times_called(sandbox)["expiry"] == 1


def fail(sandbox, step: str, times: int) -> None:
    sandbox.ask(
        "POST",
        "faults",
        {
            "service": "lambda",
            "operation": "Invoke",
            "kind": "failed",
            "times": times,
            "path": f"echo-{step}-dev",
        },
    )


def test_keys_are_what_was_asked_for(sandbox, stack):
    assert stack[1]["issuing_ca_key_arn"]
    key = sandbox.client("kms").describe_key(KeyId="alias/echo-issuing-ca-dev")["KeyMetadata"]
    assert (key["KeySpec"], key["KeyUsage"]) == ("ECC_NIST_P521", "SIGN_VERIFY")
