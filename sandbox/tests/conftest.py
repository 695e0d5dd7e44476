"""One sandbox for all tests; every test uses names of its own within it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
import uuid
from pathlib import Path

import attacked
import boto3
import botocore.config
import deployments
import pytest
import takeover
import trials
from place import Place

ROOT = Path(__file__).resolve().parent.parent


class Sandbox:
    """A sandbox in its own process, as others start it."""

    def __init__(self, folder: Path) -> None:
        self.trail = folder / "trail.jsonl"
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "chancery_sandbox.moto",
                "--port",
                "0",
                "--trail",
                str(self.trail),
                "--retry-delays",
                "0.05",
                "--patience",
                "0.01",
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        said = json.loads(self.process.stdout.readline())
        self.endpoint, self.slack = said["endpoint"], said["slack"]

    def client(self, service: str, access_key: str = "AKIAIOSFODNN7EXAMPLE", region: str = "eu-west-1", **more):
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=access_key,
            aws_secret_access_key="secret",
            config=botocore.config.Config(
                s3={"addressing_style": "path"}, retries={"max_attempts": 0}, read_timeout=200, max_pool_connections=80
            ),
            **more,
        )

    def trail_of(self, request_id: str) -> dict:
        events = [json.loads(line) for line in self.trail.read_text().splitlines()]
        return next(event for event in events if event["requestID"] == request_id)

    def ask(self, method: str, path: str, value=None):
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(f"{self.endpoint}/_sandbox/{path}", body, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def settle(self) -> None:
        assert self.ask("POST", "settle", {"seconds": 30})["settled"]

    def stop(self) -> None:
        self.process.stdin.close()
        # It ends its functions first, which takes a busy machine long.
        self.process.wait(timeout=90)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    running = Sandbox(tmp_path_factory.mktemp("sandbox"))
    yield running
    running.stop()


NAMED = {
    "CHANCERY_LAMBDA_ZIP": (Path.is_file, "the zip of the functions"),
    "CHANCERY_COMMAND": (Path.is_file, "a chancery built with the feature aws"),
    "CHANCERY_JUDGES": (lambda path: (path / "python").is_file(), "the bin folder of the judges' virtual environment"),
    "CHANCERY_TERRAFORM_PLUGINS": (Path.is_dir, "a folder that mirrors Terraform's providers"),
}
"""Variables that name what tests use: without one, they look elsewhere or are skipped, and say so."""


def not_there(environment) -> list[str]:
    """What is named and is not there, in words. Who names it does not want the tests skipped that need it."""
    named = ((name, Path(environment[name]), *what) for name, what in NAMED.items() if environment.get(name))
    return [
        f"{name} names {path}, which is not {what}: correct the variable, or leave it out"
        for name, path, is_there, what in named
        if not is_there(path)
    ]


def pytest_configure():
    if wrong := not_there(os.environ):
        raise pytest.UsageError("; ".join(wrong))


def pytest_collection_modifyitems(config, items):
    """Leave out what tests in Rust look at as well, and let those that need no Terraform go first: it is at work meanwhile."""
    named = any("test_" in argument for argument in config.args)
    if not named and not os.environ.get("CHANCERY_THOROUGH"):
        again = [item for item in items if item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=again)
        items[:] = [item for item in items if item not in again]
    items.sort(key=lambda item: item.get_closest_marker("deployed") is not None)


@pytest.fixture(scope="session", autouse=True)
def all_deployed(request, sandbox, tmp_path_factory):
    """Every configuration that a chosen test needs, by name; applied from the beginning of the session on."""
    asked = {mark.args[0]: None for item in request.session.items for mark in item.iter_markers("deployed")}
    all_of_them = deployments.Deployments(sandbox.endpoint, tmp_path_factory.mktemp("deployed"))
    all_of_them.sandboxes.append(sandbox)

    def take_over(folder):
        # The names are the same as those of another configuration: it needs an AWS of its own.
        other = Sandbox(folder)
        all_of_them.sandboxes.append(other)
        return takeover.take_over(other.endpoint, folder)

    def live(folder):
        # What happens in the account is what is looked at: nothing else may happen there.
        other = Sandbox(folder)
        all_of_them.sandboxes.append(other)
        return attacked.Attacked(other, folder)

    all_of_them.add("attacks", live)
    all_of_them.add("takeover", take_over)
    all_of_them.add("trial", trials.Trial)
    if not deployments.why_not():
        # The longest first.
        for each in ("takeover", "attacks", *deployments.CONFIGURATIONS, "trial"):
            if each in asked and (each == "echo" or deployments.ZIP.exists()):
                all_of_them.begin(each)
    yield all_of_them
    all_of_them.end()
    for other in all_of_them.sandboxes[1:]:
        other.stop()


@pytest.fixture
def deployed(request, all_deployed):
    """What `pytest.mark.deployed(NAME)` names."""
    return all_deployed[request.node.get_closest_marker("deployed").args[0]]


@pytest.fixture
def authority(deployed):
    """The authority of the first call of the module there, after its first run."""
    return deployed.running


@pytest.fixture(scope="session")
def place(sandbox, all_deployed):
    """The configuration `faults`, for tests that put it back as it was."""
    return Place(sandbox, "faulty", all_deployed["faults"].authority.outputs)


@pytest.fixture(autouse=True)
def nothing_is_denied(request):
    """Hold every call that a deployed function makes under its own role against what Terraform lets it do.

    Of roles that `pytest.mark.denied(ROLE, …)` names, a test expects refusals.
    """
    if request.node.get_closest_marker("deployed") is None:
        yield
        return
    expected = [f":assumed-role/{role}/" for mark in request.node.iter_markers("denied") for role in mark.args]
    sandboxes = list(request.getfixturevalue("all_deployed").sandboxes)
    before = [len(sandbox.ask("GET", "refusals")) for sandbox in sandboxes]
    yield
    for sandbox, count in zip(sandboxes, before, strict=True):
        assert [
            why for why in sandbox.ask("GET", "refusals")[count:] if not any(each in why for each in expected)
        ] == []


@pytest.fixture
def told(sandbox, authority):
    """What came to the topic, and to Slack, since the last time this was asked."""
    sns, sqs = authority.client("sns"), authority.client("sqs")
    queue = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = "arn:aws:sqs:eu-west-1:123456789012:heard"
    heard = sns.subscribe(TopicArn=authority.outputs["sns_topic_arn"], Protocol="sqs", Endpoint=arn)["SubscriptionArn"]
    sandbox.ask("DELETE", "slack")

    def told() -> tuple[list[tuple[str, dict]], list[dict]]:
        sandbox.settle()
        notices = []
        while received := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in received:
                body = json.loads(message["Body"])
                notices.append((body["Subject"], json.loads(body["Message"])))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        messages = sandbox.ask("GET", "slack")
        sandbox.ask("DELETE", "slack")
        return notices, messages

    yield told
    sns.unsubscribe(SubscriptionArn=heard)
    sqs.delete_queue(QueueUrl=queue)


@pytest.fixture
def name() -> str:
    return "t" + uuid.uuid4().hex[:12]
