"""CloudTrail's calls on EventBridge: rules, states, targets, and what may go wrong on the way."""

from __future__ import annotations

import json
import time

import lambdas
import pytest
import watching
from watching import ACCOUNT, REGION, shape

from chancery_sandbox import events

ALL = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
SIGNED = {"source": ["aws.kms"], "detail-type": ["AWS API Call via CloudTrail"], "detail": {"eventName": ["Sign"]}}


class Queue:
    """A queue, and what came to it."""

    def __init__(self, sandbox, name: str, region: str = REGION, *, admits: str = "events.amazonaws.com") -> None:
        self.client = sandbox.client("sqs", region=region)
        self.arn = f"arn:aws:sqs:{region}:{ACCOUNT}:{name}"
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": admits},
            "Action": "sqs:SendMessage",
            "Resource": self.arn,
        }
        self.url = self.client.create_queue(
            QueueName=name, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allowed]})}
        )["QueueUrl"]

    def took(self, wait: int = 0) -> list:
        found = []
        while received := self.client.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=wait
        ).get("Messages"):
            for message in received:
                found.append(json.loads(message["Body"]))
                self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return found


@pytest.fixture
def world(sandbox, name):
    """A key whose signatures a trail takes, and whatever else the test makes of rules."""
    made = World(sandbox, name)
    yield made
    made.end()


class World:
    def __init__(self, sandbox, name: str) -> None:
        self.sandbox, self.name = sandbox, name
        self.key = watching.signing_key(sandbox)
        self.kms = sandbox.client("kms")
        self.trail = watching.trail(sandbox, name)
        self.rules: list[tuple[str, str]] = []

    def rule(self, target: str, pattern: dict, state: str = ALL, region: str = REGION, **more) -> str:
        client = self.sandbox.client("events", region=region)
        name = f"{self.name}-{len(self.rules)}"
        self.rules.append((region, name))
        arn = client.put_rule(Name=name, EventPattern=json.dumps(pattern), State=state)["RuleArn"]
        client.put_targets(Rule=name, Targets=[{"Id": "t", "Arn": target, **more}])
        return arn

    def mine(self, pattern: dict | None = None) -> dict:
        """The signatures of the test's own key."""
        of_key = {"eventSource": ["kms.amazonaws.com"], "resources": {"ARN": [self.key]}}
        return {"source": ["aws.kms"], "detail": of_key | (pattern or {"eventName": ["Sign"]})}

    def sign(self) -> str:
        return watching.sign(self.kms, self.key)

    def end(self) -> None:
        for region, name in self.rules:
            client = self.sandbox.client("events", region=region)
            client.remove_targets(Rule=name, Ids=["t"])
            client.delete_rule(Name=name)
        client = self.sandbox.client("cloudtrail")
        if client.describe_trails(trailNameList=[self.name], includeShadowTrails=False)["trailList"]:
            client.delete_trail(Name=self.name)
        self.sandbox.ask("DELETE", "trail/faults")


def test_a_signature_reaches_a_queue(sandbox, world, name):
    queue = Queue(sandbox, name)
    world.rule(queue.arn, world.mine())
    asked = world.sign()
    sandbox.settle()
    (event,) = queue.took()
    assert event.keys() == {
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail",
    }  # fmt: skip
    assert (event["source"], event["detail-type"]) == ("aws.kms", "AWS API Call via CloudTrail")
    assert (event["account"], event["region"], event["time"]) == (ACCOUNT, REGION, event["detail"]["eventTime"])
    assert event["detail"] == watching.record_of(sandbox, asked)


@pytest.mark.parametrize(
    ("state", "heard"), [(ALL, ["Sign", "DisableKey"]), ("ENABLED", ["DisableKey"]), ("DISABLED", [])]
)
def test_what_only_reads_is_sure_in_one_state_alone(sandbox, world, name, state, heard):
    queue = Queue(sandbox, name)
    world.rule(queue.arn, world.mine({"eventName": ["Sign", "DisableKey"]}), state)
    world.sign()
    world.kms.disable_key(KeyId=world.key)
    sandbox.settle()
    assert [event["detail"]["eventName"] for event in queue.took()] == heard


