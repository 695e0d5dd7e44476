"""IAM Roles Anywhere, which moto lacks: trust anchors, profiles, CRLs, and the subjects whose certificates were seen.

It issues no sessions: a test reports which certificate was presented.
https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from moto.core.models import DEFAULT_ACCOUNT_ID

from . import principal
from .call import CURRENT, Environ
from .paths import KINDS, TAGGING, Kind, rolesanywhere

SERVICE = "rolesanywhere"


class RolesAnywhere:
    """A WSGI application in front of moto's, which answers all other services."""

    def __init__(self, inner: Callable[..., Iterable[bytes]]) -> None:
        self._inner = inner
        self._kept: dict[tuple[str, str, str], dict[str, dict[str, Any]]] = defaultdict(dict)
        self._tags: dict[str, dict[str, str]] = defaultdict(dict)
        self._lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        call = CURRENT.get()
        if call.service != SERVICE:
            return self._inner(environ, start_response)
        try:
            with self._lock:
                status, answer = self._answer(environ, principal.account_of(call.access_key), call.region)
        except (ValueError, KeyError, AttributeError) as error:
            status, answer = HTTPStatus.BAD_REQUEST, {"__type": "ValidationException", "message": str(error)}
        body = json.dumps(answer).encode()
        start_response(f"{status.value} {status.phrase}", [("Content-Type", "application/json")])
        return [body]

    def seen(self, value: dict[str, Any]) -> dict[str, Any]:
        """Record that a certificate was presented, and create its subject if it is new."""
        certificate = x509.load_pem_x509_certificate(str(value["certificate"]).encode())
        account, region = str(value.get("account", DEFAULT_ACCOUNT_ID)), str(value["region"])
        name = certificate.subject.rfc4514_string()
        with self._lock:
            subjects = self._kept[account, region, "subject"]
            subject = next((each for each in subjects.values() if each["x509Subject"] == name), None)
            if subject is None:
                subject = _made(KINDS["subject"], account, region, {"x509Subject": name})
                subject |= {"credentials": [], "instanceProperties": []}
                subjects[subject["subjectId"]] = subject
            subject["lastSeenAt"] = _now()
            credential = {
                "seenAt": _now(),
                "serialNumber": str(certificate.serial_number),
                "issuer": certificate.issuer.rfc4514_string(),
                "enabled": True,
                "x509CertificateData": base64.b64encode(certificate.public_bytes(Encoding.DER)).decode(),
                "failed": bool(value.get("failed", False)),
            }
            others = [each for each in subject["credentials"] if each["serialNumber"] != credential["serialNumber"]]
            subject["credentials"] = [*others, credential]
            return subject

    def _tag(self, asked: str, environ: Environ) -> dict[str, Any]:
        if asked == "ListTagsForResource":
            arn = parse_qs(environ.get("QUERY_STRING", ""))["resourceArn"][0]
            return {"tags": [{"key": key, "value": value} for key, value in self._tags[arn].items()]}
        body = json.loads(environ["wsgi.input"].read() or b"{}")
        tags = self._tags[body["resourceArn"]]
        tags |= _tags(body)
        for key in body.get("tagKeys") or ():
            tags.pop(key, None)
        return {}

    def _answer(self, environ: Environ, account: str, region: str) -> tuple[HTTPStatus, dict[str, Any]]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        asked = rolesanywhere(method, path)
        first, *rest = path.strip("/").split("/")
        if asked in TAGGING:
            return HTTPStatus.OK, self._tag(asked, environ)
        kind = KINDS.get(first) or KINDS.get(first.removesuffix("s"))
        if kind is None or " " in asked:
            raise NotImplementedError
        kept = self._kept[account, region, kind.path]
        if asked.startswith("List"):
            return HTTPStatus.OK, _page(kind, list(kept.values()), environ)
        body = json.loads(environ["wsgi.input"].read() or b"{}")
        if not rest:
            made = _made(kind, account, region, body)
            kept[made[f"{kind.field}Id"]] = made
            self._tags[made[f"{kind.field}Arn"]] = _tags(body)
            return HTTPStatus.CREATED, {kind.field: made}
        held = kept.get(rest[0])
        if held is None:
            return HTTPStatus.NOT_FOUND, {"__type": "ResourceNotFoundException", "message": f"{kind.name} not found"}
        if asked.startswith("Delete"):
            del kept[rest[0]]
        elif not asked.startswith("Get"):
            changed = {"enabled": rest[1] == "enable"} if len(rest) > 1 else body
            held |= changed | {"updatedAt": _now()}
        return HTTPStatus.OK, {kind.field: held}


def _tags(asked: dict[str, Any]) -> dict[str, str]:
    return {str(each["key"]): str(each["value"]) for each in asked.get("tags") or ()}


def _made(kind: Kind, account: str, region: str, asked: dict[str, Any]) -> dict[str, Any]:
    made_id = str(uuid.uuid4())
    resource = "trust-anchor" if kind.name == "TrustAnchor" else kind.path
    # All kinds but subjects are disabled unless the request enables them.
    enabled = bool(asked.get("enabled", not kind.maker))
    return {name: value for name, value in asked.items() if name != "tags"} | {
        f"{kind.field}Id": made_id,
        f"{kind.field}Arn": f"arn:aws:{SERVICE}:{region}:{account}:{resource}/{made_id}",
        "enabled": enabled,
        "createdAt": _now(),
        "updatedAt": _now(),
    }


def _page(kind: Kind, found: list[dict[str, Any]], environ: Environ) -> dict[str, Any]:
    query = parse_qs(environ.get("QUERY_STRING", ""))
    begin, size = int(query.get("nextToken", ["0"])[0]), int(query.get("pageSize", ["50"])[0])
    # A list of subjects has no credentials.
    summaries = [
        {name: value for name, value in each.items() if name not in {"credentials", "instanceProperties"}}
        for each in found[begin : begin + size]
    ]
    page: dict[str, Any] = {f"{kind.field}s": summaries}
    if begin + size < len(found):
        page["nextToken"] = str(begin + size)
    return page


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
