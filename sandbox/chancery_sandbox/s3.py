"""S3 as moto has it, mended: checksums that come with objects are checked, and bucket policies are read with care.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable
from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

from . import policy, principal

_MD5 = "content-md5"
_SUMS: dict[str, Callable[[bytes], bytes]] = {
    "SHA256": lambda body: hashlib.sha256(body).digest(),
    "SHA1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "CRC32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
}


class BadDigestError(S3ClientError):
    """The object is not what its sender took the checksum of."""

    code = 400

    def __init__(self, name: str) -> None:
        super().__init__("BadDigest", f"The {name} you specified did not match the calculated checksum.")


def mend() -> None:
    """Put ours in the place of moto's; doing it twice does no harm."""
    original: Callable[..., tuple[str, str | None]] = getattr(
        S3Response._get_checksum,  # noqa: SLF001 - the one place where an object's checksum is looked at
        "original",
        S3Response._get_checksum,  # noqa: SLF001
    )

    def checksum(self: S3Response, response_headers: dict[str, Any]) -> tuple[str, str | None]:
        algorithm, value = original(self, response_headers)
        if not algorithm:
            # A checksum may come without the header that names its algorithm.
            algorithm = next((name for name in _SUMS if self.headers.get(_header(name))), "")
            value = self.headers.get(_header(algorithm))
            if value:
                response_headers[_header(algorithm)] = value
        body = self.body if isinstance(self.body, bytes) else str(self.body or "").encode()
        if algorithm in _SUMS and _encoded(_SUMS[algorithm](body)) != value:
            raise BadDigestError(algorithm)
        md5 = self.headers.get(_MD5)
        if md5 and _encoded(hashlib.md5(body, usedforsecurity=False).digest()) != md5:
            raise BadDigestError("Content-MD5")
        return algorithm, value

    checksum.original = original  # type: ignore[attr-defined]
    S3Response._get_checksum = checksum  # noqa: SLF001
    FakeBucket.get_permission = _permission


def _header(algorithm: str) -> str:
    return f"x-amz-checksum-{algorithm.lower()}"


def _encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _permission(self: FakeBucket, action: str, resource: str) -> PermissionResult:
    """What the bucket's policy says of the call that is being answered.

    The sandbox speaks plain HTTP on one machine, where AWS would have TLS: policies are told that it is TLS.
    """
    if self.policy is None:
        return PermissionResult.NEUTRAL
    verdict = policy.evaluate(self.policy.decode(), principal.asked(action, resource))
    return _RESULTS[verdict]


_RESULTS = {
    policy.Verdict.DENIED: PermissionResult.DENIED,
    policy.Verdict.ALLOWED: PermissionResult.PERMITTED,
    policy.Verdict.SILENT: PermissionResult.NEUTRAL,
}