def test_nothing_comes_without_a_trail_that_takes_it(sandbox, world, name):
    queue = Queue(sandbox, name)
    world.rule(queue.arn, world.mine({"eventName": ["Sign", "StopLogging"]}))
    stopping = {"source": ["aws.cloudtrail"], "detail": {"requestParameters": {"name": [name]}}}
    world.rule(queue.arn, stopping)
    client = sandbox.client("cloudtrail")
    without_kms = {"ReadWriteType": "All", "ExcludeManagementEventSources": ["kms.amazonaws.com"]}
    client.put_event_selectors(TrailName=name, EventSelectors=[without_kms])
    world.sign()
    client.put_event_selectors(TrailName=name, EventSelectors=[{"ReadWriteType": "All"}])
    heard = world.sign()
    client.stop_logging(Name=name)
    world.sign()
    sandbox.settle()
    events = queue.took()
    assert [event["detail"]["eventName"] for event in events] == ["Sign", "StopLogging"]
    assert events[0]["detail"]["requestID"] == heard
    client.start_logging(Name=name)
    world.sign()
    sandbox.settle()
    assert [event["detail"]["eventName"] for event in queue.took()] == ["StartLogging", "Sign"]


def test_a_function_gets_it_and_the_invocation_is_recorded(sandbox, world, name):
    function = lambdas.create_python(sandbox, name)
    watched = [watching.MANAGEMENT, watching.data_of("AWS::Lambda::Function", function)]
    sandbox.client("cloudtrail").put_event_selectors(TrailName=name, AdvancedEventSelectors=watched)
    rule = world.rule(function, world.mine(), InputPath="$.detail")
    sandbox.client("lambda").add_permission(
        FunctionName=name, StatementId="e", Action="lambda:InvokeFunction", Principal="events.amazonaws.com", SourceArn=rule
    )  # fmt: skip
    asked = world.sign()
    sandbox.settle()
    logged = sandbox.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    seen = next(event["message"] for event in logged if event["message"].startswith("seen "))
    assert json.loads(seen.removeprefix("seen ")) == watching.record_of(sandbox, asked)
    invoked = [record for record in watching.files(sandbox, name) if record["eventCategory"] == "Data"]
    by_rule, run = sorted(invoked, key=lambda record: record["eventName"])
    assert shape(by_rule) == shape(watching.published("lambda-invoke-by-events"))
    assert by_rule["requestParameters"]["sourceArn"] == rule
    assert (run["eventName"], run["requestID"]) == ("InvokeExecution", by_rule["requestID"])


def test_a_topic_gets_it(sandbox, world, name):
    queue = Queue(sandbox, name, admits="sns.amazonaws.com")
    sns = sandbox.client("sns")
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({"Statement": [allowed]})
    )
    template = {
        "InputPathsMap": {"key": "$.detail.requestParameters.keyId"},
        "InputTemplate": '{"used": "<key>"}',
    }
    world.rule(topic, world.mine(), InputTransformer=template)
    world.sign()
    sandbox.settle()
    (notice,) = queue.took()
    assert json.loads(notice["Message"]) == {"used": world.key}


def test_a_target_that_does_not_let_eventbridge_in_gets_nothing(sandbox, world, name):
    closed, dead = Queue(sandbox, name, admits="sns.amazonaws.com"), Queue(sandbox, f"{name}-dead")
    rule = world.rule(closed.arn, world.mine(), DeadLetterConfig={"Arn": dead.arn})
    function = lambdas.create_python(sandbox, name)
    world.rule(function, world.mine())
    world.sign()
    sandbox.settle()
    assert closed.took() == []
    (event,) = dead.took()
    assert event["detail"]["eventName"] == "Sign"
    undelivered = [each for each in sandbox.ask("GET", "trail/undelivered") if name in each["rule"]]
    assert {each["target"] for each in undelivered} == {closed.arn, function}
    assert undelivered[0]["rule"] == rule
    assert "does not let events.amazonaws.com" in undelivered[0]["why"]


