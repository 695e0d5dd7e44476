"""Decodes requests and answers with AWS's service models, which botocore contains."""

from __future__ import annotations

import datetime as dt
import functools
import io
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import HeadersDict
from botocore.exceptions import BotoCoreError
from botocore.model import OperationNotFoundError
from botocore.parsers import create_parser
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

from .observed import Observed

_MODELS = {"monitoring": "cloudwatch", "states": "stepfunctions", "tagging": "resourcegroupstaggingapi"}
"""botocore's name of a service, if it differs from the signing name."""

_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
_SAYS_HIDDEN = {"sns", "sqs", "stepfunctions"}
"""Services whose records contain a placeholder for secrets; other records leave them out."""
_ALSO_SECRET = {
    ("sns", "message"), ("sqs", "messageBody"), ("stepfunctions", "definition"), ("stepfunctions", "input"),
    ("kms", "grantTokens"), ("cloudwatch", "metricData"), ("logs", "logEvents"),
}  # fmt: skip


@dataclass
class Decoded:
    """A decoded call. Names are those of records: they begin with a lower-case letter."""

    operation: str
    """The name in the API."""
    parameters: dict[str, Any] = field(default_factory=dict)
    elements: dict[str, Any] = field(default_factory=dict)
    error_code: str = ""
    error_message: str = ""

    @property
    def denied(self) -> bool:
        """Whether the call was denied."""
        return self.error_code in {"AccessDenied", "AccessDeniedException"}


def decode(observed: Observed) -> Decoded:
    """Decode a call; of a request that matches no operation, only the error is known."""
    decoded = Decoded(observed.call.operation)
    service = _MODELS.get(observed.call.service, observed.call.service)
    try:
        asked = _asked(observed, service)
    except (NotFound, NotImplementedError, LookupError, ValueError, BotoCoreError, OperationNotFoundError):
        # botocore knows no such service or operation.
        decoded.error_code, decoded.error_message = _error(_answered(observed, "json", None))
        return decoded
    decoded.operation = asked.operation.name
    try:
        decoded.parameters = _parameters(asked)
    except (ValueError, TypeError, KeyError, AttributeError, RequestParserError):
        # The service rejected the malformed request, too.
        decoded.parameters = {}
    answered = _answered(observed, asked.protocol, asked.operation.output_shape)
    if observed.status >= 301:
        decoded.error_code, decoded.error_message = _error(answered)
    elif asked.operation.output_shape is not None:
        decoded.elements = _shown(service, asked.operation.output_shape, answered)
    return decoded


@dataclass
class _Asked:
    """A request whose operation is known."""

    operation: OperationModel
    protocol: str
    request: Any
    """The input of moto's parsers."""


def _asked(observed: Observed, service: str) -> _Asked:
    model = get_service_model(service)
    target = observed.head.get("HTTP_X_AMZ_TARGET")
    if target and observed.head.get("CONTENT_TYPE", "").startswith("application/x-amz-json"):
        # The header names the operation and the body has the parameters: no routing is needed.
        operation: Any = model.operation_model(target.rsplit(".", 1)[-1])
        return _Asked(operation, "json", {"body": observed.call.body})
    request = Request(_environ(observed))
    protocol = determine_request_protocol(model, request.content_type)
    operation, uri = get_service_router(service).match(request)
    told = {
        "method": request.method,
        "values": request.values,
        "headers": request.headers,
        "body": observed.call.body,
        "url_path": request.path,
        "url_params": uri,
    }
    return _Asked(operation, protocol, told)


def _environ(observed: Observed) -> dict[str, Any]:
    raw = observed.head.get("REQUEST_URI")
    environ: dict[str, Any] = dict(observed.head)
    environ["wsgi.input"] = io.BytesIO(observed.call.body)
    environ["CONTENT_LENGTH"] = str(len(observed.call.body))
    if raw:
        environ["RAW_URI"] = raw
    return environ


def _parameters(asked: _Asked) -> dict[str, Any]:
    shape = asked.operation.input_shape
    if shape is None:
        return {}
    parsed = PROTOCOL_PARSERS[asked.protocol](asked.operation, blob_parser=lambda value: value).parse(asked.request)
    return _shown(asked.operation.service_model.service_name, shape, parsed)


_parser = functools.cache(create_parser)


def _answered(observed: Observed, protocol: str, shape: Any) -> dict[str, Any]:
    # Of an answer that is an object's content, botocore makes text, and a record has nothing of it.
    payload = shape and shape.members.get(shape.serialization.get("payload"))
    is_content = observed.status < 300 and payload is not None and payload.type_name == "blob"
    body = b"" if is_content else observed.answer
    answer = {"status_code": observed.status, "headers": HeadersDict(observed.headers), "body": body}
    answered: dict[str, Any] = _parser(protocol).parse(answer, shape)
    return answered


def _shown(service: str, shape: Any, value: dict[str, Any]) -> dict[str, Any]:
    """A structure as records contain it: without blobs and secrets."""
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
    """The name of an API field in records: `KeyId` becomes `keyId`, and `TrailARN` becomes `trailARN`."""
    return name[:1].lower() + name[1:]


def _error(answered: dict[str, Any]) -> tuple[str, str]:
    error = answered.get("Error", {})
    return str(error.get("Code", "")).rsplit("#", 1)[-1], str(error.get("Message", ""))
