"""Records: fields, names and types of those that AWS and others have published."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request

import lambdas
import pytest
import watching
from botocore.exceptions import ClientError
from watching import ACCOUNT, REGION, record_of, request_id, shape

UNKNOWN_TO_MOTO = {"revisionId", "runtimeVersionConfig"}
"""Elements of Lambda's answers that moto leaves out."""

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def add_header(client, name: str, value: str) -> None:
    def add(request, **_) -> None:
        request.headers[name] = value

    client.meta.events.register("before-send", add)


@pytest.fixture
def alice(sandbox, name) -> str:
    return watching.user(sandbox, name)


def test_a_signature_has_exactly_what_the_published_record_has(sandbox, alice, name):
    key = watching.signing_key(sandbox)
    kms = sandbox.client("kms", access_key=alice)
    add_header(kms, "X-Sandbox-Source-Address", "192.0.2.7")
    asked = watching.sign(kms, key.rsplit("/", 1)[1])
    record = record_of(sandbox, asked)
    assert shape(record) == shape(watching.published("kms-sign"))
    assert record["userIdentity"]["arn"] == f"arn:aws:iam::{ACCOUNT}:user/{name}"
    assert record["userIdentity"]["accessKeyId"] == alice
    assert record["requestParameters"] == {
        "keyId": key.rsplit("/", 1)[1],
        "messageType": "RAW",
        "signingAlgorithm": "ECDSA_SHA_256",
    }
    assert record["resources"] == [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": key}]
    assert (record["readOnly"], record["managementEvent"], record["eventCategory"]) == (True, True, "Management")
    assert record["sourceIPAddress"] == "192.0.2.7"
    assert record["userAgent"].startswith("Boto3/")


def test_the_key_is_recorded_as_typed_and_as_it_is(sandbox, name):
    key = watching.signing_key(sandbox)
    kms = sandbox.client("kms")
    kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=key)
    for typed in (f"alias/{name}", key, key.rsplit("/", 1)[1]):
        record = record_of(sandbox, watching.sign(kms, typed))
        assert record["requestParameters"]["keyId"] == typed
        assert record["resources"][0]["ARN"] == key


def test_a_denied_call_of_kms_names_the_key_in_its_message_alone(sandbox, name):
    key = watching.signing_key(sandbox)
    role = lambdas.role(sandbox, name)
    taken = sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    kms = sandbox.client("kms", access_key=taken["AccessKeyId"])
    with pytest.raises(ClientError) as error:
        watching.sign(kms, key)
    record = record_of(sandbox, request_id(error.value.response))
    assert shape(record) == shape(watching.published("kms-denied"))
    assert record["errorCode"] == "AccessDenied"
    assert key in record["errorMessage"]
    assert "inScopeOf" not in record["userIdentity"]


def test_a_failed_call_keeps_its_error_and_is_no_signature(sandbox):
    kms = sandbox.client("kms")
    with pytest.raises(ClientError) as error:
        watching.sign(kms, "1234abcd-12ab-34cd-56ef-1234567890ab")
    record = record_of(sandbox, request_id(error.value.response))
    assert record["errorCode"] == "NotFoundException"
    assert record["responseElements"] is None


def test_no_secret_is_in_any_record(sandbox, name):
    secrets = sandbox.client("secretsmanager")
    made = secrets.create_secret(Name=name, SecretString="the-secret-itself")
    kms = sandbox.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    encrypted = kms.encrypt(KeyId=key, Plaintext=b"plaintext-itself", EncryptionContext={"a": "b"})
    read = secrets.get_secret_value(SecretId=name)
    lambdas.create_python(sandbox, name, Environment={"Variables": {"TOKEN": "token-itself"}})
    records = [record_of(sandbox, request_id(answer)) for answer in (made, encrypted, read)]
    records += [
        record
        for record in sandbox.ask("GET", "trail/records")
        if (record["requestParameters"] or {}).get("functionName") == name
    ]
    text = json.dumps(records)
    assert "itself" not in text
    assert "cGxhaW50ZXh0LWl0c2VsZg" not in text
    assert records[1]["requestParameters"] == {"keyId": key, "encryptionContext": {"a": "b"}}
    assert records[3]["requestParameters"]["environment"] == {}
    assert records[3]["responseElements"]["environment"] == {}


@pytest.fixture
def function(sandbox, name) -> str:
    return lambdas.create_python(sandbox, name)


