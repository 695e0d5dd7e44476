"""Asks the sandbox what the command has no word for. Arguments: endpoint, what, and what it takes; answers in JSON."""

from __future__ import annotations

import base64
import json
import pathlib
import sys

import boto3

ENDPOINT, WHAT, *REST = sys.argv[1:]
SESSION = boto3.Session(
    aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="secret", region_name="eu-west-2"
)


def client(service: str):
    return SESSION.client(service, endpoint_url=ENDPOINT)


def step(name: str, error: str = "") -> bool:
    """Have a function answer an empty event, as the state machine does, with that type of error where one is named."""
    answer = client("lambda").invoke(FunctionName=name, Payload=b"{}")
    payload = answer["Payload"].read().decode()
    found = json.loads(payload)["errorType"] if "FunctionError" in answer else ""
    if found != error:
        sys.exit(payload)
    return True


def upload(bucket: str, folder: str) -> bool:
    """Put every file of a folder into a bucket, as Terraform does with what was merged."""
    root = pathlib.Path(folder)
    for path in root.rglob("*"):
        if path.is_file():
            client("s3").put_object(Bucket=bucket, Key=str(path.relative_to(root)), Body=path.read_bytes())
    return True


def run(name: str, file: str) -> list[object]:
    """Have a function answer each entry of a list, in their order; its answers."""
    function, answers = client("lambda"), []
    for entry in json.loads(pathlib.Path(file).read_bytes()):
        answer = function.invoke(FunctionName=name, Payload=json.dumps(entry).encode())
        told = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            sys.exit(f"{entry}: {told}")
        answers.append(told)
    return answers


def notices(queue: str) -> list[object]:
    """What was published to the topic since this was asked last."""
    sqs = client("sqs")
    found = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            body = json.loads(message["Body"])
            found.append([body["Subject"], json.loads(body["Message"])])
    return found


def read(bucket: str, name: str) -> str:
    """An object, in base64."""
    return base64.b64encode(client("s3").get_object(Bucket=bucket, Key=name)["Body"].read()).decode()


def decrypt(sealed: str, common_name: str) -> str:
    """What KMS sealed for that name, in base64."""
    context = {"common_name": common_name}
    opened = client("kms").decrypt(CiphertextBlob=base64.b64decode(sealed), EncryptionContext=context)
    return base64.b64encode(opened["Plaintext"]).decode()


def key(alias: str) -> str:
    """The id of an alias's key."""
    return client("kms").describe_key(KeyId=alias)["KeyMetadata"]["KeyId"]


def other_key(alias: str) -> bool:
    """Point an alias at a new key."""
    kms = client("kms")
    made = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    kms.update_alias(AliasName=alias, TargetKeyId=made)
    return True


def count(table: str, name: str, number: str) -> bool:
    """Set the CRL number that a CA's row counts."""
    dynamodb = client("dynamodb")
    rows = dynamodb.query(
        TableName=table,
        KeyConditionExpression="CommonName = :name",
        ExpressionAttributeValues={":name": {"S": name}},
    )["Items"]
    for row in rows:
        if "CRLNumber" in row:
            dynamodb.put_item(TableName=table, Item=row | {"CRLNumber": {"N": number}})
    return True


print(json.dumps(globals()[WHAT](*REST)))
