"""Queues that functions read."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import lambdas
import pytest
from watching import ACCOUNT, REGION

READER = """
import json, os

def lambda_handler(event, context):
    records = event["Records"]
    with open(os.environ["LOG"], "a") as log:
        log.write(json.dumps([record["body"] for record in records]) + "\\n")
    bodies = {record["messageId"]: record["body"] for record in records}
    if "all-fail" in bodies.values():
        raise ValueError("asked to fail")
    if "nonsense" in bodies.values():
        return {"batchItemFailures": [{"itemIdentifier": "no-such-message"}]}
    return {"batchItemFailures": [{"itemIdentifier": each} for each, body in bodies.items() if body == "fails"]}
"""


class Reader:
    """A function that reads a queue, and what it was given."""

    def __init__(self, sandbox, name: str, folder, *, again: int = 60, **mapping) -> None:
        self.sandbox, self.log = sandbox, folder / "log"
        self.sqs, self.lambdas = sandbox.client("sqs"), sandbox.client("lambda")
        self.dead = self.sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        redrive = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}-dead", "maxReceiveCount": 2}
        self.url = self.sqs.create_queue(
            QueueName=name, Attributes={"VisibilityTimeout": str(again), "RedrivePolicy": json.dumps(redrive)}
        )["QueueUrl"]
        self.lambdas.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=lambdas.role(sandbox, name),
            Handler="app.lambda_handler",
            Code={"ZipFile": lambdas.zipped("app.py", READER, 0o644)},
            Timeout=10,
            Environment={"Variables": {"LOG": str(self.log)}},
        )
        # One that starts cold on a busy machine might take longer than messages stay invisible.
        lambdas.call(sandbox, name, {"Records": []})
        self.log.unlink()
        self.mapping = self.lambdas.create_event_source_mapping(
            EventSourceArn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}", **({"FunctionName": name} | mapping)
        )["UUID"]

    def send(self, *bodies: str) -> None:
        entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(bodies)]
        self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def given(self) -> list[list[str]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def left(self, url: str | None = None) -> int:
        asked = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.sqs.get_queue_attributes(QueueUrl=url or self.url, AttributeNames=asked)["Attributes"]
        return sum(int(number) for number in told.values())

    def wait(self, until) -> None:
        deadline = time.monotonic() + 20
        while not until():
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.fixture
def reader(sandbox, name, tmp_path):
    made = []

    def make(**mapping) -> Reader:
        made.append(Reader(sandbox, name, tmp_path, **mapping))
        return made[0]

    yield make
    for each in made:
        each.lambdas.delete_event_source_mapping(UUID=each.mapping)
        sandbox.settle()


def test_a_batch_is_read_and_taken_from_the_queue(reader):
    read = reader(MaximumBatchingWindowInSeconds=50)
    # Half a second, with the patience of these tests.
    read.send("a", "b", "c")
    read.wait(lambda: sorted(body for batch in read.given() for body in batch) == ["a", "b", "c"])
    assert len(read.given()) < 3, "those of a window come together"
    read.wait(lambda: read.left() == 0)


def test_a_batch_is_no_larger_than_it_may_be(sandbox, reader):
    read = reader(BatchSize=2)
    read.send("a", "b", "c", "d", "e")
    sandbox.settle()
    assert max(map(len, read.given())) <= 2
    assert sorted(body for batch in read.given() for body in batch) == ["a", "b", "c", "d", "e"]


def test_what_fails_comes_again_and_then_to_the_dead_letters(reader):
    read = reader(again=3)
    read.send("all-fail")
    read.wait(lambda: read.left(read.dead) == 1)
    assert read.given() == [["all-fail"]] * 2
    assert read.left() == 0


def test_single_failures_of_a_batch(reader):
    read = reader(again=3, MaximumBatchingWindowInSeconds=50, FunctionResponseTypes=["ReportBatchItemFailures"])
    read.send("works", "fails")
    read.wait(lambda: read.left(read.dead) == 1)
    assert [sorted(batch) for batch in read.given()] == [["fails", "works"], ["fails"]]


def test_an_answer_about_unknown_messages_fails_the_batch(reader):
    read = reader(again=3, FunctionResponseTypes=["ReportBatchItemFailures"])
    read.send("nonsense")
    read.wait(lambda: read.left(read.dead) == 1)


def test_failures_are_not_looked_at_where_nobody_asked_for_them(sandbox, reader):
    read = reader()
    read.send("fails")
    sandbox.settle()
    assert read.left() == 0
    assert read.given() == [["fails"]]


def test_filters(sandbox, reader):
    wanted = {"Filters": [{"Pattern": json.dumps({"body": {"detail": {"eventName": ["Sign"]}}})}]}
    read = reader(FilterCriteria=wanted)
    signed, other = (json.dumps({"detail": {"eventName": event}}) for event in ("Sign", "Verify"))
    read.send(other, signed, "no json")
    sandbox.settle()
    assert [body for batch in read.given() for body in batch] == [signed]
    assert read.left() == 0


def test_a_mapping_that_is_switched_off_reads_nothing(sandbox, reader):
    read = reader(Enabled=False)
    read.send("a")
    sandbox.settle()
    assert (read.given(), read.left()) == ([], 1)
    read.lambdas.update_event_source_mapping(UUID=read.mapping, Enabled=True)
    read.wait(lambda: read.left() == 0)
    assert read.given() == [["a"]]


def test_no_message_is_lost_between_senders_and_readers(sandbox, name):
    """A message that came while another was deleted used to vanish."""
    sqs = sandbox.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    taken: list[str] = []
    done = threading.Event()

    def read() -> None:
        while True:
            last = done.is_set()
            messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            for message in messages:
                taken.append(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            if last and not messages:
                return

    with ThreadPoolExecutor(8) as workers:
        readers = [workers.submit(read) for _ in range(4)]
        sent = [workers.submit(sqs.send_message, QueueUrl=url, MessageBody=str(number)) for number in range(200)]
        for each in sent:
            each.result()
        done.set()
        for each in readers:
            each.result()
    assert sorted(map(int, taken)) == list(range(200))


def test_messages_that_were_there_before_the_mapping_are_read(reader):
    read = reader(Enabled=False)
    read.lambdas.delete_event_source_mapping(UUID=read.mapping)
    read.send("a")
    name = read.url.rsplit("/", 1)[1]
    read.mapping = read.lambdas.create_event_source_mapping(
        EventSourceArn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}", FunctionName=name
    )["UUID"]
    read.wait(lambda: read.left() == 0)
    assert read.given() == [["a"]]


def test_a_redrive_policy_is_told_without_spaces(reader):
    """Terraform would see another one in it, each time anew."""
    read = reader()
    told = read.sqs.get_queue_attributes(QueueUrl=read.url, AttributeNames=["RedrivePolicy"])["Attributes"]
    dead = read.url.rsplit("/", 1)[1] + "-dead"
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{dead}"
    assert told["RedrivePolicy"] == f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":2}}'
