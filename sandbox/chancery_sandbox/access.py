"""What a role may do: its policies and the policy of a key are asked before a call of one of its sessions is answered.

Only sessions of roles are asked about, which is what functions run as. Whoever comes with other credentials stands for
the account's administrator.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends

from . import principal
from .call import Call
from .policy import Asked, Verdict, evaluate

_PARTS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem",
          "Get": "GetItem"}  # fmt: skip
_S3_ACTIONS = {"HeadObject": "GetObject"}
_FUNCTION = re.compile(r"^/2015-03-31/functions/(?P<name>[^/]+)/(configuration|invocations)$")
_FREE = {"sts:GetCallerIdentity"}


def refusal(call: Call) -> str:
    """Why this call may not be made; empty where it may."""
    who = principal.identity(call.access_key) if call.access_key else {}
    if who.get("type") != "AssumedRole":
        return ""
    documents = _documents(who["accountId"], who["sessionContext"]["sessionIssuer"]["arn"])
    for action, resource, context in _asked(call, who["accountId"]):
        asked = principal.asked(action, resource, **context)
        if action not in _FREE and not _allowed(call, asked, documents):
            return f"User: {who['arn']} is not authorized to perform: {action} on resource: {resource}"
    return ""


def _allowed(call: Call, asked: Asked, documents: list[Any]) -> bool:
    said = {evaluate(document, asked) for document in documents}
    if Verdict.DENIED in said:
        return False
    own = Verdict.ALLOWED in said
    if call.service != "kms" or ":key/" not in asked.resource:
        return own
    document = kms_backends[asked.resource.split(":")[4]][call.region].keys[asked.resource.rsplit("/", 1)[1]].policy
    by_key = evaluate(document, asked)
    # A key that names the account leaves the decision to the role's policies; one that names the role decides itself.
    named = evaluate(document, replace(asked, principals=asked.principals[:2]))
    return by_key is not Verdict.DENIED and (named is Verdict.ALLOWED or (by_key is Verdict.ALLOWED and own))


def _documents(account: str, role_arn: str) -> list[Any]:
    roles = iam_backends[account][principal.PARTITION].roles.values()
    role = next((role for role in roles if role.arn == role_arn), None)
    if role is None:
        return []
    attached = (version for managed in role.managed_policies.values() for version in managed.versions)
    return [*role.policies.values(), *(version.document for version in attached if version.is_default)]


def _asked(call: Call, account: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Action, resource and condition keys: several of them where one call does several things."""
    if call.service == "s3":
        yield _s3(call)
        return
    if call.service == "lambda":
        yield _lambda(call, account)
        return
    value = _json(call.body)
    if call.service == "dynamodb":
        for action, table, part in _dynamodb(call.operation, value):
            arn = table if table.startswith("arn:") else f"arn:aws:dynamodb:{call.region}:{account}:table/{table}"
            yield f"dynamodb:{action}", arn, fine_grained(part, _hash_key(arn))
        return
    context: dict[str, Any] = {}
    resource = "*"
    if call.service == "kms" and "KeyId" in value:
        resource = _key(value["KeyId"], account, call.region)
        context = {
            f"kms:{name}": str(value[name])
            for name in ("SigningAlgorithm", "MessageType", "KeySpec", "MacAlgorithm")
            if value.get(name) is not None
        } | _encryption_context(value)
    elif call.service == "secretsmanager":
        resource = str(value.get("SecretId", "*"))
    elif call.service == "sns":
        resource = urllib.parse.parse_qs(call.body.decode(errors="replace")).get("TopicArn", ["*"])[0]
    yield f"{call.service}:{call.operation}", resource, context


def _encryption_context(value: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-encryption-context."""
    pairs = value.get("EncryptionContext") or {}
    if not isinstance(pairs, dict) or not pairs:
        return {}
    named = {f"kms:EncryptionContext:{name}": str(each) for name, each in pairs.items()}
    return named | {"kms:EncryptionContextKeys": tuple(str(name) for name in pairs)}


def _s3(call: Call) -> tuple[str, str, dict[str, str]]:
    arn = "arn:aws:s3:::" + urllib.parse.unquote(call.path.strip("/"))
    if "/" in call.path.strip("/"):
        return f"s3:{_S3_ACTIONS.get(call.operation, call.operation)}", arn, {}
    return ("s3:ListBucket" if call.operation.startswith(("GET", "HEAD")) else f"s3:{call.operation}"), arn, {}


def _lambda(call: Call, account: str) -> tuple[str, str, dict[str, str]]:
    """The two calls that a caller of functions makes; every other is asked about by its path."""
    named = _FUNCTION.match(urllib.parse.unquote(call.path))
    if named is None:
        return f"lambda:{call.operation}", "*", {}
    arn = f"arn:aws:lambda:{call.region}:{account}:function:{named['name']}"
    actions = {"Invoke": "InvokeFunction", f"GET {call.path}": "GetFunctionConfiguration"}
    return f"lambda:{actions.get(call.operation, call.operation)}", arn, {}


def _dynamodb(operation: str, value: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    if operation in {"TransactWriteItems", "TransactGetItems"}:
        for item in value.get("TransactItems", []):
            for kind, part in item.items():
                yield _PARTS[kind], part["TableName"], part
    elif operation in {"BatchGetItem", "BatchWriteItem"}:
        for table in value.get("RequestItems", {}):
            yield operation, table, {}
    else:
        index = value.get("IndexName")
        yield operation, value.get("TableName", "*") + (f"/index/{index}" if index else ""), value


def _hash_key(arn: str) -> str:
    parts = arn.split(":")
    table = dynamodb_backends[parts[4]][parts[3]].tables.get(parts[5].split("/")[1])
    return str(table.hash_key_attr) if table is not None else ""


_WORD = re.compile(r"(?<![:#\w.])#?[A-Za-z_]\w*(?!\w*\s*\()")
_EXPRESSIONS = ("UpdateExpression", "ConditionExpression", "ProjectionExpression", "FilterExpression")
_KEYWORDS = {"SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "BETWEEN", "IN"}


def fine_grained(part: dict[str, Any], hash_key: str) -> dict[str, str | tuple[str, ...]]:
    """The condition keys of one item's operation: which partition, which top-level attributes, what is answered.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """
    names = part.get("ExpressionAttributeNames") or {}
    written = {**part.get("Item", {}), **part.get("Key", {})}
    attributes = set(written)
    for expression in _EXPRESSIONS:
        words = _WORD.findall(part.get(expression) or "")
        attributes.update(names.get(word, word) for word in words if word.upper() not in _KEYWORDS)
    context: dict[str, str | tuple[str, ...]] = {}
    leading = written.get(hash_key)
    if leading:
        context["dynamodb:LeadingKeys"] = tuple(str(value) for value in leading.values())
    if attributes:
        context["dynamodb:Attributes"] = tuple(sorted(attributes))
    for name in ("ReturnValues", "Select"):
        if part.get(name):
            context[f"dynamodb:{name}"] = part[name]
    return context


def _key(name: str, account: str, region: str) -> str:
    backend = kms_backends[account][region]
    bare = name.rsplit(":", 1)[-1]
    key_id = backend.get_key_id_from_alias(bare) if bare.startswith("alias/") else bare.removeprefix("key/")
    key = backend.keys.get(key_id or "")
    # One that does not exist is for the service to speak of.
    return str(key.arn) if key is not None else "*"


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
