"""Functions may do what their roles allow, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def session(sandbox, name):
    """Clients of a session of a role with this policy."""

    def session(*statements: dict):
        iam = sandbox.client("iam")
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(document))
        key = sandbox.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
        return arn, lambda service: sandbox.client(service, key["AccessKeyId"], aws_session_token=key["SessionToken"])

    return session


def allow(*actions: str, resource="*", **more) -> dict:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def denied(call, **arguments) -> str:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value.response["Error"]["Code"]


def test_tables_part_by_part(sandbox, session, name):
    sandbox.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
    )
    arn = f"arn:aws:dynamodb:eu-west-1:123456789012:table/{name}"
    _, client = session(allow("dynamodb:PutItem", "dynamodb:GetItem", resource=arn))
    table = client("dynamodb")
    item = {"k": {"S": "1"}}
    table.put_item(TableName=name, Item=item)
    table.transact_write_items(TransactItems=[{"Put": {"TableName": name, "Item": item}}])
    parts = [{"Put": {"TableName": name, "Item": item}}, {"Delete": {"TableName": name, "Key": item}}]
    assert denied(table.transact_write_items, TransactItems=parts) == "AccessDeniedException"
    assert denied(table.delete_item, TableName=name, Key=item) == "AccessDeniedException"
    assert denied(table.get_item, TableName=name + "x", Key=item) == "AccessDeniedException"
    assert table.get_item(TableName=name, Key=item)["Item"] == item


def test_attributes_and_partitions_one_by_one(sandbox, session, name):
    sandbox.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
    )
    arn = f"arn:aws:dynamodb:eu-west-1:123456789012:table/{name}"
    condition = {
        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["k", "Reminders"]},
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["row#*"]},
        "StringEqualsIfExists": {"dynamodb:ReturnValues": ["NONE", "UPDATED_NEW"]},
        "Null": {"dynamodb:Attributes": "false"},
    }
    _, client = session(allow("dynamodb:UpdateItem", resource=arn, Condition=condition))
    table = client("dynamodb")

    def update(key="row#1", expression="SET #r = :v", names=("Reminders",), **more):
        return table.update_item(
            TableName=name,
            Key={"k": {"S": key}},
            UpdateExpression=expression,
            ExpressionAttributeNames={f"#{name[0].lower()}": name for name in names},
            ExpressionAttributeValues={":v": {"S": "x"}},
            **more,
        )

    def refused(**arguments):
        return denied(update, **arguments) == "AccessDeniedException"

    update(ReturnValues="UPDATED_NEW", ConditionExpression="attribute_not_exists(k)")
    assert refused(names=("Stage",), expression="SET #s = :v")
    assert refused(expression="SET #r = :v REMOVE Stage")
    assert refused(names=("Reminders", "Stage"), expression="SET #r = if_not_exists(#s, :v)")
    assert refused(ConditionExpression="Stage <> :v")
    assert refused(key="authorities")
    assert refused(ReturnValues="ALL_OLD")
    part = {"Update": {"TableName": name, "Key": {"k": {"S": "row#2"}}, "UpdateExpression": "SET Stage = :v",
                       "ExpressionAttributeValues": {":v": {"S": "x"}}}}  # fmt: skip
    assert denied(table.transact_write_items, TransactItems=[part]) == "AccessDeniedException"


def test_objects(sandbox, session, name):
    sandbox.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    _, client = session(allow("s3:PutObject", "s3:GetObject", resource=f"arn:aws:s3:::{name}/a/*"))
    s3 = client("s3")
    s3.put_object(Bucket=name, Key="a/b", Body=b"x")
    s3.head_object(Bucket=name, Key="a/b")
    assert denied(s3.put_object, Bucket=name, Key="c", Body=b"x") == "AccessDenied"
    assert denied(s3.delete_object, Bucket=name, Key="a/b") == "AccessDenied"
    assert denied(s3.list_objects_v2, Bucket=name) == "AccessDenied"


def test_keys_decide_with_roles(sandbox, session):
    arn, client = session(allow("kms:GetPublicKey"))
    kms, mine = sandbox.client("kms"), client("kms")
    make = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
    delegating = kms.create_key(**make)["KeyMetadata"]["KeyId"]
    mine.get_public_key(KeyId=delegating)
    sign = {"Message": bytes(32), "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
    assert denied(mine.sign, KeyId=delegating, **sign) == "AccessDeniedException"

    named = allow("kms:Sign", Principal={"AWS": arn}, Condition={"StringEquals": {"kms:MessageType": "DIGEST"}})
    policy = {"Version": "2012-10-17", "Statement": [named]}
    naming = kms.create_key(**make, Policy=json.dumps(policy), BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]
    mine.sign(KeyId=naming["KeyId"], **sign)
    assert denied(mine.sign, KeyId=naming["KeyId"], **sign | {"MessageType": "RAW"}) == "AccessDeniedException"
    assert denied(mine.get_public_key, KeyId=naming["KeyId"]) == "AccessDeniedException"


def test_topics(sandbox, session, name):
    topic = sandbox.client("sns").create_topic(Name=name)["TopicArn"]
    other = sandbox.client("sns").create_topic(Name=name + "x")["TopicArn"]
    _, client = session(allow("sns:Publish", resource=topic))
    client("sns").publish(TopicArn=topic, Message="m")
    assert denied(client("sns").publish, TopicArn=other, Message="m") == "AuthorizationError"


def test_functions(session, name):
    arn = f"arn:aws:lambda:eu-west-1:123456789012:function:{name}"
    _, client = session(allow("lambda:GetFunctionConfiguration", resource=arn))
    functions = client("lambda")
    # There is none, which is for the service to say.
    assert denied(functions.get_function_configuration, FunctionName=name) == "ResourceNotFoundException"
    assert denied(functions.get_function_configuration, FunctionName=name + "x") == "AccessDeniedException"
    assert denied(functions.invoke, FunctionName=name) == "AccessDeniedException"


GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide.md"


def test_key_pairs_for_certain_names_alone(sandbox, session):
    """By the statement of the guide, word for word."""
    arn = sandbox.client("kms").create_key()["KeyMetadata"]["Arn"]
    (text,) = re.findall(r"```json\n(\{[^`]*kms:GenerateDataKeyPair[^`]*)```", GUIDE.read_text())
    _, client = session(json.loads(text) | {"Resource": arn})
    kms = client("kms")

    def make(**context: str):
        return kms.generate_data_key_pair(KeyId=arn, KeyPairSpec="ECC_NIST_P256", EncryptionContext=context)

    assert make(common_name="db-1.example.com")["PublicKey"]
    for wrong in (
        {},
        {"common_name": "www.example.org"},
        {"Common_Name": "db-1.example.com"},
        {"common_name": "db-1.example.com", "beside": "x"},
    ):
        assert denied(make, **wrong) == "AccessDeniedException", wrong
