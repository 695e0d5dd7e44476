"""What a role may do: its policies and that of a key, table or bucket are asked before its session's call is answered.

Only sessions of roles are asked about, which is what functions run as. Whoever comes with other credentials stands for
the account's administrator.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import html
import json
import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.s3.models import s3_backends

from . import principal
from .call import Call
from .policy import Asked, Verdict, evaluate

_PARTS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem",
          "Get": "GetItem"}  # fmt: skip
_S3_ACTIONS = {"HeadObject": "GetObject"}
_SUBRESOURCES = {"policy": "BucketPolicy", "lifecycle": "LifecycleConfiguration", "versioning": "BucketVersioning",
                 "replication": "ReplicationConfiguration"}  # fmt: skip
_FUNCTION = re.compile(
    r"^/2015-03-31/functions/(arn:[^/]*:function:)?(?P<name>[^/:]+)(:(?P<qualifier>[^/]+))?/(configuration|invocations)$"
)
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
    by_resource = _by_resource(call, asked)
    if Verdict.DENIED in {by_resource, *said}:
        return False
    # What the resource's own policy lets a role of the same account do, it may do.
    own = Verdict.ALLOWED in {by_resource, *said}
    if call.service != "kms" or ":key/" not in asked.resource:
        return own
    document = kms_backends[asked.resource.split(":")[4]][call.region].keys[asked.resource.rsplit("/", 1)[1]].policy
    by_key = evaluate(document, asked)
    # A key that names the account leaves the decision to the role's policies; one that names the role decides itself.
    named = evaluate(document, replace(asked, principals=asked.principals[:2]))
    return by_key is not Verdict.DENIED and (named is Verdict.ALLOWED or (by_key is Verdict.ALLOWED and own))


def _by_resource(call: Call, asked: Asked) -> Verdict:
    """What a table's or a bucket's policy says. Keys have rules of their own, and of functions this asks nothing."""
    name = asked.resource.split(":", 5)[-1]
    if call.service == "dynamodb" and name.startswith("table/"):
        account, arn = asked.resource.split(":")[4], ":".join(asked.resource.split(":")[:5])
        # An index has the policy of its table.
        policy = dynamodb_backends[account][call.region].resource_policies.get(f"{arn}:{'/'.join(name.split('/')[:2])}")
        return evaluate(policy.policy_doc, asked) if policy is not None else Verdict.SILENT
    if call.service == "s3":
        bucket = s3_backends[principal.account_of(call.access_key)][principal.PARTITION].buckets.get(name.split("/")[0])
        if bucket is not None and bucket.policy is not None:
            return evaluate(bucket.policy.decode(), asked)
    return Verdict.SILENT


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
        yield from _s3(call)
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


def _s3(call: Call) -> Iterator[tuple[str, str, dict[str, str]]]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html."""
    name = urllib.parse.unquote(call.path.strip("/"))
    arn, method = f"arn:aws:s3:::{name}", call.operation.split(" ", maxsplit=1)[0]
    query = set(urllib.parse.parse_qs(call.query, keep_blank_values=True))
    if "/" in name:
        yield f"s3:{_object_action(call.operation, method, query)}", arn, {}
    elif method == "POST" and "delete" in query:
        for key in re.findall(rb"<Key>([^<]*)</Key>", call.body):
            yield "s3:DeleteObject", f"{arn}/{html.unescape(key.decode(errors='replace'))}", {}
    elif method in {"PUT", "DELETE"} and (named := [_SUBRESOURCES[each] for each in query if each in _SUBRESOURCES]):
        # That a policy is deleted has an action of its own; that anything else is, is a change of it.
        yield f"s3:{'Delete' if (method, named[0]) == ('DELETE', 'BucketPolicy') else 'Put'}{named[0]}", arn, {}
    else:
        yield ("s3:ListBucket" if method in {"GET", "HEAD"} else f"s3:{call.operation}"), arn, {}


def _object_action(operation: str, method: str, query: set[str]) -> str:
    if method in {"POST", "PUT"} and query & {"uploads", "uploadId"}:
        return "PutObject"
    if operation == "DeleteObject" and "versionId" in query:
        return "DeleteObjectVersion"
    return _S3_ACTIONS.get(operation, operation)


def _lambda(call: Call, account: str) -> tuple[str, str, dict[str, str]]:
    """The two calls that a caller of functions makes; every other is asked about by its path."""
    named = _FUNCTION.match(urllib.parse.unquote(call.path))
    if named is None:
        return f"lambda:{call.operation}", "*", {}
    qualifier = named["qualifier"] or "".join(urllib.parse.parse_qs(call.query).get("Qualifier", []))
    arn = f"arn:aws:lambda:{call.region}:{account}:function:{named['name']}" + (f":{qualifier}" if qualifier else "")
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
    elif operation in {"ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"}:
        for each in value.get("TransactStatements") or value.get("Statements") or [value]:
            yield _partiql(str(each.get("Statement", "")))
    else:
        index = value.get("IndexName")
        yield operation, value.get("TableName", "*") + (f"/index/{index}" if index else ""), value


_STATEMENT = re.compile(
    r'^\s*(?P<verb>select|insert|update|delete)\b(.*?\bfrom\b|\s+into\b)?\s*"?(?P<table>[\w.-]+)"?',
    re.IGNORECASE | re.DOTALL,
)


def _partiql(statement: str) -> tuple[str, str, dict[str, Any]]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html."""
    read = _STATEMENT.match(statement)
    return (f"PartiQL{read['verb'].title()}", read["table"], {}) if read else ("PartiQLUpdate", "*", {})


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
