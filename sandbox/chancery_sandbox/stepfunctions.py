"""Step Functions as moto has it: its interpreter switched on, and mended where it differs from AWS.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
"""

from __future__ import annotations

import functools
import inspect
import re
import time
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import boto3
import botocore.config
from moto.core.config import default_user_config
from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult
from moto.stepfunctions.parser.api import ExecutionFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.distributed_iteration_component import (
    DistributedIterationComponent,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from .cloudtrail.identity import STATES

_TIMEOUT = 900
_AT_ONCE = 16
"""Items of a map in the works at most, whatever it asks for: more threads would only be in one another's way here."""
# moto's grammar knows a percentage by its decimal point alone.
_WHOLE_PERCENTAGE = re.compile(r'"ToleratedFailurePercentage"\s*:\s*\d+(?![\d.])')


class InvalidDefinitionError(AWSError):
    """The definition is none."""

    TYPE = "InvalidDefinition"
    STATUS = 400


def mend(endpoint: str, patience: float) -> None:
    """Interpret state machines; tasks call this sandbox, and retries wait that share of what is asked for."""
    _count_failures()
    _refuse_definitions()
    _name_executions()
    pace = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * patience))
    setattr(retrier_decl, "time", pace)  # noqa: B010 - a module imported there
    default_user_config["stepfunctions"] = {"execute_state_machine": True}

    @functools.lru_cache(maxsize=64)
    def made(service: str, region: str, role: str) -> Any:
        made = boto3.session.Session().client(
            service,
            region_name=region,
            endpoint_url=endpoint,
            aws_access_key_id=STATES,
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

        def say_role(request: Any, **_rest: Any) -> None:
            request.headers["X-Sandbox-Role"] = role

        if role:
            made.meta.events.register("before-send", say_role)
        return made

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
        # moto knows the state machine's role, and does not hand it on.
        caller = inspect.currentframe()
        told = caller.f_back.f_locals.get("state_credentials") if caller and caller.f_back else None
        return made(service_name, region_name, str(getattr(told, "role_arn", "")))

    # moto makes a client for every task, which costs more than the task itself.
    setattr(boto_client, "boto3", SimpleNamespace(client=client))  # noqa: B010 - a module imported there


def _count_failures() -> None:
    """Let a distributed map fail when more of its items failed than it tolerates; moto never does.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
    """
    run: Callable[..., None] = getattr(
        DistributedIterationComponent._map_run,  # noqa: SLF001 - the one place between the items and the map's result
        "original",
        DistributedIterationComponent._map_run,  # noqa: SLF001
    )

    def map_run(self: Any, env: Any, eval_input: Any) -> None:
        record = eval_input.map_run_record
        total = len(env.stack[-1])
        asked, record.max_concurrency = record.max_concurrency, min(record.max_concurrency or _AT_ONCE, _AT_ONCE, total)
        run(self, env, eval_input)
        record.max_concurrency = asked
        failed = record.item_counter.failed.get() + record.item_counter.timed_out.get()
        if failed and _too_many(failed, total, eval_input):
            kind = StatesErrorNameType.StatesExceedToleratedFailureThreshold
            details = ExecutionFailedEventDetails(
                error=kind.to_name(), cause="The specified tolerated failure threshold was exceeded"
            )
            raise FailureEventException(
                FailureEvent(
                    env=env,
                    error_name=StatesErrorName(typ=kind),
                    event_type=HistoryEventType.MapRunFailed,
                    event_details=cast(EventDetails, {"executionFailedEventDetails": details}),
                )
            )

    map_run.original = run  # type: ignore[attr-defined]
    DistributedIterationComponent._map_run = map_run  # noqa: SLF001


def _too_many(failed: int, total: int, eval_input: Any) -> bool:
    count, percentage = eval_input.tolerated_failure_count, eval_input.tolerated_failure_percentage
    if not count and not percentage:
        return True
    return bool((count and failed > count) or (percentage and failed * 100 / total > percentage))


def _refuse_definitions() -> None:
    """Answer with AWS's error; moto's own has no name on the wire."""

    def check(definition: str) -> None:
        try:
            AmazonStateLanguageParser.parse(definition)
        except Exception as error:
            raise InvalidDefinitionError(f"Invalid State Machine Definition: '{error}'") from error

    StepFunctionsParserBackend._validate_definition = staticmethod(check)  # noqa: SLF001


def _name_executions() -> None:
    """Give a name to executions that are started without one; to moto they would all be the same."""
    start: Callable[..., Any] = getattr(
        StepFunctionsParserBackend.start_execution, "original", StepFunctionsParserBackend.start_execution
    )

    def start_execution(self: Any, arn: str, name: str | None = None, *rest: Any, **named: Any) -> Any:
        return start(self, arn, name or str(uuid.uuid4()), *rest, **named)

    start_execution.original = start  # type: ignore[attr-defined]
    StepFunctionsParserBackend.start_execution = start_execution


def _validated(definition: str) -> ActionResult:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html."""
    try:
        AmazonStateLanguageParser.parse(definition)
    except Exception as error:  # noqa: BLE001 - whatever the parser stumbles over is a fault of the definition
        fault = {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": str(error), "location": "/"}
        return ActionResult({"result": "FAIL", "diagnostics": [fault], "truncated": False})
    return ActionResult({"result": "OK", "diagnostics": [], "truncated": False})
