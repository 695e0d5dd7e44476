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
"""The access key that state machines call with."""
ROLE_HEADER = "HTTP_X_SANDBOX_ROLE"
"""In which a state machine says as which role it calls."""

_LONGEST_AGENT = 1024
_RUNTIME = "exec-env/AWS_Lambda_"
"""What SDKs put into their user agent inside a function."""


def user_identity(observed: Observed) -> dict[str, Any]:
    """Who called."""
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
    """A call that a service of AWS makes by itself."""
    return {"type": "AWSService", "invokedBy": name}


def source(observed: Observed) -> str:
    """Where the call came from.

    Everybody here is on one machine. Functions have an address of their own, which is told by the user agent that SDKs
    have within Lambda; a caller that says where he is, in `X-Sandbox-Source-Address`, is believed.
    """
    said = observed.head.get("HTTP_X_SANDBOX_SOURCE_ADDRESS")
    if said:
        return said
    if observed.call.access_key == STATES:
        return "states.amazonaws.com"
    function = credentials.issued_to(observed.call.access_key)
    if function is not None and _RUNTIME in agent(observed):
        # An address of those that RFC 5737 keeps for documentation.
        return f"203.0.113.{hashlib.sha256(function.function.encode()).digest()[0]}"
    return observed.head.get("REMOTE_ADDR", "127.0.0.1")


def agent(observed: Observed) -> str:
    """The user agent as the caller sent it; long ones are cut."""
    if observed.call.access_key == STATES:
        return "states.amazonaws.com"
    return observed.head.get("HTTP_USER_AGENT", "")[:_LONGEST_AGENT]


def user_name(record: dict[str, Any]) -> str:
    """What `LookupEvents` calls the caller: the user, the role's session, or `root`."""
    who = record["userIdentity"]
    if who["type"] == "IAMUser":
        return str(who["userName"])
    if who["type"] == "AssumedRole":
        return str(who["arn"].rsplit("/", 1)[1])
    return "root" if who["type"] == "Root" else str(who.get("invokedBy", "")).split(".")[0]


def stamp(seconds: float) -> str:
    """A moment as records write it: in whole seconds."""
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
    # A name that is the same for each call of the role: executions are not told apart.
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