def test_new_code(sandbox, alice, function):
    client = sandbox.client("lambda", access_key=alice)
    zipped = lambdas.zipped("app.py", "def lambda_handler(e, c): return 'new'", 0o644)
    answer = client.update_function_code(FunctionName=function, ZipFile=zipped)
    record = record_of(sandbox, request_id(answer))
    expected = watching.published("lambda-update-function-code")
    for each in UNKNOWN_TO_MOTO:
        del expected["responseElements"][each]
    # It tells that the function is changing for a while, and of layers.
    for each in ("lastUpdateStatus", "layers"):
        record["responseElements"].pop(each)
    assert shape(record) == shape(expected)
    assert record["responseElements"]["codeSha256"] == answer["CodeSha256"]
    assert record["eventName"] == "UpdateFunctionCode20150331v2"


def test_a_permission(sandbox, alice, function):
    client = sandbox.client("lambda", access_key=alice)
    answer = client.add_permission(
        FunctionName=function, StatementId="backdoor", Action="lambda:InvokeFunction", Principal="*"
    )
    assert shape(record_of(sandbox, request_id(answer))) == shape(watching.published("lambda-add-permission"))


def test_a_lifecycle_is_recorded_under_its_other_name(sandbox, alice, name):
    watching.bucket(sandbox, name)
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "*"}, "Expiration": {"Days": 1}}
    answer = sandbox.client("s3", access_key=alice).put_bucket_lifecycle_configuration(
        Bucket=name, LifecycleConfiguration={"Rules": [rule]}
    )
    record = record_of(sandbox, request_id(answer))
    assert shape(record) == shape(watching.published("s3-put-bucket-lifecycle"))
    assert record["requestParameters"]["LifecycleConfiguration"]["Rule"]["Expiration"] == {"Days": 1}


def test_a_bucket_s_policy_is_recorded_as_json(sandbox, name):
    watching.bucket(sandbox, name)
    records = [
        record
        for record in sandbox.ask("GET", "trail/records")
        if (record["requestParameters"] or {}).get("bucketName") == name
    ]
    assert [record["eventName"] for record in records] == ["CreateBucket", "PutBucketPolicy"]
    policy = records[1]["requestParameters"]["bucketPolicy"]
    assert policy["Statement"][0]["Principal"] == {"Service": "cloudtrail.amazonaws.com"}


def test_a_role_s_trust_is_changed_in_us_east_1(sandbox, alice, name):
    lambdas.role(sandbox, name)
    answer = sandbox.client("iam", access_key=alice).update_assume_role_policy(
        RoleName=name, PolicyDocument=json.dumps(TRUST)
    )
    record = record_of(sandbox, request_id(answer))
    assert shape(record) == shape(watching.published("iam-update-assume-role-policy"))
    assert record["awsRegion"] == "us-east-1"


def test_selectors_of_a_trail(sandbox, alice, name):
    watching.trail(sandbox, name)
    sent = watching.published("cloudtrail-put-event-selectors")["requestParameters"]["eventSelectors"][0]
    selector = {
        "ReadWriteType": "ReadOnly",
        "IncludeManagementEvents": False,
        "DataResources": [{"Type": each["type"], "Values": each["values"]} for each in sent["dataResources"]],
        "ExcludeManagementEventSources": [],
    }
    answer = sandbox.client("cloudtrail", access_key=alice).put_event_selectors(
        TrailName=name, EventSelectors=[selector]
    )
    assert shape(record_of(sandbox, request_id(answer))) == shape(watching.published("cloudtrail-put-event-selectors"))


