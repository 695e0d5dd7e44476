"""What the deployed module denies, to whoever has all of the account's permissions but is not meant to use them."""

from __future__ import annotations

import json

import judges
import lambdas
import pytest
from botocore.exceptions import ClientError
from deployments import NAMED_OPERATOR, csr

pytestmark = pytest.mark.deployed("main")

THIEF = "denials-thief"
"""A function, and a role with every permission that a policy of its own can give."""


def said(call, **arguments) -> str:
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "done"


@pytest.fixture
def session(sandbox):
    """Clients of a session of a role that may do everything, as far as its own policy is asked."""
    iam, made = sandbox.client("iam"), []

    def session(name: str):
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        made.append(name)
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
        return clients(sandbox, arn, "session")

    yield session
    for name in made:
        iam.delete_role_policy(RoleName=name, PolicyName="p")
        iam.delete_role(RoleName=name)


def clients(sandbox, role: str, name: str):
    key = sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName=name)["Credentials"]
    return lambda service: sandbox.client(service, key["AccessKeyId"], aws_session_token=key["SessionToken"])


def signature(authority, ca: str = "issuing") -> dict:
    sha = {"issuing": 256, "root": 384}[ca]
    return {"KeyId": authority.outputs[f"{ca}_ca_key_arn"], "Message": "x" * (sha // 8), "MessageType": "DIGEST",
            "SigningAlgorithm": f"ECDSA_SHA_{sha}"}  # fmt: skip


def row(authority) -> dict:
    return {"TableName": authority.outputs["certificate_table_name"],
            "Item": {"CommonName": {"S": "planted"}, "SerialNumber": {"S": "1"}}}  # fmt: skip


SIGNERS = ["create-root-ca", "create-issuing-ca", "root-ca-crl", "issuing-ca-crl", "tls-cert", "sweep"]


@pytest.mark.denied(*(f"serverless-{name}-dev" for name in SIGNERS))
@pytest.mark.parametrize("name", SIGNERS)
def test_another_function_under_a_signing_role_neither_signs_nor_writes(sandbox, authority, name):
    role = sandbox.client("lambda").get_function_configuration(FunctionName=authority.function(name))["Role"]
    functions, thief = sandbox.client("lambda"), f"{THIEF}-{name}"
    functions.create_function(
        FunctionName=thief, Role=role, Runtime="python3.11", Handler="f.lambda_handler", Timeout=60,
        Code={"ZipFile": lambdas.zipped("f.py", lambdas.CALLS)},
    )  # fmt: skip
    ca = "root" if "root" in name or name == "create-issuing-ca" else "issuing"
    bucket, ca_name = authority.outputs["external_s3_bucket_name"], getattr(authority, f"{ca}_ca_name")
    attempt = {"Key": {"S": "attempts#2026-11-28T17#0"}, "Sort": {"S": "planted"}}
    calls = {
        "sign": ["kms", "sign", signature(authority, ca)],
        "row": ["dynamodb", "put_item", row(authority)],
        "attempt": ["dynamodb", "put_item", {"TableName": authority.outputs["journal_table_name"], "Item": attempt}],
        "crl": ["s3", "put_object", {"Bucket": bucket, "Key": f"{ca_name}.crl", "Body": "x"}],
    }
    answers = {what: lambdas.call(sandbox, thief, call)[1] for what, call in calls.items()}
    functions.delete_function(FunctionName=thief)
    refused = "AccessDeniedException"
    assert answers == {"sign": refused, "row": refused, "attempt": refused, "crl": "AccessDenied"}


@pytest.mark.denied("serverless-tls-cert-dev")
def test_a_session_under_a_signing_role_that_is_no_function_s_signs_nothing(sandbox, authority):
    name = authority.function("tls-cert")
    role = sandbox.client("lambda").get_function_configuration(FunctionName=name)["Role"]
    assert said(clients(sandbox, role, name)("kms").sign, **signature(authority)) == "AccessDeniedException"


@pytest.mark.denied(THIEF)
def test_whoever_may_do_everything_uses_no_key(authority, session):
    kms, key = session(THIEF)("kms"), authority.outputs["issuing_ca_key_arn"]
    assert said(kms.describe_key, KeyId=key) == "done"
    assert said(kms.sign, **signature(authority)) == "AccessDeniedException"
    verify = signature(authority) | {"Signature": b"x"}
    assert said(kms.verify, **verify) == "AccessDeniedException"
    grant = {"KeyId": key, "GranteePrincipal": NAMED_OPERATOR, "Operations": ["Sign"]}
    assert said(kms.create_grant, **grant) == "AccessDeniedException"


@pytest.mark.denied(THIEF)
def test_whoever_may_do_everything_writes_no_row(authority, session):
    table, certificates = session(THIEF)("dynamodb"), authority.outputs["certificate_table_name"]
    before = authority.rows()
    some = {name: before[0][name] for name in ("CommonName", "SerialNumber")}
    assert said(table.get_item, TableName=certificates, Key=some) == "done"
    assert said(table.put_item, **row(authority)) == "AccessDeniedException"
    revoke = {
        "UpdateExpression": "SET Revoked = :at",
        "ExpressionAttributeValues": {":at": {"S": "2026-11-20 10:00:00"}},
    }
    assert said(table.update_item, TableName=certificates, Key=some, **revoke) == "AccessDeniedException"
    assert said(table.delete_item, TableName=certificates, Key=some) == "AccessDeniedException"
    batch = {certificates: [{"DeleteRequest": {"Key": some}}]}
    assert said(table.batch_write_item, RequestItems=batch) == "AccessDeniedException"
    statement = f"DELETE FROM \"{certificates}\" WHERE CommonName = 'x' AND SerialNumber = '1'"  # noqa: S608
    assert said(table.execute_statement, Statement=statement) == "AccessDeniedException"
    journal = {
        "TableName": authority.outputs["journal_table_name"],
        "Item": {"Key": {"S": "intent#1"}, "Sort": {"S": "-"}},
    }
    assert said(table.put_item, **journal) == "AccessDeniedException"
    assert authority.rows() == before


@pytest.mark.denied("named-operator")
def test_a_named_operator_writes_and_deletes_neither_rows_nor_attempts(authority, session):
    table, journal = session("named-operator")("dynamodb"), authority.outputs["journal_table_name"]
    other, attempt = (
        {"Key": {"S": key}, "Sort": {"S": "planted"}} for key in ("planted#1", "attempts#2026-11-28T17#0")
    )
    for item in (other, attempt):
        assert said(table.put_item, TableName=journal, Item=item) == "done"
    assert said(table.delete_item, TableName=journal, Key=attempt) == "AccessDeniedException"
    parts = [{"Delete": {"TableName": journal, "Key": attempt}}]
    assert said(table.transact_write_items, TransactItems=parts) == "AccessDeniedException"
    assert said(table.delete_item, TableName=journal, Key=other) == "done"
    some = {name: authority.rows()[0][name] for name in ("CommonName", "SerialNumber")}
    delete = {"TableName": authority.outputs["certificate_table_name"], "Key": some}
    assert said(table.delete_item, **delete) == "AccessDeniedException"
    authority.client("dynamodb").delete_item(TableName=journal, Key=attempt)


@pytest.mark.denied(THIEF)
def test_whoever_may_do_everything_publishes_nothing(authority, session):
    s3, bucket = session(THIEF)("s3"), authority.outputs["external_s3_bucket_name"]
    objects = authority.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    ours = [entry["Key"] for entry in objects if entry["Key"].startswith("serverless-")]
    assert len(ours) == 7
    before = {key: authority.published(key) for key in ours}
    for key in ours:
        assert said(s3.put_object, Bucket=bucket, Key=key, Body=b"older") == "AccessDenied", key
        assert said(s3.delete_object, Bucket=bucket, Key=key) == "AccessDenied", key
        assert said(s3.delete_objects, Bucket=bucket, Delete={"Objects": [{"Key": key}]}) == "AccessDenied", key
        assert said(s3.copy_object, Bucket=bucket, Key=key, CopySource=f"{bucket}/{ours[0]}") == "AccessDenied", key
    assert {key: authority.published(key) for key in ours} == before


def test_what_is_honest_goes_on(authority):
    event = {"common_name": "honest.example.com", "base64_csr_data": csr(common_name="honest.example.com")}
    certificate = judges.certificate(authority.invoke("tls-cert", event)["Base64Certificate"])
    assert certificate.issuer == judges.ca(authority, authority.issuing_ca_name).subject
    assert authority.run().status == "SUCCEEDED"
