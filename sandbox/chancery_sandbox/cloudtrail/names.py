"""Event names and categories: some names differ from the API's, and some calls are data events.

https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
"""

from __future__ import annotations

import re

from moto.core.utils import get_service_model

from chancery_sandbox.call import Call, Environ

_LAMBDA_V2 = {
    "AddPermission", "GetFunction", "GetFunctionConfiguration", "GetPolicy", "RemovePermission", "TagResource",
    "UntagResource", "UpdateFunctionCode", "UpdateFunctionConfiguration",
}  # fmt: skip
_LAST_DATED = "20181031"
"""Operations of later API versions of Lambda have no date in their event names."""
_DATE = re.compile(r"^/(\d{4})-(\d{2})-(\d{2})/")

_S3 = {
    "DeletePublicAccessBlock": "DeleteBucketPublicAccessBlock",
    "GetBucketLifecycleConfiguration": "GetBucketLifecycle",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "ListObjectsV2": "ListObjects",
    "PutBucketLifecycleConfiguration": "PutBucketLifecycle",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}

_READING = (
    "BatchGet", "Check", "Describe", "Filter", "Get", "Head", "List", "Lookup", "Query", "Receive", "Scan", "Search",
    "Simulate", "Test", "TransactGet", "Validate",
)  # fmt: skip
_CRYPTOGRAPHY = (
    "Decrypt", "DeriveSharedSecret", "Encrypt", "GenerateDataKey", "GenerateMac", "GenerateRandom", "ReEncrypt", "Sign",
    "Verify",
)  # fmt: skip

_DATA = {
    "dynamodb": ("AWS::DynamoDB::Table", {
        "BatchExecuteStatement", "BatchGetItem", "BatchWriteItem", "DeleteItem", "ExecuteStatement",
        "ExecuteTransaction", "GetItem", "PutItem", "Query", "Scan", "TransactGetItems", "TransactWriteItems",
        "UpdateItem",
    }),
    "events": ("", {"PutEvents"}),
    "lambda": ("AWS::Lambda::Function", {"Invoke"}),
    "logs": ("", {"FilterLogEvents", "GetLogEvents", "PutLogEvents"}),
    "monitoring": ("AWS::CloudWatch::Metric", {
        "GetMetricData", "GetMetricStatistics", "ListMetrics", "PutMetricData",
    }),
    "sns": ("AWS::SNS::Topic", {"Publish", "PublishBatch"}),
    "sqs": ("AWS::SQS::Queue", {
        "ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "DeleteMessage", "DeleteMessageBatch",
        "ReceiveMessage", "SendMessage", "SendMessageBatch",
    }),
}  # fmt: skip
"""By service: the resource type that selectors name (empty if no trail records them), and the operations."""
_S3_OBJECT = "AWS::S3::Object"
_S3_OF_OBJECTS = {"delete", "uploads", "versions"}
"""Subresources of a bucket that concern its objects."""
_S3_PLAIN = {
    "continuation-token", "delimiter", "encoding-type", "fetch-owner", "list-type", "marker", "max-keys", "prefix",
    "start-after", "x-id",
}  # fmt: skip
"""Query parameters of `ListObjects`."""

_GLOBAL = {"cloudfront", "iam", "organizations", "route53"}
_HOME = "us-east-1"


def data_type(call: Call, environ: Environ) -> str | None:
    """The resource type of a data event; `None` for a management event."""
    if call.service == "s3":
        return _S3_OBJECT if _is_of_objects(call, environ) else None
    kind, operations = _DATA.get(call.service, ("", set()))
    return kind if call.operation in operations else None


def _is_of_objects(call: Call, environ: Environ) -> bool:
    path = call.path.strip("/")
    if "/" in path:
        return True
    if not path or environ["REQUEST_METHOD"] not in {"GET", "HEAD", "POST"}:
        return False
    asked = {part.split("=")[0] for part in environ.get("QUERY_STRING", "").split("&") if part}
    return not asked - _S3_PLAIN or bool(asked & _S3_OF_OBJECTS)


def event_name(service: str, operation: str) -> str:
    """The event name of an operation of the API."""
    if service == "s3":
        return _S3.get(operation, operation)
    if service != "lambda" or operation in {"Invoke", "InvokeAsync"}:
        return operation
    model = get_service_model("lambda")
    if operation not in model.operation_names:
        return operation
    date = _DATE.match(str(model.operation_model(operation).http_trait.path))
    if date is None or "".join(date.groups()) > _LAST_DATED:
        return operation
    return operation + "".join(date.groups()) + ("v2" if operation in _LAMBDA_V2 else "")


def read_only(service: str, operation: str) -> bool:
    """Whether the event is read-only: it is for cryptographic operations of KMS and for every call of STS."""
    if service == "sts" or (service == "kms" and operation.startswith(_CRYPTOGRAPHY)):
        return True
    return operation.startswith(_READING)


def region(call: Call) -> str:
    """The region that records the event: us-east-1 for global services."""
    return _HOME if call.service in _GLOBAL or not call.region else call.region


def host(call: Call) -> str:
    """The host name of the service's endpoint on AWS."""
    return source(call.service) if call.service in _GLOBAL else f"{call.service}.{call.region}.amazonaws.com"


def is_global(source: str) -> bool:
    """Whether an `eventSource` is a global service: a trail has to include those explicitly."""
    return source.split(".", maxsplit=1)[0] in _GLOBAL


def source(service: str) -> str:
    """The `eventSource` of a service."""
    return f"{service}.amazonaws.com"
