"""Digest files: chained and signed lists of a trail's log files.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
"""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from moto.cloudtrail.models import Trail

_ALGORITHM = "SHA256withRSA"
_HASH = "SHA-256"
_VALID = 86400
"""Seconds before and after its creation during which a key is listed as valid."""


@dataclass(frozen=True)
class Written:
    """A log file that was delivered."""

    bucket: str
    key: str
    text: bytes
    """Its content before compression."""
    oldest: str
    newest: str

    def listed(self) -> dict[str, str]:
        """Its entry in a digest."""
        return {
            "s3Bucket": self.bucket,
            "s3Object": self.key,
            "hashValue": hashlib.sha256(self.text).hexdigest(),
            "hashAlgorithm": _HASH,
            "newestEventTime": self.newest,
            "oldestEventTime": self.oldest,
        }


class SigningKey:
    """The key that signs the digests of a region."""

    def __init__(self) -> None:
        self._made = time.time()
        self._private = rsa.generate_private_key(65537, 2048)
        public = self._private.public_key()
        self._octets = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
        self.fingerprint = hashlib.md5(self._octets, usedforsecurity=False).hexdigest()

    def sign(self, text: str) -> str:
        """The signature, in hexadecimal."""
        return self._private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()).hex()

    def listed(self) -> dict[str, Any]:
        """Its entry in the answer of `ListPublicKeys`."""
        return {
            "Value": base64.b64encode(self._octets).decode(),
            "ValidityStartTime": self._made - _VALID,
            "ValidityEndTime": self._made + _VALID,
            "Fingerprint": self.fingerprint,
        }


@dataclass
class _Previous:
    bucket: str
    key: str
    text: bytes
    signature: str


class Chain:
    """The digests of one trail in one region; each contains the signature of the previous one."""

    def __init__(self, region: str, key: SigningKey, *, backfill: bool) -> None:
        self._region = region
        self._key = key
        self._backfill = backfill
        self._previous: _Previous | None = None
        self._end = 0
        self._started: dt.datetime | None = None

    def next(self, trail: Trail, prefix: str, files: list[Written]) -> tuple[str, bytes, dict[str, str]]:
        """Object key, body and metadata of the next digest."""
        if trail.status.started != self._started:
            # Stopping a trail breaks its chain.
            self._started, self._previous = trail.status.started, None
            self._end = (
                int(time.time()) if self._started is None else int(self._started.replace(tzinfo=dt.UTC).timestamp())
            )
        # Two digests of the same second would have the same name.
        start, self._end = self._end, max(int(time.time()), self._end + 1)
        end = dt.datetime.fromtimestamp(self._end, dt.UTC)
        account = trail.account_id
        key = (
            f"{prefix}AWSLogs/{account}/CloudTrail-Digest/{self._region}/{end:%Y/%m/%d}/{account}_CloudTrail-Digest_"
            f"{self._region}_{trail.trail_name}_{trail.region_name}_{end:%Y%m%dT%H%M%SZ}"
            f"{'_backfill' if self._backfill else ''}.json.gz"
        )
        previous = self._previous
        digest = {
            "awsAccountId": account,
            "digestStartTime": f"{dt.datetime.fromtimestamp(start, dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
            "digestEndTime": f"{end:%Y-%m-%dT%H:%M:%SZ}",
            "digestS3Bucket": trail.bucket_name,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": self._key.fingerprint,
            "digestSignatureAlgorithm": _ALGORITHM,
            "newestEventTime": max((file.newest for file in files), default=None),
            "oldestEventTime": min((file.oldest for file in files), default=None),
            "previousDigestS3Bucket": previous and previous.bucket,
            "previousDigestS3Object": previous and previous.key,
            "previousDigestHashValue": previous and hashlib.sha256(previous.text).hexdigest(),
            "previousDigestHashAlgorithm": previous and _HASH,
            "previousDigestSignature": previous and previous.signature,
            "logFiles": [file.listed() for file in files],
        }
        text = json.dumps(digest, separators=(",", ":")).encode()
        signature = self._key.sign(
            f"{digest['digestEndTime']}\n{trail.bucket_name}/{key}\n{hashlib.sha256(text).hexdigest()}\n"
            f"{previous.signature if previous else 'null'}"
        )
        self._previous = _Previous(trail.bucket_name, key, text, signature)
        metadata = {"signature": signature, "signature-algorithm": _ALGORITHM}
        if self._backfill:
            metadata["backfill-generation-timestamp"] = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
        return key, gzip.compress(text), metadata


class Chains:
    """All digest chains, and the signing key of each region."""

    def __init__(self) -> None:
        self._keys: dict[str, SigningKey] = {}
        self._chains: dict[tuple[str, str, bool], Chain] = {}

    def of(self, trail: Trail, region: str, *, backfill: bool) -> Chain:
        """The chain of a trail in a region."""
        place = (trail.arn, region, backfill)
        if place not in self._chains:
            self._chains[place] = Chain(region, self.key(region), backfill=backfill)
        return self._chains[place]

    def key(self, region: str) -> SigningKey:
        """The key by which digests of that region are signed."""
        if region not in self._keys:
            self._keys[region] = SigningKey()
        return self._keys[region]

    def public_keys(self, region: str, start: float, end: float) -> list[dict[str, Any]]:
        """The keys that are valid at some time in that interval."""
        listed = [self._keys[region].listed()] if region in self._keys else []
        return [key for key in listed if key["ValidityStartTime"] <= end and key["ValidityEndTime"] >= start]
