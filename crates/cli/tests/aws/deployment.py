"""What Terraform makes of a deployment, as far as its functions and the command need it.

Arguments: endpoint, project, environment, the program that is every function; `--with-keys` for CA keys, too. Says
what it made as one line of JSON.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile

import boto3

ENDPOINT, PROJECT, ENVIRONMENT, PROGRAM = sys.argv[1:5]
WITH_KEYS = "--with-keys" in sys.argv[5:]
SESSION = boto3.Session(
    aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="secret", region_name="eu-west-2"
)
FUNCTIONS = {
    "create-root-ca": "create_root_ca",
    "create-issuing-ca": "create_issuing_ca",
    "root-ca-crl": "root_ca_crl",
    "issuing-ca-crl": "issuing_ca_crl",
    "tls-cert": "tls_cert",
}


def client(service: str):
    return SESSION.client(service, endpoint_url=ENDPOINT)


def key(alias: str, **kind: str) -> None:
    kms = client("kms")
    made = kms.create_key(**kind)["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=f"alias/{PROJECT}-{alias}-{ENVIRONMENT}", TargetKeyId=made)


def table(name: str, keys: tuple[str, str], index: str, index_keys: dict[str, str]) -> None:
    kinds = {keys[0]: "S", keys[1]: "S"} | index_keys

    def schema(names) -> list[dict[str, str]]:
        return [{"AttributeName": n, "KeyType": kind} for n, kind in zip(names, ("HASH", "RANGE"), strict=False)]

    client("dynamodb").create_table(
        TableName=name,
        KeySchema=schema(keys),
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": kind} for n, kind in kinds.items()],
        GlobalSecondaryIndexes=[
            {"IndexName": index, "KeySchema": schema(index_keys), "Projection": {"ProjectionType": "KEYS_ONLY"}}
        ],
        BillingMode="PAY_PER_REQUEST",
    )


def bucket(name: str) -> str:
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    return name


def zipped() -> bytes:
    """A `bootstrap` that is the program where it lies: it is too long to be packed for every test."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, f'#!/bin/sh\nexec "{PROGRAM}"\n')
    return buffer.getvalue()


if WITH_KEYS:
    key("root-ca", KeySpec="ECC_NIST_P384", KeyUsage="SIGN_VERIFY")
    key("issuing-ca", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
key("intents", KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
key("tls-keygen", KeySpec="SYMMETRIC_DEFAULT", KeyUsage="ENCRYPT_DECRYPT")
head, tail = PROJECT.title().replace("-", ""), ENVIRONMENT.title()
table(f"{head}CA{tail}", ("CommonName", "SerialNumber"), "serial", {"SerialNumber": "S"})
table(f"{head}CAJournal{tail}", ("Key", "Sort"), "open", {"Open": "S", "Since": "N"})
internal = bucket(f"{PROJECT}-ca-internal-{ENVIRONMENT}-abcde")
external = bucket(f"{PROJECT}-ca-external-{ENVIRONMENT}-abcde")
sns, sqs = client("sns"), client("sqs")
topic = sns.create_topic(Name=f"{PROJECT}-ca-notifications-{ENVIRONMENT}")["TopicArn"]
queue = sqs.create_queue(QueueName=f"{PROJECT}-notices")["QueueUrl"]
queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
iam = client("iam")
role = iam.create_role(RoleName=f"{PROJECT}-role", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
# The module's own tests are about who may do what.
everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
iam.put_role_policy(RoleName=f"{PROJECT}-role", PolicyName="all", PolicyDocument=json.dumps(everything))
for name, handler in FUNCTIONS.items():
    client("lambda").create_function(
        FunctionName=f"{PROJECT}-{name}-{ENVIRONMENT}",
        Runtime="provided.al2023",
        Handler=f"{handler}.lambda_handler",
        Role=role,
        Timeout=60,
        MemorySize=512,
        Code={"ZipFile": zipped()},
        Environment={
            "Variables": {
                "PROJECT": PROJECT,
                "ENVIRONMENT_NAME": ENVIRONMENT,
                "EXTERNAL_S3_BUCKET": external,
                "INTERNAL_S3_BUCKET": internal,
                "SNS_TOPIC_ARN": topic,
            }
        },
    )
print(json.dumps({"internal": internal, "external": external, "topic": topic, "queue": queue}))
