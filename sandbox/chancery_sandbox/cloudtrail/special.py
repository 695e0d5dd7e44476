"""Where the records of a service differ from its API: names of fields, and what is told beside the request."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any
from xml.parsers.expat import ExpatError

import xmltodict
from moto.dynamodb.models import dynamodb_backends

from .observed import Observed
from .reading import Reading

_EMPTIED = {
    ("s3", "PutObject"), ("s3", "GetObject"), ("s3", "CreateBucket"), ("dynamodb", "PutItem"),
    ("dynamodb", "UpdateItem"), ("dynamodb", "DeleteItem"), ("dynamodb", "TransactWriteItems"),
    ("dynamodb", "BatchWriteItem"), ("lambda", "Invoke"),
}  # fmt: skip
"""Operations whose records have no answer."""
_OF_OBJECTS = {"PutObject", "CreateMultipartUpload"}
"""Operations of S3 whose body is no configuration."""
_NOT_TOLD = {"x-id", "X-Amz-Credential", "X-Amz-Security-Token", "X-Amz-Signature"}
"""What stands in a URL and in no record: what SDKs add, and what would let a reader sign."""


def apply(observed: Observed, reading: Reading) -> dict[str, Any]:
    """Change what was read to what records say, and return the fields that come beside it."""
    service = observed.call.service
    if (service, reading.operation) in _EMPTIED:
        reading.elements = {}
    if service == "s3":
        return _s3(observed, reading)
    if service == "lambda":
        return _lambda(observed, reading)
    if service == "dynamodb":
        _dynamodb(observed, reading)
    if service == "kms" and reading.denied:
        # The one place that names the key is the message.
        reading.parameters = {}
    return {}


def _s3(observed: Observed, reading: Reading) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-understanding-s3-entries.html."""
    asked = reading.parameters
    shown: dict[str, Any] = {}
    if "bucket" in asked:
        shown = {
            "bucketName": asked["bucket"],
            "Host": f"{asked['bucket']}.s3.{observed.call.region}.amazonaws.com",
        }
    if "key" in asked:
        shown["key"] = asked["key"]
    if "policy" in asked:
        shown["bucketPolicy"] = _json(asked["policy"])
    elif reading.operation.startswith(("Create", "Put")) and reading.operation not in _OF_OBJECTS:
        shown |= _xml(observed.call.body)
    # The subresource, such as `lifecycle`, and what a list is asked with.
    query = urllib.parse.parse_qsl(observed.head.get("QUERY_STRING", ""), keep_blank_values=True)
    shown |= {name: value for name, value in query if name not in _NOT_TOLD}
    reading.parameters = shown
    return {
        "additionalEventData": {
            "SignatureVersion": "SigV4",
            "CipherSuite": "TLS_AES_128_GCM_SHA256",
            "bytesTransferredIn": len(observed.call.body),
            "AuthenticationMethod": "QueryString"
            if any(name == "X-Amz-Signature" for name, _ in query)
            else "AuthHeader",
            "x-amz-id-2": observed.call.request_id,
            "bytesTransferredOut": len(observed.answer),
        }
    }


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _xml(body: bytes) -> dict[str, Any]:
    """A configuration as records show it: by the names of its elements, its namespace among them."""
    try:
        parsed = xmltodict.parse(body, attr_prefix="")
    except ExpatError:
        return {}
    return {name: _numbers(value) for name, value in parsed.items()}


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _numbers(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_numbers(each) for each in value]
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def _lambda(observed: Observed, reading: Reading) -> dict[str, Any]:
    if "handler" in reading.elements:
        # Whatever it has, its values are secrets.
        reading.elements["environment"] = {}
    if reading.operation == "UpdateFunctionCode":
        reading.parameters.setdefault("dryRun", False)
        reading.parameters.setdefault("publish", False)
        arn = str(reading.elements.get("functionArn", "")).split(":")
        if len(arn) > 6:
            reading.parameters["fullyQualifiedArn"] = {
                "arnPrefix": {"partition": arn[1], "region": arn[3], "account": arn[4]},
                "relativeId": {"functionName": arn[6]},
                "functionQualifier": {},
            }
    if reading.operation != "Invoke":
        return {}
    asked = reading.parameters
    # Of a synchronous invocation a record says nothing but which version ran.
    reading.parameters = (
        {"functionName": asked["functionName"], "invocationType": asked["invocationType"]}
        if asked.get("invocationType") == "Event"
        else {}
    )
    function = observed.call.about.get("function")
    return (
        {"additionalEventData": {"functionVersion": f"{function}:{observed.call.about['version']}"}} if function else {}
    )


def _dynamodb(observed: Observed, reading: Reading) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/understanding-ddb-log-entries.html."""
    asked = reading.parameters
    if reading.operation == "TransactWriteItems":
        reading.parameters = {
            "requestItems": [
                {"operation": kind[:1].upper() + kind[1:]} | _item(observed, part)
                for each in asked.get("transactItems", [])
                for kind, part in each.items()
            ]
        }
    elif reading.operation in {"PutItem", "UpdateItem", "DeleteItem", "GetItem"}:
        reading.parameters = _item(observed, asked)
    elif reading.operation in {"Query", "Scan", "BatchGetItem", "BatchWriteItem", "TransactGetItems"}:
        reading.parameters = {"tableName": asked["tableName"]} if "tableName" in asked else {}


def _item(observed: Observed, asked: dict[str, Any]) -> dict[str, Any]:
    """The key, and the names of what else is written: never its values."""
    name = str(asked.get("tableName"))
    shown: dict[str, Any] = {"tableName": name}
    written = asked.get("key") or asked.get("item") or {}
    table = dynamodb_backends[observed.account][observed.call.region].tables.get(name.rsplit("/", 1)[-1])
    if table is not None:
        keys = [key for key in (table.hash_key_attr, table.range_key_attr) if key in written]
        shown["key"] = {key: next(iter(written[key].values()), None) for key in keys}
    if "item" in asked:
        shown["items"] = sorted(asked["item"])
    return shown
