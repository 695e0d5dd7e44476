"""A sandbox with a deployment of the Terraform module in it, whose functions are the release's zip."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.config

from chancery_sandbox.server import Options, Server
from chancery_sandbox.terraform import REGION, Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE = Path(__file__).resolve().parents[2] / "terraform"
PROJECT = "bench"


@dataclass(frozen=True)
class World:
    """Where everything is."""

    endpoint: str
    outputs: dict[str, Any]
    """The module's."""

    def client(self, service: str) -> Any:
        """A client of the account's administrator."""
        config = botocore.config.Config(
            s3={"addressing_style": "path"}, retries={"max_attempts": 0}, read_timeout=600, max_pool_connections=80
        )
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
            aws_secret_access_key="secret",  # noqa: S106 - nobody checks it
            config=config,
        )

    def ask(self, method: str, path: str, value: Any = None) -> Any:
        """Ask the sandbox itself."""
        body = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(f"{self.endpoint}/_sandbox/{path}", body, method=method)  # noqa: S310 - it is ours
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.loads(answer.read())


@contextmanager
def deployed(zipped: Path, folder: Path, **more: Any) -> Iterator[World]:
    """Apply the module, with these and further inputs, and end everything afterwards."""
    # A server in this process, so that a ledger of 100,000 certificates can be put where it keeps its tables.
    server = Server(Options(host="127.0.0.1", port=0, trail=None, python=Path(sys.executable)))
    server.start()
    try:
        inputs = {"project": PROJECT, "lambda_zip": str(zipped), "bucket_suffix": "abcde"} | more
        stack = Stack(folder, server.endpoint, MODULE, inputs)
        stack.write()
        stack.init()
        yield World(server.endpoint, stack.apply())
    finally:
        server.stop()


def own_program(function: str) -> int:
    """The process id of a function that this process runs."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            parent = int((folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            environment = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if parent == os.getpid() and f"AWS_LAMBDA_FUNCTION_NAME={function}".encode() in environment:
            return int(folder.name)
    raise LookupError(f"no process of {function}")