OTHERS = [
    ("lambda", "delete_function", {"FunctionName": "f"}, "DeleteFunction20150331"),
    ("lambda", "get_function", {"FunctionName": "f"}, "GetFunction20150331v2"),
    ("lambda", "get_function_configuration", {"FunctionName": "f"}, "GetFunctionConfiguration20150331v2"),
    ("lambda", "remove_permission", {"FunctionName": "f", "StatementId": "s"}, "RemovePermission20150331v2"),
    ("lambda", "update_function_configuration", {"FunctionName": "f", "Timeout": 3}, "UpdateFunctionConfiguration20150331v2"),
    ("lambda", "publish_version", {"FunctionName": "f"}, "PublishVersion20150331"),
    ("lambda", "create_alias", {"FunctionName": "f", "Name": "a", "FunctionVersion": "1"}, "CreateAlias20150331"),
    ("lambda", "put_function_concurrency", {"FunctionName": "f", "ReservedConcurrentExecutions": 1}, "PutFunctionConcurrency20171031"),
    ("lambda", "create_function_url_config", {"FunctionName": "f", "AuthType": "NONE"}, "CreateFunctionUrlConfig"),
    ("s3", "get_bucket_lifecycle_configuration", {"Bucket": "no-such-bucket"}, "GetBucketLifecycle"),
    ("s3", "delete_bucket_policy", {"Bucket": "no-such-bucket"}, "DeleteBucketPolicy"),
    ("s3", "put_public_access_block", {"Bucket": "no-such-bucket", "PublicAccessBlockConfiguration": {}}, "PutBucketPublicAccessBlock"),
    ("s3", "list_buckets", {}, "ListBuckets"),
    ("events", "disable_rule", {"Name": "r"}, "DisableRule"),
    ("cloudwatch", "delete_alarms", {"AlarmNames": ["a"]}, "DeleteAlarms"),
    ("logs", "delete_log_group", {"logGroupName": "g"}, "DeleteLogGroup"),
    ("sns", "unsubscribe", {"SubscriptionArn": "arn:aws:sns:eu-west-1:123456789012:t:1"}, "Unsubscribe"),
    ("sqs", "purge_queue", {"QueueUrl": "http://127.0.0.1/123456789012/q"}, "PurgeQueue"),
    ("stepfunctions", "delete_state_machine", {"stateMachineArn": "arn:aws:states:eu-west-1:123456789012:stateMachine:m"}, "DeleteStateMachine"),
    ("dynamodb", "delete_table", {"TableName": "no-such-table"}, "DeleteTable"),
    ("sts", "get_caller_identity", {}, "GetCallerIdentity"),
]  # fmt: skip


@pytest.mark.parametrize(("service", "method", "asked", "event"), OTHERS, ids=[each[3] for each in OTHERS])
def test_names(sandbox, service, method, asked, event):
    """Whatever comes of the call, its record has CloudTrail's name."""
    try:
        answer = getattr(sandbox.client(service), method)(**asked)
    except ClientError as error:
        answer = error.response
    record = record_of(sandbox, request_id(answer))
    assert record["eventName"] == event
    assert (
        record["eventSource"]
        == f"{ {'cloudwatch': 'monitoring', 'stepfunctions': 'states'}.get(service, service) }.amazonaws.com"
    )
    assert record["recipientAccountId"] == ACCOUNT
    assert record["readOnly"] == (not event.startswith(("Create", "D", "P", "R", "U")))


def test_a_call_that_concerns_another_account_is_recorded_in_both(sandbox):
    other = "210987654321"
    answer = sandbox.client("sts").assume_role(RoleArn=f"arn:aws:iam::{other}:role/role", RoleSessionName="session")
    both = [record for record in sandbox.ask("GET", "trail/records") if record["requestID"] == request_id(answer)]
    assert [record["recipientAccountId"] for record in both] == [ACCOUNT, other]
    assert both[0]["sharedEventID"] == both[1]["sharedEventID"]
    assert both[0]["eventID"] != both[1]["eventID"]
    assert both[0]["responseElements"]["credentials"]["accessKeyId"] == answer["Credentials"]["AccessKeyId"]
    assert "secretAccessKey" not in both[0]["responseElements"]["credentials"]


def test_a_denied_call_is_recorded_for_the_caller_s_account_alone(sandbox):
    role = "arn:aws:iam::210987654321:role/stranger"
    taken = sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    kms = sandbox.client("kms", access_key=taken["AccessKeyId"])
    with pytest.raises(ClientError) as error:
        watching.sign(kms, watching.signing_key(sandbox))
    asked = request_id(error.value.response)
    records = [record for record in sandbox.ask("GET", "trail/records") if record["requestID"] == asked]
    assert [record["recipientAccountId"] for record in records] == ["210987654321"]


def test_a_test_brings_records_of_services_that_are_not_here(sandbox, name):
    brought = {
        "eventSource": "organizations.amazonaws.com",
        "eventName": "LeaveOrganization",
        "awsRegion": REGION,
        "requestParameters": {"name": name},
    }
    record = sandbox.ask("POST", "trail/records", brought)
    assert record_of(sandbox, record["requestID"]) == record
    found = watching.lookup(
        sandbox, LookupAttributes=[{"AttributeKey": "EventId", "AttributeValue": record["eventID"]}]
    )
    assert found == [record]
    with pytest.raises(urllib.error.HTTPError):
        sandbox.ask("POST", "trail/records", {"eventName": "LeaveOrganization"})


