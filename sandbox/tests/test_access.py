"""Functions may do what their roles allow, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import lambdas
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


def deny(*actions: str, resource="*", **more) -> dict:
    return {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": list(actions), "Resource": resource, **more}


def document(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_tables_have_policies_of_their_own(sandbox, session, name):
    sandbox.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
    )
    arn = f"arn:aws:dynamodb:eu-west-1:123456789012:table/{name}"
    role, client = session(allow("dynamodb:*", resource=arn))
    table, item = client("dynamodb"), {"k": {"S": "attempts#1"}}
    table.put_item(TableName=name, Item=item)

    def put(*statements: dict) -> None:
        sandbox.client("dynamodb").put_resource_policy(ResourceArn=arn, Policy=document(*statements))

    kept = {"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": ["attempts#*"]}}
    put(deny("dynamodb:DeleteItem", resource=arn, Condition=kept))
    assert denied(table.delete_item, TableName=name, Key=item) == "AccessDeniedException"
    parts = [{"Delete": {"TableName": name, "Key": item}}]
    assert denied(table.transact_write_items, TransactItems=parts) == "AccessDeniedException"
    table.delete_item(TableName=name, Key={"k": {"S": "other"}})

    others = {"ArnNotEquals": {"aws:PrincipalArn": [role + "x"]}}
    writes = ("dynamodb:PutItem", "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate", "dynamodb:BatchWriteItem")
    put(deny(*writes, resource=arn, Condition=others))
    assert denied(table.put_item, TableName=name, Item=item) == "AccessDeniedException"
    batch = {name: [{"PutRequest": {"Item": item}}]}
    assert denied(table.batch_write_item, RequestItems=batch) == "AccessDeniedException"
    statement = f"INSERT INTO \"{name}\" VALUE {{'k': 'x'}}"
    assert denied(table.execute_statement, Statement=statement) == "AccessDeniedException"
    assert denied(table.execute_transaction, TransactStatements=[{"Statement": statement}]) == "AccessDeniedException"
    assert table.get_item(TableName=name, Key=item)["Item"] == item
    put(deny(*writes, resource=arn, Condition={"ArnNotEquals": {"aws:PrincipalArn": [role]}}))
    table.put_item(TableName=name, Item=item)


def test_buckets_have_policies_of_their_own(sandbox, session, name):
    admin = sandbox.client("s3")
    admin.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    role, client = session(allow("s3:*"))
    s3 = client("s3")
    others = {"ArnNotEquals": {"aws:PrincipalArn": [role + "x"]}}
    objects = deny("s3:PutObject", "s3:DeleteObject*", resource=f"arn:aws:s3:::{name}/a.crl", Condition=others)
    bucket = deny(
        "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration", resource=f"arn:aws:s3:::{name}", Condition=others
    )
    admin.put_bucket_policy(Bucket=name, Policy=document(objects, bucket))
    assert denied(s3.put_object, Bucket=name, Key="a.crl", Body=b"x") == "AccessDenied"
    assert denied(s3.create_multipart_upload, Bucket=name, Key="a.crl") == "AccessDenied"
    assert denied(s3.delete_object, Bucket=name, Key="a.crl") == "AccessDenied"
    assert denied(s3.delete_object, Bucket=name, Key="a.crl", VersionId="1") == "AccessDenied"
    assert denied(s3.delete_objects, Bucket=name, Delete={"Objects": [{"Key": "a.crl"}]}) == "AccessDenied"
    assert denied(s3.put_bucket_policy, Bucket=name, Policy="{}") == "AccessDenied"
    rules = [{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]
    assert (
        denied(s3.put_bucket_lifecycle_configuration, Bucket=name, LifecycleConfiguration={"Rules": rules})
        == "AccessDenied"
    )
    s3.put_object(Bucket=name, Key="b.crl", Body=b"x")


def test_a_session_is_its_function_s(sandbox, name):
    """What a role may do as its function's alone, neither another function of that role does nor somebody else."""
    iam, key = sandbox.client("iam"), sandbox.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]
    own = f"arn:aws:lambda:eu-west-1:123456789012:function:{name}"
    only = {
        "Effect": "Deny",
        "Action": "kms:Sign",
        "Resource": "*",
        "Condition": {"ArnNotEquals": {"lambda:SourceFunctionArn": own}},
    }
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(allow("kms:Sign"), only))
    arguments = {
        "KeyId": key["KeyMetadata"]["KeyId"],
        "Message": "x" * 32,
        "MessageType": "DIGEST",
        "SigningAlgorithm": "ECDSA_SHA_256",
    }
    for function in (name, name + "-thief"):
        sandbox.client("lambda").create_function(
            FunctionName=function, Role=role["Arn"], Runtime="python3.11", Handler="f.lambda_handler", Timeout=30,
            Code={"ZipFile": lambdas.zipped("f.py", lambdas.CALLS)},
        )  # fmt: skip
    assert lambdas.call(sandbox, name, ["kms", "sign", arguments])[1] == "done"
    assert lambdas.call(sandbox, name + "-thief", ["kms", "sign", arguments])[1] == "AccessDeniedException"
    # Nor under the name of a session that is the function's.
    said = sandbox.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName=name)["Credentials"]
    kms = sandbox.client("kms", said["AccessKeyId"], aws_session_token=said["SessionToken"])
    assert denied(kms.sign, **arguments) == "AccessDeniedException"

    # The unique id of the role and the name of the session are what a key's policy can pin.
    pinned = f"{role['RoleId']}:{name}"
    other = deny("kms:Sign", Condition={"StringNotEquals": {"aws:userid": [pinned]}})
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(allow("kms:Sign")))
    everything = allow("kms:*", Principal={"AWS": "arn:aws:iam::123456789012:root"})
    sandbox.client("kms").put_key_policy(
        KeyId=arguments["KeyId"], PolicyName="default", Policy=document(everything, other)
    )
    assert lambdas.call(sandbox, name, ["kms", "sign", arguments])[1] == "done"
    assert lambdas.call(sandbox, name + "-thief", ["kms", "sign", arguments])[1] == "AccessDeniedException"
    iam.delete_role_policy(RoleName=name, PolicyName="p")
    iam.delete_role(RoleName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(allow("kms:Sign")))
    assert lambdas.call(sandbox, name, ["kms", "sign", arguments])[1] == "AccessDeniedException"


def test_aliases_are_doors_of_their_own(session, name):
    arn = f"arn:aws:lambda:eu-west-1:123456789012:function:{name}"
    _, client = session(allow("lambda:InvokeFunction", resource=f"{arn}:door"))
    functions = client("lambda")
    # There is none, which is for the service to say.
    for known in (
        {"FunctionName": name, "Qualifier": "door"},
        {"FunctionName": f"{arn}:door"},
        {"FunctionName": f"{name}:door"},
    ):
        assert denied(functions.invoke, **known) == "ResourceNotFoundException"
    for unknown in ({"FunctionName": name}, {"FunctionName": arn}, {"FunctionName": name, "Qualifier": "$LATEST"}):
        assert denied(functions.invoke, **unknown) == "AccessDeniedException"


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
