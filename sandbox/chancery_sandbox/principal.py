"""Who an access key belongs to: a role that a function or a person took on, a user, or the account itself."""

from __future__ import annotations

from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from .call import CURRENT
from .functions import credentials
from .policy import Asked

PARTITION = "aws"


def account_of(access_key: str) -> str:
    """The account that an access key belongs to; keys that nobody made belong to the default account."""
    for account, partitions in list(sts_backends.items()):
        if partitions[PARTITION].get_assumed_role_from_access_key(access_key):
            return str(account)
    return str(DEFAULT_ACCOUNT_ID)


def identity(access_key: str) -> dict[str, Any]:
    """Describe the caller as CloudTrail's `userIdentity` does."""
    for account, partitions in list(sts_backends.items()):
        role = partitions[PARTITION].get_assumed_role_from_access_key(access_key)
        if role is not None:
            return {
                "type": "AssumedRole",
                "principalId": role.user_id,
                "arn": role.arn,
                "accountId": account,
                "accessKeyId": access_key,
                "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role.role_arn, "accountId": account}},
            }
    for account, backends in list(iam_backends.items()):
        for user in list(backends[PARTITION].users.values()):
            if any(key.access_key_id == access_key for key in user.access_keys):
                return {
                    "type": "IAMUser",
                    "principalId": user.id,
                    "arn": user.arn,
                    "accountId": account,
                    "accessKeyId": access_key,
                    "userName": user.name,
                }
    return {
        "type": "Root",
        "principalId": DEFAULT_ACCOUNT_ID,
        "arn": f"arn:{PARTITION}:iam::{DEFAULT_ACCOUNT_ID}:root",
        "accountId": DEFAULT_ACCOUNT_ID,
        "accessKeyId": access_key,
    }


def asked(action: str, resource: str, **more: str | tuple[str, ...]) -> Asked:
    """The question that the call being answered puts to a policy; further condition keys may be given.

    There is no VPC here, so `aws:SourceVpce` is in no call; nor is any session one with a second factor.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    call = CURRENT.get(None)
    who = identity(call.access_key if call else "")
    issuer = who.get("sessionContext", {}).get("sessionIssuer", {}).get("arn")
    account = who["accountId"]
    names = (who["arn"], issuer or who["arn"], f"arn:{PARTITION}:iam::{account}:root", account)
    context = {
        "aws:securetransport": "true",
        "s3:tlsversion": "1.3",
        "aws:principalarn": issuer or who["arn"],
        "aws:principalaccount": account,
        "aws:principaltype": who["type"],
        "aws:principalisawsservice": "false",
        "aws:userid": who["principalId"],
    }
    function = credentials.issued_to(call.access_key) if call else None
    if function is not None:
        # A property of the session, which goes with its credentials wherever they are carried.
        # https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
        context["lambda:sourcefunctionarn"] = function.function
    return Asked(action, resource, names, context | {name.lower(): value for name, value in more.items()})