def test_a_function_s_calls_are_in_scope_of_it(sandbox, name, function):
    _, value = lambdas.call(sandbox, name, {"do": "aws", "service": "sts"})
    assert value == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{name}"
    record = next(
        record for record in reversed(sandbox.ask("GET", "trail/records")) if record["userIdentity"].get("arn") == value
    )
    who = record["userIdentity"]
    assert who["inScopeOf"] == {
        "issuerType": "AWS::Lambda::Function",
        "credentialsIssuedTo": function,
        "credentialsIssuedToVersion": f"{function}:$LATEST",
    }
    assert who["principalId"].endswith(f":{name}")
    assert who["sessionContext"]["sessionIssuer"]["arn"] == f"arn:aws:iam::{ACCOUNT}:role/{name}"
    assert "exec-env/AWS_Lambda_python3.11" in record["userAgent"]
    assert record["sourceIPAddress"].startswith("203.0.113.")


def test_credentials_that_were_carried_out_are_still_in_scope_and_come_from_elsewhere(sandbox, name, function):
    lambdas.call(sandbox, name, {})
    stolen = sandbox.ask("POST", "credentials", {"arn": function})
    assert stolen["AccessKeyId"].startswith("ASIA")
    sts = sandbox.client("sts", access_key=stolen["AccessKeyId"], aws_session_token=stolen["SessionToken"])
    record = record_of(sandbox, request_id(sts.get_caller_identity()))
    assert record["userIdentity"]["inScopeOf"]["credentialsIssuedTo"] == function
    assert record["sourceIPAddress"] == "127.0.0.1"
    assert "exec-env" not in record["userAgent"]
    # Whoever takes the role on for himself has the same role, and no function.
    role = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    taken = sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName=name)["Credentials"]
    other = record_of(sandbox, request_id(sandbox.client("sts", access_key=taken["AccessKeyId"]).get_caller_identity()))
    assert other["userIdentity"]["arn"] == record["userIdentity"]["arn"]
    assert "inScopeOf" not in other["userIdentity"]


def test_the_credentials_are_those_of_the_newest_environment(sandbox, name, function):
    seen = sandbox.ask("POST", "credentials", {"arn": function})
    assert sandbox.ask("POST", "credentials", {"arn": function}) == seen
    lambdas.call(sandbox, name, {})
    assert sandbox.ask("POST", "credentials", {"arn": function}) != seen


def test_calls_that_aws_never_saw_are_in_no_record(sandbox):
    key = watching.signing_key(sandbox)
    before = len(sandbox.ask("GET", "trail/records"))
    sandbox.ask("POST", "faults", {"service": "kms", "operation": "Sign", "kind": "unreachable"})
    with pytest.raises(Exception, match="Connection"):
        watching.sign(sandbox.client("kms"), key)
    signed = [record for record in sandbox.ask("GET", "trail/records")[before:] if record["eventName"] == "Sign"]
    assert signed == []


ODD = [
    ("POST", "/", b"", {}),
    ("POST", "/", b"no json", {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TrentService.Sign"}),
    ("POST", "/", b"[1]", {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TrentService.Sign"}),
    ("POST", "/", b'{"KeyId":{"a":[1]}}', {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "X.DescribeKey"}),
    ("POST", "/", b"Action=CreateRole&RoleName=%FF", {"Content-Type": "application/x-www-form-urlencoded"}),
    ("PUT", "/bucket?lifecycle", b"<a><b", {}),
    ("PUT", "/bucket?policy", b"\xff\xfe", {}),
    ("GET", "/bucket/k%2F..%2F?x=1", b"", {}),
    ("PUT", "/2015-03-31/functions/f/code", b"no json", {}),
    ("POST", "/2015-03-31/functions/arn%3Aaws/invocations", b"{}", {}),
    ("PATCH", "/trustanchor/x", b"{", {}),
]  # fmt: skip


@pytest.mark.parametrize("service", ["kms", "lambda", "iam", "s3", "sqs", "cloudtrail", "rolesanywhere", "nonsense"])
def test_whatever_is_sent_records_can_be_read(sandbox, service):
    signed = (
        f"AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-west-3/{service}/aws4_request, SignedHeaders=host, Signature=x"
    )
    answered = 0
    for method, path, body, headers in ODD:
        request = urllib.request.Request(
            sandbox.endpoint + path, body or None, headers | {"Authorization": signed}, method=method
        )
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(request).close()
            answered += 1
    records = [record for record in sandbox.ask("GET", "trail/records") if record["awsRegion"] == "eu-west-3"]
    assert all(
        record.keys() >= watching.published("kms-denied").keys() - {"errorCode", "errorMessage"} for record in records
    )
    watching.lookup(sandbox, region="eu-west-3")
    assert answered < len(ODD)
