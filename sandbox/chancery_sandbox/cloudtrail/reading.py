"""What a call asked for and was answered, read with AWS's own descriptions of its services, which botocore carries."""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

from .observed import Observed

_MODELS = {"monitoring": "cloudwatch", "states": "stepfunctions", "tagging": "resourcegroupstaggingapi"}
"""botocore's name of a service, where it is not the signing name."""

_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
_SAYS_HIDDEN = {"sns", "sqs", "stepfunctions"}
"""Services whose records say that something is hidden; those of the others leave it out."""
_ALSO_SECRET = {
    ("sns", "message"), ("sqs", "messageBody"), ("stepfunctions", "definition"), ("stepfunctions", "input"),
    ("kms", "grantTokens"), ("cloudwatch", "metricData"), ("logs", "logEvents"),
}  # fmt: skip


@dataclass
class Reading:
    """A call, read. Names are as records have them: with a small first letter."""

    operation: str
    """As the API names it."""
    parameters: dict[str, Any] = field(default_factory=dict)
    elements: dict[str, Any] = field(default_factory=dict)
    error_code: str = ""
    error_message: str = ""

    @property
    def denied(self) -> bool:
        """Whether it was refused for want of permission."""
        return self.error_code in {"AccessDenied", "AccessDeniedException"}


def read(observed: Observed) -> Reading:
    """Read what can be read; of a request that no service would understand nothing is known but its error."""
    call = observed.call
    reading = Reading(call.operation)
    service = _MODELS.get(call.service, call.service)
    request = Request(_environ(observed))
    try:
        model = get_service_model(service)
        protocol = determine_request_protocol(model, request.content_type)
        operation, uri = get_service_router(service).match(request)
    except (NotFound, NotImplementedError, LookupError, ValueError):
        reading.error_code, reading.error_message = _bare_error(observed)
        return reading
    reading.operation = operation.name
    try:
        reading.parameters = _parameters(request, operation, protocol, uri, call.body)
    except (ValueError, TypeError, KeyError, RequestParserError):
        # The service refused it for the same reason.
        reading.parameters = {}
    answered = create_parser(protocol).parse(
        {"status_code": observed.status, "headers": HeadersDict(observed.headers), "body": observed.answer},
        operation.output_shape,
    )
    if observed.status >= 301:
        error = answered.get("Error", {})
        reading.error_code, reading.error_message = _code(error), str(error.get("Message", ""))
    elif operation.output_shape is not None:
        reading.elements = _shown(service, operation.output_shape, answered)
    return reading


def _environ(observed: Observed) -> dict[str, Any]:
    raw = observed.head.get("REQUEST_URI")
    environ: dict[str, Any] = dict(observed.head)
    environ["wsgi.input"] = io.BytesIO(observed.call.body)
    environ["CONTENT_LENGTH"] = str(len(observed.call.body))
    if raw:
        environ["RAW_URI"] = raw
    return environ


def _parameters(
    request: Request, operation: OperationModel, protocol: str, uri: dict[str, Any], body: bytes
) -> dict[str, Any]:
    if operation.input_shape is None:
        return {}
    parser = PROTOCOL_PARSERS[protocol](operation, blob_parser=lambda value: value)
    parsed = parser.parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": body,
            "url_path": request.path,
            "url_params": uri,
        }
    )
    return _shown(operation.service_model.service_name, operation.input_shape, parsed)


def _shown(service: str, shape: Any, value: dict[str, Any]) -> dict[str, Any]:
    """A structure as records show it: without octets and secrets."""
    shown: dict[str, Any] = {}
    for name, member in shape.members.items():
        if value.get(name) is None:
            continue
        small = lower(name)
        if (service, small) in _ALSO_SECRET or member.metadata.get("sensitive"):
            if service in _SAYS_HIDDEN:
                shown[small] = _HIDDEN
        elif member.type_name != "blob":
            shown[small] = _value(service, member, value[name])
    return shown


def _value(service: str, shape: Any, value: Any) -> Any:
    if shape.type_name == "structure":
        return _shown(service, shape, value)
    if shape.type_name == "list":
        return [_value(service, shape.member, each) for each in value]
    if shape.type_name == "map":
        if shape.value.metadata.get("sensitive"):
            return {}
        return {name: _value(service, shape.value, each) for name, each in value.items()}
    if isinstance(value, dt.datetime):
        return value.strftime("%b %-d, %Y, %-I:%M:%S %p")
    return value


def lower(name: str) -> str:
    """A name of the API as records write it: `KeyId` is `keyId`, and `TrailARN` is `trailARN`."""
    return name[:1].lower() + name[1:]


def _bare_error(observed: Observed) -> tuple[str, str]:
    if observed.status < 400:
        return "", ""
    answered = create_parser("json").parse(
        {"status_code": observed.status, "headers": HeadersDict(observed.headers), "body": observed.answer}, None
    )
    error = answered.get("Error", {})
    return _code(error), str(error.get("Message", ""))


def _code(error: dict[str, Any]) -> str:
    return str(error.get("Code", "")).rsplit("#", 1)[-1]
