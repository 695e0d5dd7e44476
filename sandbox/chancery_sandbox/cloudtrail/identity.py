"""`userIdentity`, `sourceIPAddress` and `userAgent` of a record: who called, with what, and from where.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from moto.sts.models import sts_backends

from chancery_sandbox.functions import credentials
from chancery_sandbox.principal import PARTITION

from .observed import Observed

STATES = "states"
"""The access key of calls by state machines."""
ROLE_HEADER = "HTTP_X_SANDBOX_ROLE"
"""The request header that names the role of the state machine that calls."""

_LONGEST_AGENT = 1024
_RUNTIME = "exec-env/AWS_Lambda_"
"""Part of the user agent of SDKs inside a function."""


def user_identity(observed: Observed) -> dict[str, Any]:
    """The `userIdentity` of the caller."""
    call, who = observed.call, observed.identity
    if call.access_key == STATES:
        return _of_state_machine(observed)
    if who["type"] != "AssumedRole":
        return who
    issuer = who["sessionContext"]["sessionIssuer"]
    identity = who | {
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": who["principalId"].split(":")[0],
                "arn": issuer["arn"],
                "accountId": issuer["accountId"],
                "userName": issuer["arn"].rsplit("/", 1)[1],
            },
            "attributes": {"creationDate": _creation(call.access_key, observed), "mfaAuthenticated": "false"},
        }
    }
    function = credentials.issued_to(call.access_key)
    if function is not None:
        identity["inScopeOf"] = {
            "issuerType": "AWS::Lambda::Function",
            "credentialsIssuedTo": function.function,
            "credentialsIssuedToVersion": f"{function.function}:{function.version}",
        }
    return identity


def by_service(name: str) -> dict[str, Any]:
    """The `userIdentity` of a call by an AWS service itself."""
    return {"type": "AWSService", "invokedBy": name}


def source(observed: Observed) -> str:
    """Where the call came from.

    All callers are on one machine. A caller can state its address in `X-Sandbox-Source-Address`. Otherwise a call with
    a function's credentials and the user agent of an SDK inside Lambda has an address of its own for each function.
    """
    said = observed.head.get("HTTP_X_SANDBOX_SOURCE_ADDRESS")
    if said:
        return said
    if observed.call.access_key == STATES:
        return "states.amazonaws.com"
    function = credentials.issued_to(observed.call.access_key)
    if function is not None and _RUNTIME in agent(observed):
        # RFC 5737 reserves this block for documentation.
        return f"203.0.113.{hashlib.sha256(function.function.encode()).digest()[0]}"
    return observed.head.get("REMOTE_ADDR", "127.0.0.1")


def agent(observed: Observed) -> str:
    """The user agent as the caller sent it, cut at 1 KB."""
    if observed.call.access_key == STATES:
        return "states.amazonaws.com"
    return observed.head.get("HTTP_USER_AGENT", "")[:_LONGEST_AGENT]


def user_name(record: dict[str, Any]) -> str:
    """The `Username` of `LookupEvents`: the user, the session of a role, or `root`."""
    who = record["userIdentity"]
    if who["type"] == "IAMUser":
        return str(who["userName"])
    if who["type"] == "AssumedRole":
        return str(who["arn"].rsplit("/", 1)[1])
    return "root" if who["type"] == "Root" else str(who.get("invokedBy", "")).split(".")[0]


def stamp(seconds: float) -> str:
    """A time in the format of records, in whole seconds."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _creation(access_key: str, observed: Observed) -> str:
    for partitions in list(sts_backends.values()):
        session = partitions[PARTITION].get_assumed_role_from_access_key(access_key)
        if session is not None:
            return str(session.access_key.create_date.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return stamp(observed.at)


def _of_state_machine(observed: Observed) -> dict[str, Any]:
    account = observed.account
    role = observed.head.get(ROLE_HEADER) or f"arn:{PARTITION}:iam::{account}:role/states"
    # The session name is the same for each call with a role: executions are not distinguished.
    session = hashlib.sha256(role.encode()).hexdigest()[:32]
    role_id, name = f"AROA{session[:17].upper()}", role.rsplit("/", 1)[1]
    return {
        "type": "AssumedRole",
        "principalId": f"{role_id}:{session}",
        "arn": f"arn:{PARTITION}:sts::{account}:assumed-role/{name}/{session}",
        "accountId": account,
        "accessKeyId": f"ASIA{session[:16].upper()}",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role_id,
                "arn": role,
                "accountId": account,
                "userName": name,
            },
            "attributes": {"creationDate": stamp(observed.at), "mfaAuthenticated": "false"},
        },
        "invokedBy": "states.amazonaws.com",
    }
