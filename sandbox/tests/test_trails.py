"""Trails: which records they take, the files that they write, and digests, judged by the AWS CLI."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import boto3
import botocore.config
import lambdas
import pytest
import watching
from botocore.exceptions import ClientError
from watching import ACCOUNT, MANAGEMENT, REGION, data_of, files, shape


@pytest.fixture
def gone(sandbox, name):
    """Nothing is left of the test's trail: others would take its events too."""
    yield
    for region in (REGION, "us-east-1"):
        client = sandbox.client("cloudtrail", region=region)
        for trail in client.describe_trails(includeShadowTrails=False)["trailList"]:
            if trail["Name"].startswith(name):
                client.delete_trail(Name=trail["Name"])


pytestmark = pytest.mark.usefixtures("gone")


def names(records: list[dict]) -> list[str]:
    return [record["eventName"] for record in records]


def test_a_new_trail_takes_management_events_alone(sandbox, name):
    function = lambdas.create_python(sandbox, name)
    arn = watching.trail(sandbox, name)
    client = sandbox.client("cloudtrail")
    key = watching.signing_key(sandbox)
    signed = watching.sign(sandbox.client("kms"), key)
    lambdas.call(sandbox, name, {})
    client.stop_logging(Name=name)
    watching.sign(sandbox.client("kms"), key)
    records = files(sandbox, name)
    assert [record["requestID"] for record in records if record["eventName"] == "Sign"] == [signed]
    assert "Invoke" not in names(records)
    # It takes the calls that start and stop it.
    assert (names(records)[0], names(records)[-1]) == ("StartLogging", "StopLogging")
    assert function
    told = client.get_event_selectors(TrailName=name)
    assert told["TrailARN"] == arn
    assert told["EventSelectors"] == [
        {
            "ReadWriteType": "All",
            "IncludeManagementEvents": True,
            "DataResources": [],
            "ExcludeManagementEventSources": [],
        }
    ]
    assert "AdvancedEventSelectors" not in told
    assert not client.get_trail_status(Name=name)["IsLogging"]


