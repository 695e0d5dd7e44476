"""A deployed authority as those see it who run and use it: its functions, its state machine, its files and its rows."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.config

from . import terraform

_RUN_LIMIT = 900.0
"""Seconds after which a run of the state machine is given up, unless another limit is named."""


class FunctionFailedError(Exception):
    """A function failed; `error` is what Lambda told of it."""

    def __init__(self, function: str, error: dict[str, Any]) -> None:
        super().__init__(f"{function}: {error.get('errorType')}: {error.get('errorMessage')}")
        self.error = error


@dataclass(frozen=True)
class Run:
    """What came of a run of the state machine."""

    status: str
    error: str
    """Empty where it succeeded."""
    failed: Mapping[str, Any]
    """What the state machine kept of each step that failed, by the name it keeps it under, e.g. `RootCaCrlError`."""
    seconds: float


@dataclass(frozen=True)
class Authority:
    """One deployment of the module."""

    endpoint: str
    outputs: Mapping[str, Any]
    """The module's own."""
    clients: dict[str, Any] = field(default_factory=dict, repr=False)

    def client(self, service: str) -> Any:
        """A client of that service, as the account's administrator."""
        if service not in self.clients:
            self.clients[service] = client(self.endpoint, service)
        return self.clients[service]

    def function(self, name: str) -> str:
        """The whole name of a function, e.g. that of `tls-cert`."""
        return str(self.outputs["function_arns"][name].rsplit(":", 1)[1])

    @functools.cached_property
    def root_ca_name(self) -> str:
        """The root CA's name."""
        return _stem(self.outputs["root_ca_cert_s3_location"])

    @functools.cached_property
    def issuing_ca_name(self) -> str:
        """The issuing CA's name."""
        return _stem(self.outputs["issuing_ca_cert_s3_location"])

    def invoke(self, name: str, event: Any = None) -> Any:
        """The function's answer; raises `FunctionFailedError` where there is none."""
        said = self.client("lambda").invoke(FunctionName=self.function(name), Payload=json.dumps(event or {}))
        value = json.loads(said["Payload"].read() or b"null")
        if "FunctionError" in said:
            raise FunctionFailedError(self.function(name), value)
        return value

    def run(self, limit: float = _RUN_LIMIT) -> Run:
        """Run the state machine to its end; raises `TimeoutError` after `limit` seconds."""
        states = self.client("stepfunctions")
        began = time.monotonic()
        execution = states.start_execution(stateMachineArn=self.outputs["state_machine_arn"])["executionArn"]
        while (said := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
            if time.monotonic() - began > limit:
                raise TimeoutError(f"{execution} is still running after {limit:.0f} seconds")
            time.sleep(0.1)
        failed: dict[str, Any] = {}
        if said["status"] != "SUCCEEDED":
            pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
            history = [event for page in pages for event in page["events"]]
            entered = next(event for event in reversed(history) if "stateEnteredEventDetails" in event)
            kept = json.loads(entered["stateEnteredEventDetails"]["input"])
            failed = {name: value for name, value in kept.items() if name.endswith("Error") or value.get("Failed")}
        return Run(said["status"], said.get("error", ""), failed, time.monotonic() - began)

    def published(self, key: str) -> bytes:
        """A file of the external bucket."""
        bucket = self.outputs["external_s3_bucket_name"]
        body: bytes = self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def put_internal(self, key: str, content: bytes) -> None:
        """Write a file of the internal bucket, as Terraform does with the lists."""
        self.client("s3").put_object(Bucket=self.outputs["internal_s3_bucket_name"], Key=key, Body=content)

    def rows(self, table: str = "certificate_table_name") -> list[dict[str, Any]]:
        """All rows of a table, in DynamoDB's own words."""
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.outputs[table])
        return [row for page in pages for row in page["Items"]]

    def log(self, name: str) -> list[str]:
        """The lines that a function has logged."""
        group = f"/aws/lambda/{self.function(name)}"
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]


def client(endpoint: str, service: str) -> Any:
    """A client of the sandbox's account."""
    return boto3.client(
        service,
        region_name=terraform.REGION,
        endpoint_url=endpoint,
        aws_access_key_id=terraform.ACCESS_KEY,
        aws_secret_access_key=terraform.SECRET_KEY,
        config=botocore.config.Config(
            s3={"addressing_style": "path"}, retries={"max_attempts": 0}, read_timeout=900, max_pool_connections=80
        ),
    )


def _stem(location: str) -> str:
    return location.rsplit("/", 1)[1].rsplit(".", 1)[0]
