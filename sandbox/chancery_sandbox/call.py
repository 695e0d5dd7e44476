"""One call of an AWS service as it arrives over HTTP: who calls what, before anything is done about it."""

from __future__ import annotations

import contextvars
import io
import re
import urllib.parse
import uuid
from dataclasses import dataclass, field
from typing import Any

from . import paths

Environ = dict[str, Any]

CURRENT: contextvars.ContextVar[Call] = contextvars.ContextVar("CURRENT")
"""The call that this thread answers."""

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_S3_OBJECT = {"GET": "GetObject", "PUT": "PutObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}


@dataclass
class Call:
    """A call, parsed."""

    service: str
    """The signing name, e.g. `kms`; empty where the request is not signed."""
    operation: str
    """The API's name of the operation, e.g. `Sign`; `METHOD /path` where the protocol has no such name."""
    region: str
    access_key: str
    body: bytes
    path: str = "/"
    query: str = ""
    """As it was sent, without the question mark."""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    about: dict[str, str] = field(default_factory=dict)
    """What whoever answers it tells those who record it, such as the function that was invoked."""

    @classmethod
    def parse(cls, environ: Environ) -> Call:
        """Read the body (it is put back for the service to read again) and say what is asked."""
        body = environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        access_key, region, service = _credential(environ)
        operation, query = _operation(environ, service, body), str(environ.get("QUERY_STRING", ""))
        return cls(service.lower(), operation, region, access_key, body, _path(environ), query)


def _credential(environ: Environ) -> tuple[str, str, str]:
    signed = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if signed is None:
        # A pre-signed URL carries the same scope in its query.
        query = urllib.parse.parse_qs(environ.get("QUERY_STRING", ""))
        signed = _CREDENTIAL.search("Credential=" + query.get("X-Amz-Credential", [""])[0])
    return (signed[1], signed[2], signed[3]) if signed else ("", "", "")


def _path(environ: Environ) -> str:
    return str(environ.get("PATH_INFO", "/")).encode("latin-1").decode(errors="replace")


def _operation(environ: Environ, service: str, body: bytes) -> str:
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return str(target).rsplit(".", 1)[-1]
    query = urllib.parse.parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        query |= urllib.parse.parse_qs(body.decode(errors="replace"))
    if "Action" in query:
        return query["Action"][0]
    method, path = str(environ["REQUEST_METHOD"]), str(environ.get("PATH_INFO", "/"))
    if service == "s3" and path.strip("/").count("/") >= 1 and not set(query) - {"x-id", "versionId"}:
        return _S3_OBJECT.get(method, method)
    if service == "lambda" and path.endswith("/invocations"):
        return "Invoke"
    if service == "rolesanywhere":
        return paths.rolesanywhere(method, path)
    return f"{method} {path}"
