"""Adjustments for services whose records differ from the API, and their `additionalEventData`."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any
from xml.parsers.expat import ExpatError

import xmltodict
from moto.dynamodb.models import dynamodb_backends

from .decode import Decoded
from .observed import Observed

_EMPTIED = {
    ("s3", "PutObject"), ("s3", "GetObject"), ("s3", "CreateBucket"), ("dynamodb", "PutItem"),
    ("dynamodb", "UpdateItem"), ("dynamodb", "DeleteItem"), ("dynamodb", "TransactWriteItems"),
    ("dynamodb", "BatchWriteItem"), ("lambda", "Invoke"),
}  # fmt: skip
"""Operations whose records have no `responseElements`."""
_OF_OBJECTS = {"PutObject", "CreateMultipartUpload"}
"""Operations of S3 whose body is not a configuration in XML."""
_NOT_TOLD = {"x-id", "X-Amz-Credential", "X-Amz-Security-Token", "X-Amz-Signature"}
"""Query parameters that records leave out: one that SDKs add, and credentials of pre-signed URLs."""


def apply(observed: Observed, decoded: Decoded) -> dict[str, Any]:
    """Adjust a decoded call to the form of records, and return further fields of its record."""
    service = observed.call.service
    if (service, decoded.operation) in _EMPTIED:
        decoded.elements = {}
    if service == "s3":
        return _s3(observed, decoded)
    if service == "lambda":
        return _lambda(observed, decoded)
    if service == "dynamodb":
        _dynamodb(observed, decoded)
    if service == "kms" and decoded.denied:
        # Only the error message names the key.
        decoded.parameters = {}
    return {}


def _s3(observed: Observed, decoded: Decoded) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-understanding-s3-entries.html."""
    asked = decoded.parameters
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
    elif decoded.operation.startswith(("Create", "Put")) and decoded.operation not in _OF_OBJECTS:
        shown |= _xml(observed.call.body)
    # The subresource, such as `lifecycle`, and the parameters of a list.
    query = urllib.parse.parse_qsl(observed.head.get("QUERY_STRING", ""), keep_blank_values=True)
    shown |= {name: value for name, value in query if name not in _NOT_TOLD}
    decoded.parameters = shown
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
    """A configuration in XML as records contain it: by element names, with the namespace."""
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


def _lambda(observed: Observed, decoded: Decoded) -> dict[str, Any]:
    if "handler" in decoded.elements:
        # The values of variables are secret.
        decoded.elements["environment"] = {}
    if decoded.operation == "UpdateFunctionCode":
        decoded.parameters.setdefault("dryRun", False)
        decoded.parameters.setdefault("publish", False)
        arn = str(decoded.elements.get("functionArn", "")).split(":")
        if len(arn) > 6:
            decoded.parameters["fullyQualifiedArn"] = {
                "arnPrefix": {"partition": arn[1], "region": arn[3], "account": arn[4]},
                "relativeId": {"functionName": arn[6]},
                "functionQualifier": {},
            }
    if decoded.operation != "Invoke":
        return {}
    asked = decoded.parameters
    # The record of a synchronous invocation has no parameters.
    decoded.parameters = (
        {"functionName": asked["functionName"], "invocationType": asked["invocationType"]}
        if asked.get("invocationType") == "Event"
        else {}
    )
    function = observed.call.about.get("function")
    return (
        {"additionalEventData": {"functionVersion": f"{function}:{observed.call.about['version']}"}} if function else {}
    )


def _dynamodb(observed: Observed, decoded: Decoded) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/understanding-ddb-log-entries.html."""
    asked = decoded.parameters
    if decoded.operation == "TransactWriteItems":
        decoded.parameters = {
            "requestItems": [
                {"operation": kind[:1].upper() + kind[1:]} | _item(observed, part)
                for each in asked.get("transactItems", [])
                for kind, part in each.items()
            ]
        }
    elif decoded.operation in {"PutItem", "UpdateItem", "DeleteItem", "GetItem"}:
        decoded.parameters = _item(observed, asked)
    elif decoded.operation in {"Query", "Scan", "BatchGetItem", "BatchWriteItem", "TransactGetItems"}:
        decoded.parameters = {"tableName": asked["tableName"]} if "tableName" in asked else {}


def _item(observed: Observed, asked: dict[str, Any]) -> dict[str, Any]:
    """The key, and the names of the other attributes, without their values."""
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
