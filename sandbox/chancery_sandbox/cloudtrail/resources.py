"""The `resources` of a record, and those that `LookupEvents` lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.kms.models import kms_backends

from chancery_sandbox.principal import PARTITION

from .decode import Decoded
from .observed import Observed

Resource = dict[str, str]

_NAMED = {
    "bucketName": "AWS::S3::Bucket",
    "functionName": "AWS::Lambda::Function",
    "groupName": "AWS::IAM::Group",
    "logGroupName": "AWS::Logs::LogGroup",
    "policyArn": "AWS::IAM::Policy",
    "queueUrl": "AWS::SQS::Queue",
    "roleArn": "AWS::IAM::Role",
    "roleName": "AWS::IAM::Role",
    "secretId": "AWS::SecretsManager::Secret",
    "stateMachineArn": "AWS::StepFunctions::StateMachine",
    "tableName": "AWS::DynamoDB::Table",
    "topicArn": "AWS::SNS::Topic",
    "trailName": "AWS::CloudTrail::Trail",
    "userName": "AWS::IAM::User",
}
"""Parameters that name a resource, and its type in `LookupEvents`."""


def of(observed: Observed, decoded: Decoded) -> list[Resource]:
    """The `resources` of a record; records of other services have none."""
    found = _BY_SERVICE.get(observed.call.service)
    return found(observed, decoded) if found is not None else []


def looked_up(record: dict[str, Any]) -> list[Resource]:
    """What `LookupEvents` lists for a record."""
    found = [(each["type"], each["ARN"]) for each in record.get("resources", ())]
    told = {**(record.get("requestParameters") or {}), **(record.get("responseElements") or {})}
    for name, kind in _NAMED.items():
        if isinstance(told.get(name), str):
            found.append((kind, told[name]))
    if record["eventSource"] == "cloudtrail.amazonaws.com" and isinstance(told.get("name"), str):
        found.append(("AWS::CloudTrail::Trail", told["name"]))
    return [{"ResourceType": kind, "ResourceName": name} for kind, name in dict.fromkeys(found)]


def _tables(observed: Observed, decoded: Decoded) -> list[Resource]:
    asked = decoded.parameters
    named = [asked.get("tableName"), *(each.get("tableName") for each in asked.get("requestItems", ()))]
    prefix = f"arn:{PARTITION}:dynamodb:{observed.call.region}:{observed.account}:table/"
    arns = [name if name.startswith("arn:") else prefix + name for name in named if isinstance(name, str)]
    return [_resource("AWS::DynamoDB::Table", arn) for arn in dict.fromkeys(arns)]


def _keys(observed: Observed, decoded: Decoded) -> list[Resource]:
    """The keys that were used, by the answer of KMS, else by the request."""
    if decoded.denied:
        return []
    told = [decoded.elements.get("keyId"), decoded.elements.get("sourceKeyId")]
    metadata = decoded.elements.get("keyMetadata")
    if metadata:
        told.append(metadata.get("arn"))
    asked = decoded.parameters
    told += [
        _key_arn(observed, asked[name])
        for name in ("keyId", "targetKeyId", "sourceKeyId", "destinationKeyId", "aliasName")
        if isinstance(asked.get(name), str)
    ]
    arns = dict.fromkeys(arn for arn in told if arn and str(arn).startswith("arn:"))
    return [_resource("AWS::KMS::Key", arn) for arn in arns]


def _key_arn(observed: Observed, name: str) -> str | None:
    parts = name.split(":")
    account = parts[4] if len(parts) > 5 else observed.account
    backend = kms_backends[account][observed.call.region]
    bare = parts[-1]
    key_id = backend.get_key_id_from_alias(bare) if bare.startswith("alias/") else bare.removeprefix("key/")
    key = backend.keys.get(key_id or "")
    return str(key.arn) if key is not None else None


def _s3(observed: Observed, decoded: Decoded) -> list[Resource]:
    bucket, key = decoded.parameters.get("bucketName"), decoded.parameters.get("key")
    if not bucket:
        return []
    arn = f"arn:{PARTITION}:s3:::{bucket}"
    whole = {"accountId": observed.account, "type": "AWS::S3::Bucket", "ARN": arn}
    return [{"type": "AWS::S3::Object", "ARN": f"{arn}/{key}"}, whole] if key else [whole]


def _resource(kind: str, arn: str) -> Resource:
    return {"accountId": arn.split(":")[4], "type": kind, "ARN": arn}


def _function(observed: Observed, decoded: Decoded) -> list[Resource]:
    function = observed.call.about.get("function")
    return [_resource("AWS::Lambda::Function", function)] if function and decoded.operation == "Invoke" else []


def _role(_: Observed, decoded: Decoded) -> list[Resource]:
    arn = decoded.parameters.get("roleArn")
    return [_resource("AWS::IAM::Role", arn)] if arn else []


def _topic(_: Observed, decoded: Decoded) -> list[Resource]:
    arn = decoded.parameters.get("topicArn")
    return [_resource("AWS::SNS::Topic", arn)] if arn else []


def _queue(observed: Observed, decoded: Decoded) -> list[Resource]:
    parts = str(decoded.parameters.get("queueUrl", "")).rsplit("/", 2)
    if len(parts) != 3:
        return []
    return [_resource("AWS::SQS::Queue", f"arn:{PARTITION}:sqs:{observed.call.region}:{parts[1]}:{parts[2]}")]


_BY_SERVICE: dict[str, Callable[[Observed, Decoded], list[Resource]]] = {
    "dynamodb": _tables,
    "kms": _keys,
    "lambda": _function,
    "s3": _s3,
    "sns": _topic,
    "sqs": _queue,
    "sts": _role,
}
