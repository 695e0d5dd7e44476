"""`LookupEvents` with its limits, and `GetKeyLastUsage`."""

from __future__ import annotations

import datetime as dt
import time

import lambdas
import pytest
import watching
from botocore.exceptions import ClientError
from watching import lookup


def refused(call, **asked) -> str:
    while True:
        with pytest.raises(ClientError) as error:
            call(**asked)
        code = error.value.response["Error"]["Code"]
        if code != "ThrottlingException":
            return code
        time.sleep(0.3)


def test_management_events_newest_first(sandbox):
    region = "eu-central-1"
    key = watching.signing_key(sandbox, region=region)
    kms = sandbox.client("kms", region=region)
    first = watching.sign(kms, key)
    time.sleep(1.1)
    second = watching.sign(kms, key)
    found = lookup(sandbox, region=region)
    signed = [record["requestID"] for record in found if record["eventName"] == "Sign"]
    assert signed == [second, first]
    assert all(record["awsRegion"] == region for record in found)
    assert found[0]["requestID"] == second
    assert found[0]["eventTime"] > found[-1]["eventTime"]


def test_pages_of_fifty_and_their_tokens(sandbox):
    region = "eu-central-2"
    kms = sandbox.client("kms", region=region)
    key = watching.signing_key(sandbox, region=region)
    asked = [watching.sign(kms, key) for _ in range(60)]
    client = sandbox.client("cloudtrail", region=region)
    attribute = [{"AttributeKey": "EventName", "AttributeValue": "Sign"}]
    page = client.lookup_events(LookupAttributes=attribute)
    assert len(page["Events"]) == 50
    rest = client.lookup_events(LookupAttributes=attribute, NextToken=page["NextToken"])
    assert len(rest["Events"]) == 10
    assert "NextToken" not in rest
    time.sleep(1)
    assert refused(client.lookup_events, NextToken=page["NextToken"]) == "InvalidNextTokenException"
    assert refused(client.lookup_events, NextToken="x") == "InvalidNextTokenException"
    time.sleep(1)
    assert len(client.lookup_events(MaxResults=7)["Events"]) == 7
    found = lookup(sandbox, region=region, LookupAttributes=attribute, MaxResults=20)
    assert sorted(record["requestID"] for record in found) == sorted(asked)


def test_two_calls_a_second_for_each_region(sandbox):
    here, there = (sandbox.client("cloudtrail", region=region) for region in ("eu-north-1", "eu-south-1"))
    here.lookup_events(MaxResults=1)
    here.lookup_events(MaxResults=1)
    with pytest.raises(ClientError) as error:
        here.lookup_events(MaxResults=1)
    assert error.value.response["Error"]["Code"] == "ThrottlingException"
    there.lookup_events(MaxResults=1)
    time.sleep(1)
    here.lookup_events(MaxResults=1)


def test_attributes(sandbox, name):
    alice = watching.user(sandbox, name)
    region = "eu-south-2"
    kms = sandbox.client("kms", access_key=alice, region=region)
    key = watching.signing_key(sandbox, region=region)
    signed = watching.sign(kms, key)
    event = watching.record_of(sandbox, signed)["eventID"]
    for attribute, value in {
        "AccessKeyId": alice,
        "EventId": event,
        "ResourceName": key,
        "Username": name,
        "ReadOnly": "true",
        "ResourceType": "AWS::KMS::Key",
        "EventSource": "kms.amazonaws.com",
        "EventName": "Sign",
    }.items():
        found = lookup(sandbox, region=region, LookupAttributes=[{"AttributeKey": attribute, "AttributeValue": value}])
        assert signed in [record["requestID"] for record in found], attribute
        if attribute != "EventSource":
            others = [each for each in found if each["eventName"] == "CreateKey"]
            assert bool(others) == (attribute in {"ResourceName", "ResourceType"})
    client = sandbox.client("cloudtrail", region=region)
    two = [{"AttributeKey": "EventName", "AttributeValue": "Sign"}] * 2
    assert refused(client.lookup_events, LookupAttributes=two) == "InvalidLookupAttributesException"
    now = dt.datetime.now(dt.UTC)
    backwards = {"StartTime": now, "EndTime": now - dt.timedelta(hours=1)}
    assert refused(client.lookup_events, **backwards) == "InvalidTimeRangeException"