def test_a_permission_for_another_rule_does_not_do(sandbox, world, name):
    function = lambdas.create_python(sandbox, name)
    rule = world.rule(function, world.mine())
    add = sandbox.client("lambda").add_permission
    given = {"FunctionName": name, "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}
    add(**given, StatementId="other", SourceArn=rule + "x")
    world.sign()
    sandbox.settle()
    assert len([each for each in sandbox.ask("GET", "trail/undelivered") if each["target"] == function]) == 1
    add(**given, StatementId="own", SourceArn=rule)
    world.sign()
    sandbox.settle()
    assert len([each for each in sandbox.ask("GET", "trail/undelivered") if each["target"] == function]) == 1


def test_nobody_but_aws_speaks_for_aws(sandbox, world, name):
    queue = Queue(sandbox, name)
    by_source = world.rule(queue.arn, {"source": ["aws.kms"], "detail": {"requestID": [name]}})
    forged = {"DetailType": "AWS API Call via CloudTrail", "Detail": json.dumps({"requestID": name})}
    client = sandbox.client("events")
    answer = client.put_events(Entries=[forged | {"Source": source} for source in ("aws.kms", "AWS.KMS", "own.kms")])
    assert [entry.get("ErrorCode") for entry in answer["Entries"]] == ["NotAuthorizedForSourceException"] * 2 + [None]
    assert answer["FailedEntryCount"] == 2
    sandbox.settle()
    assert queue.took() == []
    # Whoever matches by detail alone is deceived.
    world.rule(queue.arn, {"detail-type": ["AWS API Call via CloudTrail"], "detail": {"requestID": [name]}})
    client.put_events(Entries=[forged | {"Source": "own.kms"}])
    sandbox.settle()
    assert [event["source"] for event in queue.took()] == ["own.kms"]
    assert by_source


def test_events_of_iam_reach_rules_in_us_east_1_alone(sandbox, world, name):
    watching.trail(sandbox, f"{name}-all", multi=True)
    here, there = Queue(sandbox, name), Queue(sandbox, name, "us-east-1")
    pattern = {"source": ["aws.iam"], "detail": {"requestParameters": {"roleName": [name]}}}
    world.rule(here.arn, pattern)
    world.rule(there.arn, pattern, region="us-east-1")
    lambdas.role(sandbox, name)
    sandbox.settle()
    assert [event["detail"]["eventName"] for event in there.took()] == ["CreateRole"]
    assert here.took() == []
    sandbox.client("cloudtrail").delete_trail(Name=f"{name}-all")


def test_data_events_reach_rules_where_a_trail_logs_them(sandbox, world, name):
    function = lambdas.create_python(sandbox, name)
    queue = Queue(sandbox, name)
    world.rule(queue.arn, {"source": ["aws.lambda"], "detail": {"resources": {"ARN": [function]}}}, "ENABLED")
    lambdas.call(sandbox, name, {})
    watched = [watching.MANAGEMENT, watching.data_of("AWS::Lambda::Function", function)]
    sandbox.client("cloudtrail").put_event_selectors(TrailName=name, AdvancedEventSelectors=watched)
    answer, _ = lambdas.call(sandbox, name, {})
    sandbox.settle()
    (event,) = queue.took()
    assert (event["detail"]["eventName"], event["detail"]["requestID"]) == ("Invoke", watching.request_id(answer))


def test_events_are_lost_late_twice_or_out_of_order(sandbox, world, name):
    queue = Queue(sandbox, name)
    world.rule(queue.arn, world.mine())
    fault = {"way": "rules", "service": "kms", "operation": "Sign"}
    asked = {}
    for kind in ("lost", "late", "duplicated", "out-of-order"):
        sandbox.ask("POST", "trail/faults", fault | {"kind": kind, "delay": 1.5})
        asked[kind] = world.sign()
    ordinary = world.sign()
    sandbox.settle()
    events = queue.took()
    assert [event["detail"]["requestID"] for event in events] == [
        asked["duplicated"], asked["duplicated"], ordinary, asked["out-of-order"],
    ]  # fmt: skip
    assert events[0]["detail"]["eventID"] == events[1]["detail"]["eventID"]
    assert events[0]["id"] != events[1]["id"]
    time.sleep(1.6)
    sandbox.settle()
    assert [event["detail"]["requestID"] for event in queue.took()] == [asked["late"]]


def test_all_events_are_late(sandbox, world, name):
    queue = Queue(sandbox, name)
    world.rule(queue.arn, world.mine())
    sandbox.ask("POST", "trail/delays", {"rules": 1})
    try:
        world.sign()
        sandbox.settle()
        assert queue.took() == []
        assert len(queue.took(wait=3)) == 1
    finally:
        sandbox.ask("POST", "trail/delays", {"rules": 0})


EVENT = {
    "source": "aws.kms",
    "detail": {
        "eventName": "Sign",
        "readOnly": True,
        "count": 1,
        "resources": [{"ARN": "arn:a", "type": "Key"}, {"ARN": "arn:b", "type": "Alias"}],
        "errorCode": None,
    },
}


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ({"source": ["aws.kms", "aws.s3"]}, True),
        ({"source": ["aws.s3"]}, False),
        ({"source": [{"prefix": "aws."}]}, True),
        ({"source": [{"anything-but": {"prefix": "aws."}}]}, False),
        ({"detail": {"eventName": [{"anything-but": ["Sign"]}]}}, False),
        ({"detail": {"eventName": [{"anything-but": ["Verify"]}]}}, True),
        ({"detail": {"eventName": [{"wildcard": "S*n"}]}}, True),
        ({"detail": {"resources": {"ARN": ["arn:b"]}}}, True),
        ({"detail": {"resources": {"ARN": ["arn:c"]}}}, False),
        ({"detail": {"resources": {"ARN": [{"suffix": ":a"}]}}}, True),
        # One element of an array has to fulfil all that is said of it.
        ({"detail": {"resources": {"ARN": ["arn:a"], "type": ["Alias"]}}}, False),
        ({"detail": {"resources": {"ARN": ["arn:a"], "type": ["Key"]}}}, True),
        ({"detail": {"readOnly": [True]}}, True),
        ({"detail": {"readOnly": [1]}}, False),
        ({"detail": {"count": [{"numeric": [">", 0, "<", 2]}]}}, True),
        ({"detail": {"errorCode": [None]}}, True),
        ({"detail": {"errorMessage": [{"exists": False}]}}, True),
        ({"detail": {"eventName": [{"exists": False}]}}, False),
        ({"detail": {"requestParameters": {"keyId": [{"exists": False}]}}}, True),
        ({"detail": {"$or": [{"eventName": ["Verify"]}, {"readOnly": [True]}]}}, True),
        ({"detail": {"$or": [{"eventName": ["Verify"]}, {"readOnly": [False]}]}}, False),
    ],
)
def test_patterns(pattern, matches):
    assert events._matches(pattern, EVENT) is matches


def test_a_pattern_is_tried_without_a_rule(sandbox):
    client = sandbox.client("events")
    for wanted, result in ((["Sign"], True), (["Verify"], False)):
        pattern = json.dumps({"detail": {"eventName": wanted}})
        assert client.test_event_pattern(EventPattern=pattern, Event=json.dumps(EVENT))["Result"] is result
