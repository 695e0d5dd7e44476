"""Log files and digests that a trail writes to its bucket.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import secrets
import string
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from moto.cloudtrail.models import Trail, cloudtrail_backends
from moto.s3.exceptions import S3ClientError
from moto.s3.models import S3Backend, s3_backends

from chancery_sandbox import policy
from chancery_sandbox.principal import PARTITION

from .delivery_faults import Delivery
from .digests import Chain, Chains, Written

_SERVICE = "cloudtrail.amazonaws.com"
_LETTERS = string.ascii_letters + string.digits


@dataclass
class _Kept:
    due: float
    record: dict[str, Any]


@dataclass
class _Region:
    """What one trail has collected from one region."""

    kept: list[_Kept] = field(default_factory=list)
    """Records that were not written to a file yet."""
    undigested: list[Written] = field(default_factory=list)
    """Log files that no digest lists yet."""


class Files:
    """Collects the records of trails and writes log files on request; AWS does so about every five minutes."""

    def __init__(self) -> None:
        self._regions: dict[tuple[str, str], _Region] = defaultdict(_Region)
        self._chains = Chains()
        self._lock = threading.Lock()

    @property
    def chains(self) -> Chains:
        """The digest chains and their keys."""
        return self._chains

    def keep(self, trail: Trail, record: dict[str, Any], due: float, delivery: Delivery) -> None:
        """Keep a record for the first log file that is written after `due`."""
        with self._lock:
            kept = self._regions[trail.arn, record["awsRegion"]].kept
            for _ in range(delivery.copies):
                kept.insert(0 if delivery.out_of_order else len(kept), _Kept(due, record))

    def deliver(self, region: str, *, trail: str, digest: bool, backfill: bool) -> list[dict[str, Any]]:
        """Write the log files and digests of a region and return their keys; `trail` limits it to one trail.

        With `backfill` the log files that no digest lists yet are listed in a backfill digest.
        """
        delivered: list[dict[str, Any]] = []
        with self._lock:
            for each in _trails():
                if trail in {"", each.trail_name, each.arn} and (each.is_multi_region or each.region_name == region):
                    delivered += self._of_trail(each, region, digest=digest, backfill=backfill)
        return delivered

    def _of_trail(self, trail: Trail, region: str, *, digest: bool, backfill: bool) -> list[dict[str, Any]]:
        of_region = self._regions[trail.arn, region]
        now = time.time()
        ready = [kept.record for kept in of_region.kept if kept.due <= now]
        delivered = []
        why = _refusal(trail, f"{_prefix(trail)}AWSLogs/{trail.account_id}/CloudTrail/{region}/x")
        setattr(trail.status, "latest_delivery_error", why)  # noqa: B010 - it is our word, which moto does not declare
        if why:
            # The records stay, and are delivered with the next file.
            return []
        if ready:
            of_region.kept = [kept for kept in of_region.kept if kept.due > now]
            written = _write(trail, region, ready)
            of_region.undigested.append(written)
            delivered.append({"bucket": written.bucket, "key": written.key, "records": len(ready)})
        if digest and trail.log_validation and (trail.status.is_logging or of_region.undigested):
            chain = self._chains.of(trail, region, backfill=backfill)
            key = _digest(chain, trail, of_region)
            of_region.undigested = []
            delivered.append({"bucket": trail.bucket_name, "key": key, "digest": True})
        return delivered


def _trails() -> list[Trail]:
    return [
        trail
        for backends in list(cloudtrail_backends.values())
        for backend in list(backends.values())
        for trail in list(backend.trails.values())
    ]


def _digest(chain: Chain, trail: Trail, of_region: _Region) -> str:
    key, body, metadata = chain.next(trail, _prefix(trail), of_region.undigested)
    _put(trail, key, body, metadata)
    return key


def _write(trail: Trail, region: str, records: list[dict[str, Any]]) -> Written:
    now = dt.datetime.now(dt.UTC)
    unique = "".join(secrets.choice(_LETTERS) for _ in range(16))
    account = trail.account_id
    key = (
        f"{_prefix(trail)}AWSLogs/{account}/CloudTrail/{region}/{now:%Y/%m/%d}/"
        f"{account}_CloudTrail_{region}_{now:%Y%m%dT%H%MZ}_{unique}.json.gz"
    )
    text = json.dumps({"Records": records}, separators=(",", ":")).encode()
    _put(trail, key, gzip.compress(text), {})
    times = sorted(record["eventTime"] for record in records)
    return Written(trail.bucket_name, key, text, times[0], times[-1])


def _prefix(trail: Trail) -> str:
    return f"{trail.s3_key_prefix}/" if trail.s3_key_prefix else ""


def _put(trail: Trail, key: str, body: bytes, metadata: dict[str, str]) -> None:
    written = _s3(trail).put_object(trail.bucket_name, key, body)
    written.set_metadata({"Content-Type": "application/json", "Content-Encoding": "gzip"})
    written.set_metadata({f"x-amz-meta-{name}": value for name, value in metadata.items()})


def _refusal(trail: Trail, key: str) -> str:
    """Why the bucket refuses the delivery, in the words of `LatestDeliveryError`; empty if it accepts it."""
    try:
        bucket = _s3(trail).get_bucket(trail.bucket_name)
    except S3ClientError:
        return "NoSuchBucket"
    asked = policy.Asked(
        "s3:PutObject",
        f"arn:{PARTITION}:s3:::{trail.bucket_name}/{key}",
        (_SERVICE,),
        {
            "aws:sourcearn": trail.arn,
            "aws:sourceaccount": trail.account_id,
            "aws:securetransport": "true",
            "s3:x-amz-acl": "bucket-owner-full-control",
        },
    )
    allowed = bucket.policy and policy.evaluate(bucket.policy.decode(), asked) is policy.Verdict.ALLOWED
    return "" if allowed else "AccessDenied"


def _s3(trail: Trail) -> S3Backend:
    backend: S3Backend = s3_backends[trail.account_id][PARTITION]
    return backend
