"""What tables and buckets hold, to look at and to put back: how a test begins anew where making all of it anew is slow.

Nobody may be at work on them meanwhile.
"""

from __future__ import annotations

import base64
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.s3.models import FakeKey, S3Backend, s3_backends

from .principal import PARTITION

Attributes = dict[str, Any]


def look(value: dict[str, Any]) -> dict[str, Any]:
    """The items of `tables` of that `region` and the objects of `buckets`, by name; octets are in base64."""
    return {
        "tables": {name: _items(_table(value["region"], name)) for name in value["tables"]},
        "buckets": {
            bucket: {name: base64.b64encode(key.value).decode() for name, key in _objects(bucket).items()}
            for bucket in value["buckets"]
        },
    }


def put_back(value: dict[str, Any]) -> None:
    """Let tables and buckets hold what [`look`] said, and nothing else."""
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


def _s3() -> S3Backend:
    backend: S3Backend = s3_backends[DEFAULT_ACCOUNT_ID][PARTITION]
    return backend


def _objects(bucket: str) -> dict[str, FakeKey]:
    # Where an object was deleted there is a marker, which is none.
    return {name: key for name, key in _s3().get_bucket(bucket).keys.items() if isinstance(key, FakeKey)}
