"""Puts many certificates into the ledger of a deployment in this process's sandbox.

Each is what one that was really issued left in the two tables, under a serial number, a key and a token of its own.
"""

from __future__ import annotations

import secrets
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from chancery_sandbox.terraform import REGION

_FIRST = 1_000_000


def fill(model: dict[str, str], count: int) -> None:
    """Add so many copies of the certificate that this `CertificateInfo` is of."""
    serial = model["SerialNumber"]
    ours = {serial, f"{int(serial):040x}"}
    for table in dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables.values():
        if not {"CommonName", "Key"} & {table.hash_key_attr}:
            continue
        everything = [item.to_json()["Attributes"] for held in table.items.values() for item in held.values()]
        of_model = [item for item in everything if _mentions(item, ours)]
        claims = {item["KeyFingerprint"]["S"] for item in of_model if "KeyFingerprint" in item}
        of_model += [item for item in everything if item.get("Key", {}).get("S", "").removeprefix("key#") in claims]
        for number in range(_FIRST, _FIRST + count):
            renamed = {serial: str(number), f"{int(serial):040x}": f"{number:040x}"}
            for item in of_model:
                table.put_item(_renamed(item, renamed), overwrite=True)


def _mentions(item: dict[str, Any], texts: set[str]) -> bool:
    return any(text in value.get("S", "") for value in item.values() for text in texts)


def _renamed(item: dict[str, Any], texts: dict[str, str]) -> dict[str, Any]:
    renamed = {}
    for name, value in item.items():
        text = value.get("S")
        for old, new in texts.items() if text is not None else ():
            text = text.replace(old, new)
        renamed[name] = value if text is None else {"S": text}
    kind, _, digest = renamed.get("Key", {"S": ""})["S"].partition("#")
    if kind in {"key", "token"} and len(digest) == 64:
        renamed["Key"] = {"S": f"{kind}#{secrets.token_hex(32)}"}
    return renamed
