"""Step Functions as moto has it: its interpreter switched on, and its AWS clients made once each."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.config
from moto.core.config import default_user_config
from moto.stepfunctions.parser.asl.utils import boto_client

_TIMEOUT = 900


def mend(endpoint: str) -> None:
    """Interpret state machines; their tasks call this sandbox."""
    default_user_config["stepfunctions"] = {"execute_state_machine": True}

    @functools.lru_cache(maxsize=64)
    def made(service: str, region: str) -> Any:
        return boto3.session.Session().client(
            service,
            region_name=region,
            endpoint_url=endpoint,
            aws_access_key_id="states",
            aws_secret_access_key="states",  # noqa: S106 - nobody checks it
            config=botocore.config.Config(
                parameter_validation=False,
                retries={"total_max_attempts": 1},
                connect_timeout=_TIMEOUT,
                read_timeout=_TIMEOUT,
                max_pool_connections=256,
                s3={"addressing_style": "path"},
            ),
        )

    def client(service_name: str, region_name: str, **_rest: Any) -> Any:
        return made(service_name, region_name)

    # moto makes a client for every task, which costs more than the task itself.
    setattr(boto_client, "boto3", SimpleNamespace(client=client))  # noqa: B010 - a module imported there
