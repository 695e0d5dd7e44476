"""The record of one call, with the fields, names and types that AWS publishes.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID

from chancery_sandbox.principal import PARTITION

from . import adjustments, identity, names, resources
from .decode import Decoded, decode
from .observed import Observed

VERSION = "1.11"
_LONGEST_ERROR = 1024
_WITH_ANSWER = {
    "AssumeRole",
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "GetFederationToken",
    "GetSessionToken",
}
"""Read-only calls whose answers are recorded all the same."""
_MAKING = threading.Lock()
_API_VERSIONS = {"dynamodb": "2012-08-10"}
_UNDOCUMENTED_TLS = {"kms"}
"""Services whose published records have no `tlsDetails`."""


def records(observed: Observed) -> list[dict[str, Any]]:
    """The records of a call: one for the caller's account, and one for each other account that owns a resource."""
    if observed.made is None:
        with _MAKING:
            # Two threads must not assign different ids.
            if observed.made is None:
                observed.made = _made(observed)
    return observed.made


@dataclass(frozen=True)
class Invocation:
    """An invocation of a function by an AWS service."""

    name: str
    """`Invoke` or `InvokeExecution`."""
    function: str
    """ARN without qualifier."""
    version: str
    request_id: str
    by: str
    """The service, e.g. `events.amazonaws.com`."""
    parameters: dict[str, Any] | None = None


def invocation(made: Invocation) -> dict[str, Any]:
    """The record of an invocation that did not arrive over HTTP."""
    region, account = made.function.split(":")[3:5]
    return {
        "eventVersion": VERSION,
        "userIdentity": identity.by_service(made.by),
        "eventTime": identity.stamp(time.time()),
        "eventSource": "lambda.amazonaws.com",
        "eventName": made.name,
        "awsRegion": region,
        "sourceIPAddress": made.by,
        "userAgent": made.by,
        "requestParameters": made.parameters,
        "responseElements": None,
        "additionalEventData": {"functionVersion": f"{made.function}:{made.version}"},
        "requestID": made.request_id,
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "resources": [{"accountId": account, "type": "AWS::Lambda::Function", "ARN": made.function}],
        "eventType": "AwsApiCall",
        "managementEvent": False,
        "recipientAccountId": account,
        "sharedEventID": str(uuid.uuid4()),
        "eventCategory": "Data",
    }


def injected(value: dict[str, Any]) -> dict[str, Any]:
    """Complete a record that a test injects with the fields that each record has.

    Raises `KeyError` if it lacks `eventSource`, `eventName` or `awsRegion`.
    """
    for name in ("eventSource", "eventName", "awsRegion"):
        if name not in value:
            raise KeyError(name)
    root = f"arn:{PARTITION}:iam::{DEFAULT_ACCOUNT_ID}:root"
    ordinary = {
        "eventVersion": VERSION,
        "userIdentity": {
            "type": "Root",
            "principalId": DEFAULT_ACCOUNT_ID,
            "arn": root,
            "accountId": DEFAULT_ACCOUNT_ID,
        },
        "sourceIPAddress": "127.0.0.1",
        "userAgent": "",
        "requestParameters": None,
        "responseElements": None,
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": DEFAULT_ACCOUNT_ID,
        "eventCategory": "Management",
    }
    # Injecting the same record again makes another event.
    fresh = {"eventTime": identity.stamp(time.time()), "requestID": str(uuid.uuid4()), "eventID": str(uuid.uuid4())}
    return ordinary | fresh | value


def _made(observed: Observed) -> list[dict[str, Any]]:
    record = _of_caller(observed)
    others = {each["accountId"] for each in record.get("resources", ()) if "accountId" in each} - {observed.account}
    if "errorCode" in record or not others:
        return [record]
    # The owner of the resource gets a record with an event id of its own.
    record["sharedEventID"] = str(uuid.uuid4())
    copies = [record | {"recipientAccountId": other, "eventID": str(uuid.uuid4())} for other in sorted(others)]
    return [record, *copies]


def _of_caller(observed: Observed) -> dict[str, Any]:
    call, decoded = observed.call, decode(observed)
    kind = names.data_type(call, observed.head)
    reads = names.read_only(call.service, decoded.operation)
    changed = adjustments.apply(observed, decoded)
    record: dict[str, Any] = {
        "eventVersion": VERSION,
        "userIdentity": identity.user_identity(observed),
        "eventTime": identity.stamp(observed.at),
        "eventSource": names.source(call.service),
        "eventName": names.event_name(call.service, decoded.operation),
        "awsRegion": names.region(call),
        "sourceIPAddress": identity.source(observed),
        "userAgent": identity.agent(observed),
        **_error(decoded),
        "requestParameters": decoded.parameters or None,
        "responseElements": _elements(decoded, reads=reads) or None,
        **changed,
        "requestID": call.request_id,
        "eventID": observed.event_id,
        "readOnly": reads,
    }
    touched = resources.of(observed, decoded)
    if touched:
        record["resources"] = touched
    record["eventType"] = "AwsApiCall"
    if call.service in _API_VERSIONS:
        record["apiVersion"] = _API_VERSIONS[call.service]
    record |= {
        "managementEvent": kind is None,
        "recipientAccountId": observed.account,
        "eventCategory": "Management" if kind is None else "Data",
    }
    if call.service not in _UNDOCUMENTED_TLS and kind is None:
        record["tlsDetails"] = {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": names.host(call),
        }
    return record


def _error(decoded: Decoded) -> dict[str, str]:
    if not decoded.error_code:
        return {}
    # Records contain this code where services answer AccessDeniedException.
    error = {"errorCode": "AccessDenied" if decoded.denied else decoded.error_code}
    if decoded.error_message:
        error["errorMessage"] = decoded.error_message[:_LONGEST_ERROR]
    return error


def _elements(decoded: Decoded, *, reads: bool) -> dict[str, Any]:
    return decoded.elements if not reads or decoded.operation in _WITH_ANSWER else {}
