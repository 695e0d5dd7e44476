"""Trails, queues and rules to watch calls with, and published records to hold ours against."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

from botocore.exceptions import ClientError

RECORDS = Path(__file__).parent / "records"
ACCOUNT = "123456789012"
REGION = "eu-west-1"


def published(name: str) -> dict:
    """A record as AWS or others have published it, with another account's numbers."""
    return json.loads((RECORDS / f"{name}.json").read_text())


def shape(value):
    """Names and types, without values. Of a list the kinds of its elements count, not how many there are."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [each for index, each in enumerate(map(shape, value)) if each not in list(map(shape, value))[:index]]
    return type(value).__name__


def user(sandbox, name: str) -> str:
    """The access key of a new user."""
    iam = sandbox.client("iam")
    iam.create_user(UserName=name)
    return iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]


def bucket(sandbox, name: str) -> str:
    """A bucket that CloudTrail may write to."""
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{name}/*",
        "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    return name


def trail(sandbox, name: str, *, selectors=None, advanced=None, multi=False, region=REGION) -> str:
    """A trail that logs."""
    client = sandbox.client("cloudtrail", region=region)
    arn = client.create_trail(
        Name=name, S3BucketName=bucket(sandbox, name), IsMultiRegionTrail=multi, EnableLogFileValidation=True
    )["TrailARN"]
    if selectors is not None:
        client.put_event_selectors(TrailName=name, EventSelectors=selectors)
    if advanced is not None:
        client.put_event_selectors(TrailName=name, AdvancedEventSelectors=advanced)
    client.start_logging(Name=name)
    return arn


def data_of(kind: str, *arns: str) -> dict:
    """An advanced selector of data events."""
    fields = [{"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": [kind]}]
    if arns:
        fields.append({"Field": "resources.ARN", "Equals": list(arns)})
    return {"Name": "data", "FieldSelectors": fields}


MANAGEMENT = {"Name": "management", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}


def files(sandbox, trail_name: str, **more) -> list[dict]:
    """The records that the trail writes down now."""
    delivered = sandbox.ask("POST", "trail/deliver", {"region": REGION, "trail": trail_name, **more})
    s3 = sandbox.client("s3")
    found = []
    for each in delivered:
        if not each.get("digest"):
            body = s3.get_object(Bucket=each["bucket"], Key=each["key"])["Body"].read()
            found += json.loads(gzip.decompress(body))["Records"]
    return found


def lookup(sandbox, *, region=REGION, **asked) -> list[dict]:
    """All events that are looked up, as records, newest first."""
    client = sandbox.client("cloudtrail", region=region)
    found = []
    while True:
        try:
            page = client.lookup_events(**asked)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ThrottlingException":
                raise
            time.sleep(0.3)
            continue
        found += [json.loads(event["CloudTrailEvent"]) for event in page["Events"]]
        if "NextToken" not in page:
            return found
        asked["NextToken"] = page["NextToken"]


def record_of(sandbox, request_id: str) -> dict:
    """The record of one management event."""
    return next(record for record in sandbox.ask("GET", "trail/records") if record["requestID"] == request_id)


def request_id(answer: dict) -> str:
    return answer["ResponseMetadata"]["RequestId"]


def signing_key(sandbox, **more) -> str:
    """ARN of a new key that signs."""
    made = sandbox.client("kms", **more).create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    return made["KeyMetadata"]["Arn"]


def sign(client, key: str) -> str:
    """The request id of a signature."""
    return request_id(client.sign(KeyId=key, Message=b"x", MessageType="RAW", SigningAlgorithm="ECDSA_SHA_256"))
