"""What tables, buckets and keys hold, to look at and to put back.

So a test begins anew where making all of it anew is slow, and so a deployment is kept in a file. Nobody may be at work
on them meanwhile.
"""

from __future__ import annotations

import base64
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.kms.models import Key, KmsBackend, kms_backends
from moto.s3.models import FakeKey, S3Backend, s3_backends

from .kms import keys
from .principal import PARTITION

Attributes = dict[str, Any]


def look(value: dict[str, Any]) -> dict[str, Any]:
    """The items of `tables` of that `region`, the objects of `buckets`, and the `keys` of those aliases, by name.

    Octets are in base64.
    """
    region = value["region"]
    return {
        "region": region,
        "tables": {name: _items(_table(region, name)) for name in value["tables"]},
        "buckets": {
            bucket: {name: base64.b64encode(key.value).decode() for name, key in _objects(bucket).items()}
            for bucket in value["buckets"]
        },
        "keys": {alias: _secret(_key(region, alias)) for alias in value.get("keys", [])},
    }


def put_back(value: dict[str, Any]) -> None:
    """Let tables and buckets hold what [`look`] said, and nothing else; give aliases keys that are the same octets."""
    for alias, secret in value.get("keys", {}).items():
        _set_secret(value["region"], alias, secret)
    for name, items in value["tables"].items():
        table = _table(value["region"], name)
        table.items.clear()
        for item in items:
            table.put_item(item, overwrite=True)
    for bucket, objects in value["buckets"].items():
        wanted = {name: base64.b64decode(content) for name, content in objects.items()}
        held = {name: key.value for name, key in _objects(bucket).items()}
        for name, content in wanted.items():
            # An object that is as it was keeps its version.
            if held.get(name) != content:
                _s3().put_object(bucket, name, content)
        for name in held.keys() - wanted.keys():
            _s3().delete_object(bucket, name)


def _table(region: str, name: str) -> Table:
    table: Table = dynamodb_backends[DEFAULT_ACCOUNT_ID][region].get_table(name)
    return table


def _items(table: Table) -> list[Attributes]:
    held: list[Any] = list(table.items.values())
    items = held if table.range_key_attr is None else [item for partition in held for item in partition.values()]
    return [{name: _plain(value) for name, value in item.attrs.items()} for item in items]


def _plain(value: DynamoType) -> dict[str, Any]:
    told: dict[str, Any] = value.to_json() if value.is_binary() else value.to_regular_json()
    return told


def _kms(region: str) -> KmsBackend:
    backend: KmsBackend = kms_backends[DEFAULT_ACCOUNT_ID][region]
    return backend


def _key(region: str, alias: str) -> Key:
    key_id = _kms(region).get_key_id_from_alias(alias)
    if key_id is None:
        raise ValueError(f"no key has the alias {alias}")
    key: Key = _kms(region).keys[key_id]
    return key


def _secret(key: Key) -> dict[str, str]:
    pair: Any = key.private_key
    octets = keys.private_bytes(pair.private) if isinstance(pair, keys.KeyPair) else key.key_material
    return {"spec": key.key_spec, "usage": key.key_usage, "octets": base64.b64encode(octets).decode()}


def _set_secret(region: str, alias: str, secret: dict[str, str]) -> None:
    kms = _kms(region)
    if kms.get_key_id_from_alias(alias) is None:
        made = kms.create_key(None, secret["usage"], secret["spec"], "", None)
        kms.create_alias(made.id, alias)
    key, octets = _key(region, alias), base64.b64decode(secret["octets"])
    if key.key_spec in keys.SIGNING_SPECS:
        pair: Any = keys.KeyPair(key.key_spec, octets)
        key.private_key = pair
    else:
        key.key_material = octets


def _s3() -> S3Backend:
    backend: S3Backend = s3_backends[DEFAULT_ACCOUNT_ID][PARTITION]
    return backend


def _objects(bucket: str) -> dict[str, FakeKey]:
    # Where an object was deleted there is a marker, which is none.
    return {name: key for name, key in _s3().get_bucket(bucket).keys.items() if isinstance(key, FakeKey)}
