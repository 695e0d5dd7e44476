"""Step Functions as moto has it: its interpreter switched on, and its AWS clients made once each."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.config
from moto.core.config import default_user_config
from moto.core.responses import ActionResult
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.responses import StepFunctionResponse

_TIMEOUT = 900
# moto's grammar knows a percentage by its decimal point alone.
_WHOLE_PERCENTAGE = re.compile(r'"ToleratedFailurePercentage"\s*:\s*\d+(?![\d.])')


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

    parse: Callable[[str], Any] = getattr(AmazonStateLanguageParser.parse, "original", AmazonStateLanguageParser.parse)

    def parse_all(definition: str) -> Any:
        return parse(_WHOLE_PERCENTAGE.sub(r"\g<0>.0", definition))

    parse_all.original = parse  # type: ignore[attr-defined]
    AmazonStateLanguageParser.parse = staticmethod(parse_all)

    def validate_state_machine_definition(self: StepFunctionResponse) -> ActionResult:
        return _validated(self._get_param("definition"))

    StepFunctionResponse.validate_state_machine_definition = validate_state_machine_definition  # type: ignore[attr-defined]

    def list_state_machine_versions(self: StepFunctionResponse) -> ActionResult:
        machine = self.stepfunction_backend.describe_state_machine(self._get_param("stateMachineArn"))
        versions = sorted(machine.versions.values(), key=lambda version: version.version, reverse=True)
        listed = [
            {"stateMachineVersionArn": version.arn, "creationDate": version.creation_date} for version in versions
        ]
        return ActionResult({"stateMachineVersions": listed})

    StepFunctionResponse.list_state_machine_versions = list_state_machine_versions  # type: ignore[attr-defined]

    def client(service_name: str, region_name: str, **_rest: Any) -> Any:
        return made(service_name, region_name)

    # moto makes a client for every task, which costs more than the task itself.
    setattr(boto_client, "boto3", SimpleNamespace(client=client))  # noqa: B010 - a module imported there


def _validated(definition: str) -> ActionResult:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html."""
    try:
        AmazonStateLanguageParser.parse(definition)
    except Exception as error:  # noqa: BLE001 - whatever the parser stumbles over is a fault of the definition
        fault = {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": str(error), "location": "/"}
        return ActionResult({"result": "FAIL", "diagnostics": [fault], "truncated": False})
    return ActionResult({"result": "OK", "diagnostics": [], "truncated": False})