def test_a_lambda_function_s_names_are_found_with_their_dates(sandbox, name):
    lambdas.create_python(sandbox, name)
    found = lookup(
        sandbox, LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateFunction20150331"}]
    )
    assert name in [record["requestParameters"]["functionName"] for record in found]
    assert lookup(sandbox, LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateFunction"}]) == []


def test_a_span_of_time(sandbox):
    region = "ap-south-1"
    key = watching.signing_key(sandbox, region=region)
    kms = sandbox.client("kms", region=region)
    early = watching.sign(kms, key)
    time.sleep(1.1)
    middle = dt.datetime.now(dt.UTC)
    time.sleep(1.1)
    late = watching.sign(kms, key)
    before = [record["requestID"] for record in lookup(sandbox, region=region, EndTime=middle)]
    after = [record["requestID"] for record in lookup(sandbox, region=region, StartTime=middle)]
    assert (early in before, late in before) == (True, False)
    assert (early in after, late in after) == (False, True)


def test_events_of_iam_are_found_in_us_east_1_alone(sandbox, name):
    lambdas.role(sandbox, name)
    wanted = [{"AttributeKey": "ResourceName", "AttributeValue": name}]
    assert [record["eventName"] for record in lookup(sandbox, region="us-east-1", LookupAttributes=wanted)] == [
        "CreateRole"
    ]
    assert lookup(sandbox, LookupAttributes=wanted) == []


def test_data_events_are_never_found(sandbox, name):
    lambdas.create_python(sandbox, name)
    watching.trail(sandbox, name, advanced=[watching.data_of("AWS::Lambda::Function")])
    lambdas.call(sandbox, name, {})
    sandbox.settle()
    assert [record["eventName"] for record in watching.files(sandbox, name)] == ["Invoke"]
    wanted = [{"AttributeKey": "EventName", "AttributeValue": "Invoke"}]
    assert lookup(sandbox, LookupAttributes=wanted) == []
    sandbox.client("cloudtrail").delete_trail(Name=name)


@pytest.fixture
def slowly(sandbox):
    def delay(**seconds: float) -> None:
        sandbox.ask("POST", "trail/delays", seconds)

    yield delay
    delay(lookup=0, rules=0, files=0)
    sandbox.ask("POST", "trail/usage-delay", {"seconds": 0})
    sandbox.ask("DELETE", "trail/faults")


def found(sandbox, region: str, request_id: str) -> int:
    return [record["requestID"] for record in lookup(sandbox, region=region)].count(request_id)


def test_events_are_late(sandbox, slowly):
    region = "ap-south-2"
    key = watching.signing_key(sandbox, region=region)
    slowly(lookup=1.5)
    signed = watching.sign(sandbox.client("kms", region=region), key)
    assert found(sandbox, region, signed) == 0
    time.sleep(1.6)
    assert found(sandbox, region, signed) == 1


def test_single_events_are_lost_late_or_come_twice(sandbox, slowly):
    slowly(lookup=0)
    region = "ap-east-1"
    key = watching.signing_key(sandbox, region=region)
    kms = sandbox.client("kms", region=region)
    fault = {"way": "lookup", "service": "kms", "operation": "Sign"}
    sandbox.ask("POST", "trail/faults", fault | {"kind": "lost", "skip": 1})
    before, lost, after = (watching.sign(kms, key) for _ in range(3))
    assert [found(sandbox, region, each) for each in (before, lost, after)] == [1, 0, 1]
    sandbox.ask("POST", "trail/faults", fault | {"kind": "duplicated"})
    twice = watching.sign(kms, key)
    assert found(sandbox, region, twice) == 2
    assert len({record["eventID"] for record in lookup(sandbox, region=region) if record["requestID"] == twice}) == 1
    sandbox.ask("POST", "trail/faults", fault | {"kind": "late", "delay": 1.5})
    late = watching.sign(kms, key)
    assert found(sandbox, region, late) == 0
    time.sleep(1.6)
    assert found(sandbox, region, late) == 1


def last_use(sandbox, key: str) -> dict:
    while True:
        try:
            return sandbox.client("kms").get_key_last_usage(KeyId=key)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ThrottlingException":
                raise
            time.sleep(0.3)


def test_the_last_use_of_a_key(sandbox):
    key = watching.signing_key(sandbox)
    kms = sandbox.client("kms")
    unused = last_use(sandbox, key)
    assert unused["KeyLastUsage"] == {}
    assert unused["TrackingStartDate"] == unused["KeyCreationDate"]
    watching.sign(kms, key)
    signed = watching.sign(kms, key)
    use = last_use(sandbox, key)["KeyLastUsage"]
    assert (use["Operation"], use["KmsRequestId"]) == ("Sign", signed)
    assert use["CloudTrailEventId"] == watching.record_of(sandbox, signed)["eventID"]
    assert abs(use["Timestamp"].timestamp() - time.time()) < 30
    # What failed, and what only looks at the key, is no use of it.
    kms.get_public_key(KeyId=key)
    with pytest.raises(ClientError):
        kms.sign(KeyId=key, Message=b"x", MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256")
    with pytest.raises(ClientError):
        kms.sign(KeyId=key, Message=b"x", SigningAlgorithm="ECDSA_SHA_256", DryRun=True)
    assert last_use(sandbox, key)["KeyLastUsage"]["KmsRequestId"] == signed
    signature = kms.sign(KeyId=key, Message=b"x", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    kms.verify(KeyId=key, Message=b"x", Signature=signature, SigningAlgorithm="ECDSA_SHA_256")
    assert last_use(sandbox, key)["KeyLastUsage"]["Operation"] == "Verify"


def test_a_use_whose_answer_is_lost_is_a_use(sandbox):
    key = watching.signing_key(sandbox)
    sandbox.ask("POST", "faults", {"service": "kms", "operation": "Sign", "kind": "lost"})
    with pytest.raises(Exception, match="Connection"):
        watching.sign(sandbox.client("kms"), key)
    use = last_use(sandbox, key)["KeyLastUsage"]
    signatures = {each["request_id"] for each in sandbox.ask("GET", "signatures") if each["key"] == key}
    assert {use["KmsRequestId"]} == signatures


def test_the_last_use_is_told_late_and_by_id_or_arn_alone(sandbox, slowly, name):
    slowly(lookup=0)
    key = watching.signing_key(sandbox)
    kms = sandbox.client("kms")
    kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=key)
    first = watching.sign(kms, key)
    sandbox.ask("POST", "trail/usage-delay", {"seconds": 1.5})
    time.sleep(1.6)
    second = watching.sign(kms, key)
    assert last_use(sandbox, key)["KeyLastUsage"]["KmsRequestId"] == first
    time.sleep(1.6)
    assert last_use(sandbox, key.rsplit("/", 1)[1])["KeyLastUsage"]["KmsRequestId"] == second
    assert refused(kms.get_key_last_usage, KeyId=f"alias/{name}") == "InvalidArnException"


def test_five_calls_a_second_for_last_uses(sandbox):
    key = watching.signing_key(sandbox, region="us-west-1")
    kms = sandbox.client("kms", region="us-west-1")
    for _ in range(5):
        kms.get_key_last_usage(KeyId=key)
    with pytest.raises(ClientError) as error:
        kms.get_key_last_usage(KeyId=key)
    assert error.value.response["Error"]["Code"] == "ThrottlingException"