EVERYTHING = {"ReadWriteType": "All", "IncludeManagementEvents": True}
SELECTORS = [
    ({"selectors": [EVERYTHING | {"ExcludeManagementEventSources": ["kms.amazonaws.com"]}]}, {"CreateTopic"}),
    ({"selectors": [EVERYTHING | {"ReadWriteType": "WriteOnly"}]}, {"CreateTopic", "CreateKey"}),
    ({"selectors": [EVERYTHING | {"ReadWriteType": "ReadOnly"}]}, {"Sign"}),
    ({"selectors": [EVERYTHING | {"IncludeManagementEvents": False}]}, set()),
    ({"advanced": [MANAGEMENT]}, {"CreateTopic", "CreateKey", "Sign"}),
    (
        {"advanced": [{"FieldSelectors": [*MANAGEMENT["FieldSelectors"], {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]}]}]},
        {"CreateTopic"},
    ),
    (
        {"advanced": [{"FieldSelectors": [*MANAGEMENT["FieldSelectors"], {"Field": "readOnly", "Equals": ["true"]}]}]},
        {"Sign"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("chosen", "taken"), SELECTORS)
def test_selectors_of_management_events(sandbox, name, chosen, taken):
    watching.trail(sandbox, name, **chosen)
    key = watching.signing_key(sandbox)
    watching.sign(sandbox.client("kms"), key)
    sandbox.client("sns").create_topic(Name=name)
    assert set(names(files(sandbox, name))) & {"CreateTopic", "CreateKey", "Sign"} == taken


def test_trails_are_told_apart_by_their_names(sandbox, name):
    arn = watching.trail(sandbox, name)
    client = sandbox.client("cloudtrail")
    for wanted in (name, arn):
        (told,) = client.describe_trails(trailNameList=[wanted])["trailList"]
        assert (told["TrailARN"], told["HasCustomEventSelectors"]) == (arn, False)
    assert client.describe_trails(trailNameList=["no-such-trail"])["trailList"] == []
    with pytest.raises(ClientError) as error:
        client.create_trail(Name=name, S3BucketName=name)
    assert error.value.response["Error"]["Code"] == "TrailAlreadyExistsException"
    client.delete_trail(Name=arn)
    with pytest.raises(ClientError) as error:
        client.delete_trail(Name=name)
    assert error.value.response["Error"]["Code"] == "TrailNotFoundException"


def test_selectors_that_are_none(sandbox, name):
    watching.trail(sandbox, name)
    client = sandbox.client("cloudtrail")
    for wrong in (
        {"EventSelectors": [EVERYTHING | {"ExcludeManagementEventSources": ["iam.amazonaws.com"]}]},
        {"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "readOnly", "Equals": ["true"]}]}]},
        {"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}]},
    ):
        with pytest.raises(ClientError) as error:
            client.put_event_selectors(TrailName=name, **wrong)
        assert error.value.response["Error"]["Code"] == "InvalidEventSelectorsException"
    client.put_event_selectors(TrailName=name, AdvancedEventSelectors=[MANAGEMENT])
    assert "EventSelectors" not in client.get_event_selectors(TrailName=name)
    client.put_event_selectors(TrailName=name, EventSelectors=[EVERYTHING])
    assert "AdvancedEventSelectors" not in client.get_event_selectors(TrailName=name)
    assert client.describe_trails(trailNameList=[name])["trailList"][0]["HasCustomEventSelectors"]


def test_an_object_that_is_no_text_is_read(sandbox, name):
    s3 = sandbox.client("s3")
    watching.bucket(sandbox, f"{name}-objects")
    s3.put_object(Bucket=f"{name}-objects", Key="crl", Body=b"\x30\x82\x00")
    watching.trail(sandbox, name, advanced=[data_of("AWS::S3::Object", f"arn:aws:s3:::{name}-objects/crl")])
    s3.get_object(Bucket=f"{name}-objects", Key="crl")
    assert names(files(sandbox, name)) == ["GetObject"]


def test_invocations_by_everybody(sandbox, name):
    function = lambdas.create_python(sandbox, name)
    watching.trail(sandbox, name, advanced=[data_of("AWS::Lambda::Function", function)])
    answer, value = lambdas.call(sandbox, name, {})
    later = sandbox.client("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=b"{}")
    sandbox.settle()
    records = files(sandbox, name)
    assert sorted(names(records)) == ["Invoke", "Invoke", "InvokeExecution"]
    at_once, accepted, executed = sorted(
        records, key=lambda record: (record["eventName"], record["requestParameters"] is not None)
    )
    assert at_once["requestID"] == watching.request_id(answer) == value["request"]
    assert at_once["requestParameters"] is None
    assert accepted["requestID"] == executed["requestID"] == watching.request_id(later)
    assert accepted["requestParameters"] == {"functionName": function, "invocationType": "Event"}
    assert shape(executed) == shape(watching.published("lambda-invoke-execution"))
    for record in records:
        assert record["resources"] == [{"accountId": ACCOUNT, "type": "AWS::Lambda::Function", "ARN": function}]
        assert record["additionalEventData"] == {"functionVersion": f"{function}:$LATEST"}
        assert (record["readOnly"], record["managementEvent"], record["eventCategory"]) == (False, False, "Data")


def test_each_attempt_of_an_event_has_the_same_request_id(sandbox, name, tmp_path):
    function = lambdas.create_python(sandbox, name)
    watching.trail(
        sandbox, name, selectors=[{"DataResources": [{"Type": "AWS::Lambda::Function", "Values": ["arn:aws:lambda"]}]}]
    )
    event = {"do": "fail-then-work", "mark": str(tmp_path / "mark"), "times": 3}
    answer = sandbox.client("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(event))
    sandbox.settle()
    records = [record for record in files(sandbox, name) if record["eventCategory"] == "Data"]
    assert sorted(names(records)) == ["Invoke", *["InvokeExecution"] * 3]
    assert {record["requestID"] for record in records} == {watching.request_id(answer)}
    assert len({record["eventID"] for record in records}) == 4


def test_an_invocation_by_a_state_machine(sandbox, name):
    function = lambdas.create_python(sandbox, name)
    watching.trail(sandbox, name, advanced=[data_of("AWS::Lambda::Function", function)])
    states = sandbox.client("stepfunctions")
    role = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    definition = {
        "StartAt": "A",
        "States": {
            "A": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": function},
                "End": True,
            }
        },
    }
    machine = states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    while states.describe_execution(executionArn=execution)["status"] == "RUNNING":
        time.sleep(0.1)
    (record,) = files(sandbox, name)
    assert shape(record) == shape(watching.published("lambda-invoke-by-states"))
    assert (
        record["userIdentity"]["invokedBy"]
        == record["userAgent"]
        == record["sourceIPAddress"]
        == "states.amazonaws.com"
    )
    assert record["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == role


def test_objects_and_items(sandbox, name):
    s3, dynamodb = sandbox.client("s3"), sandbox.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "Key", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "Key", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    watching.bucket(sandbox, f"{name}-objects")
    watching.trail(
        sandbox, name, advanced=[data_of("AWS::S3::Object", f"arn:aws:s3:::{name}-objects/crl"), data_of("AWS::DynamoDB::Table")]
    )  # fmt: skip
    s3.put_object(Bucket=f"{name}-objects", Key="crl", Body=b"content-itself")
    s3.put_object(Bucket=f"{name}-objects", Key="other", Body=b"content-itself")
    item = {"Key": {"S": "k"}, "Secret": {"S": "content-itself"}}
    dynamodb.put_item(TableName=name, Item=item)
    dynamodb.delete_item(TableName=name, Key={"Key": {"S": "k"}})
    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": name, "Item": item}}])
    records = [record for record in files(sandbox, name) if name in json.dumps(record)]
    assert names(records) == ["PutObject", "PutItem", "DeleteItem", "TransactWriteItems"]
    assert "itself" not in json.dumps(records)
    put, item, deleted, transacted = records
    assert put["requestParameters"] == {
        "bucketName": f"{name}-objects", "key": "crl", "Host": f"{name}-objects.s3.eu-west-1.amazonaws.com",
    }  # fmt: skip
    assert put["resources"] == [
        {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{name}-objects/crl"},
        {"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{name}-objects"},
    ]
    assert item["requestParameters"] == {"tableName": name, "key": {"Key": "k"}, "items": ["Key", "Secret"]}
    assert deleted["requestParameters"] == {"tableName": name, "key": {"Key": "k"}}
    assert transacted["requestParameters"]["requestItems"][0]["operation"] == "Put"
    assert {record["resources"][0]["ARN"] for record in records[1:]} == {
        f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/{name}"
    }


def test_a_url_that_was_signed_before_is_recorded_without_what_signs(sandbox, name):
    s3 = sandbox.client("s3")
    watching.bucket(sandbox, f"{name}-objects")
    s3.put_object(Bucket=f"{name}-objects", Key="crl", Body=b"x")
    watching.trail(sandbox, name, advanced=[data_of("AWS::S3::Object")])
    version_4 = boto3.client(
        "s3",
        region_name=REGION,
        endpoint_url=sandbox.endpoint,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="secret",
        config=botocore.config.Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    url = version_4.generate_presigned_url("get_object", Params={"Bucket": f"{name}-objects", "Key": "crl"})
    urllib.request.urlopen(url).read()
    (record,) = [each for each in files(sandbox, name) if each["requestParameters"].get("key") == "crl"]
    assert record["additionalEventData"]["AuthenticationMethod"] == "QueryString"
    assert "X-Amz-Expires" in record["requestParameters"]
    assert not {"X-Amz-Signature", "X-Amz-Credential"} & record["requestParameters"].keys()


def test_a_trail_of_one_region_and_one_of_all(sandbox, name):
    watching.trail(sandbox, name)
    watching.trail(sandbox, f"{name}-all", multi=True)
    lambdas.role(sandbox, name)
    created = {
        trail: [each for region in (REGION, "us-east-1") for each in sandbox.ask("POST", "trail/deliver", {"region": region, "trail": trail}) if "records" in each]
        for trail in (name, f"{name}-all")
    }  # fmt: skip
    assert [each["key"].split("/")[3] for each in created[name]] == [REGION]
    assert [each["key"].split("/")[3] for each in created[f"{name}-all"]] == [REGION, "us-east-1"]


def test_files_have_aws_s_names(sandbox, name):
    watching.trail(sandbox, name)
    sandbox.client("sns").create_topic(Name=name)
    log, digest = sandbox.ask("POST", "trail/deliver", {"region": REGION, "trail": name})
    day = r"\d{4}/\d{2}/\d{2}"
    assert re.fullmatch(
        rf"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{day}/{ACCOUNT}_CloudTrail_{REGION}_\d{{8}}T\d{{4}}Z_\w{{16}}\.json\.gz", log["key"]
    )  # fmt: skip
    assert re.fullmatch(
        rf"AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/{day}/{ACCOUNT}_CloudTrail-Digest_{REGION}_{name}_{REGION}_\d{{8}}T\d{{6}}Z\.json\.gz",
        digest["key"],
    )
    told = sandbox.client("s3").get_object(Bucket=name, Key=digest["key"])
    assert told["Metadata"].keys() == {"signature", "signature-algorithm"}
    first = json.loads(gzip.decompress(told["Body"].read()))
    assert first["previousDigestSignature"] is None
    sandbox.client("sns").create_topic(Name=name)
    _, digest = sandbox.ask("POST", "trail/deliver", {"region": REGION, "trail": name})
    second = json.loads(gzip.decompress(sandbox.client("s3").get_object(Bucket=name, Key=digest["key"])["Body"].read()))
    assert shape(second) == shape(watching.published("digest"))
    assert second["previousDigestSignature"] == told["Metadata"]["signature"]


def test_a_bucket_that_refuses_gets_its_records_later(sandbox, name):
    watching.trail(sandbox, name)
    s3, client = sandbox.client("s3"), sandbox.client("cloudtrail")
    policy = s3.get_bucket_policy(Bucket=name)["Policy"]
    s3.delete_bucket_policy(Bucket=name)
    sandbox.client("sns").create_topic(Name=name)
    assert sandbox.ask("POST", "trail/deliver", {"region": REGION, "trail": name}) == []
    assert client.get_trail_status(Name=name)["LatestDeliveryError"] == "AccessDenied"
    s3.put_bucket_policy(Bucket=name, Policy=policy)
    assert "CreateTopic" in names(files(sandbox, name))
    assert "LatestDeliveryError" not in client.get_trail_status(Name=name)


def test_records_are_lost_late_twice_or_out_of_order_in_files(sandbox, name):
    watching.trail(sandbox, name, advanced=[MANAGEMENT])
    kms, key = sandbox.client("kms"), watching.signing_key(sandbox)
    fault = {"way": "files", "service": "kms", "operation": "Sign"}
    asked = {}
    for kind in ("lost", "late", "duplicated", "out-of-order"):
        sandbox.ask("POST", "trail/faults", fault | {"kind": kind, "delay": 1.5})
        asked[kind] = watching.sign(kms, key)
    signed = [record["requestID"] for record in files(sandbox, name) if record["eventName"] == "Sign"]
    assert signed == [asked["out-of-order"], asked["duplicated"], asked["duplicated"]]
    time.sleep(1.6)
    assert [record["requestID"] for record in files(sandbox, name) if record["eventName"] == "Sign"] == [asked["late"]]
    assert sandbox.ask("DELETE", "trail/faults") == 0


class Judge:
    """`aws cloudtrail validate-logs`."""

    def __init__(self, sandbox, arn: str, region: str = REGION) -> None:
        self.sandbox, self.arn, self.region = sandbox, arn, region
        self.since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))

    def says(self) -> tuple[int, str]:
        ran = subprocess.run(
            [
                str(Path(sys.executable).with_name("aws")), "cloudtrail", "validate-logs", "--verbose",
                "--trail-arn", self.arn, "--start-time", self.since, "--region", self.region,
            ],
            env=os.environ | {"AWS_ENDPOINT_URL": self.sandbox.endpoint, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return ran.returncode, ran.stdout + ran.stderr


@pytest.fixture
def judged(sandbox, name):
    """A trail with three digests, and what was delivered."""
    judge = Judge(sandbox, watching.trail(sandbox, name))
    delivered = []
    for _ in range(3):
        sandbox.client("sns").create_topic(Name=name)
        delivered.append(sandbox.ask("POST", "trail/deliver", {"region": REGION, "trail": name}))
    return judge, delivered


def test_the_cli_finds_files_and_digests_valid(judged):
    judge, _ = judged
    code, said = judge.says()
    assert code == 0, said
    assert "3/3 digest files valid" in said
    assert "3/3 log files valid" in said
    assert "INVALID" not in said


def test_the_cli_finds_what_was_changed_or_deleted(sandbox, name, judged):
    judge, ((changed, _), (deleted, _), (_, digest)) = judged
    s3 = sandbox.client("s3")
    s3.put_object(Bucket=name, Key=changed["key"], Body=gzip.compress(b'{"Records":[]}'))
    s3.delete_object(Bucket=name, Key=deleted["key"])
    code, said = judge.says()
    assert code == 1
    assert f"{changed['key']}\tINVALID: hash value doesn't match" in said
    assert f"{deleted['key']}\tINVALID: not found" in said
    assert "1/3 log files valid, 2/3 log files INVALID" in said
    told = s3.get_object(Bucket=name, Key=digest["key"])
    forged = json.loads(gzip.decompress(told["Body"].read())) | {"logFiles": []}
    s3.put_object(
        Bucket=name, Key=digest["key"], Body=gzip.compress(json.dumps(forged).encode()), Metadata=told["Metadata"]
    )
    code, said = judge.says()
    assert code == 1
    assert f"{digest['key']}\tINVALID: signature verification failed" in said


def test_the_cli_finds_that_a_digest_is_missing(sandbox, name, judged):
    judge, (_, (_, digest), _) = judged
    sandbox.client("s3").delete_object(Bucket=name, Key=digest["key"])
    code, said = judge.says()
    assert code == 1
    assert f"{digest['key']}\tINVALID: not found" in said


def test_a_chain_that_was_stopped_begins_anew(sandbox, name, judged):
    judge, _ = judged
    client = sandbox.client("cloudtrail")
    client.stop_logging(Name=name)
    time.sleep(1.1)
    client.start_logging(Name=name)
    sandbox.client("sns").create_topic(Name=name)
    sandbox.ask("POST", "trail/deliver", {"region": REGION, "trail": name})
    code, said = judge.says()
    assert code == 0, said
    assert "No log files were delivered by CloudTrail between" in said


def test_a_late_digest(sandbox, name, judged):
    judge, _ = judged
    sandbox.client("sns").create_topic(Name=name)
    sandbox.ask("POST", "trail/deliver", {"region": REGION, "trail": name, "digest": False})
    code, said = judge.says()
    assert "3/3 log files valid" in said
    (digest,) = sandbox.ask("POST", "trail/deliver", {"region": REGION, "trail": name, "backfill": True})[-1:]
    assert digest["key"].endswith("_backfill.json.gz")
    code, said = judge.says()
    assert code == 0, said
    assert "1/1 backfill digest files valid" in said


def test_the_cli_finds_files_of_another_region_under_a_prefix(sandbox, name):
    client = sandbox.client("cloudtrail")
    arn = client.create_trail(
        Name=name, S3BucketName=watching.bucket(sandbox, name), S3KeyPrefix="logs", IsMultiRegionTrail=True,
        EnableLogFileValidation=True,
    )["TrailARN"]  # fmt: skip
    client.start_logging(Name=name)
    lambdas.role(sandbox, name)
    log, digest = sandbox.ask("POST", "trail/deliver", {"region": "us-east-1", "trail": name})
    assert log["key"].startswith(f"logs/AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/")
    assert f"_CloudTrail-Digest_us-east-1_{name}_{REGION}_" in digest["key"]
    code, said = Judge(sandbox, arn, "us-east-1").says()
    assert code == 0, said
    assert "1/1 log files valid" in said
