"""S3, judged by boto3: preconditions, checksums, content types."""

from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def s3(sandbox):
    return sandbox.client("s3")


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return name


def refused(call, **request) -> tuple[str, int]:
    with pytest.raises(ClientError) as error:
        call(**request)
    return error.value.response["Error"]["Code"], error.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_preconditions(s3, bucket):
    put = {"Bucket": bucket, "Key": "ca.crl"}
    assert refused(s3.put_object, **put, Body=b"1", IfMatch='"x"') == ("NoSuchKey", 404)
    first = s3.put_object(**put, Body=b"1", IfNoneMatch="*", ContentType="application/pkix-crl")["ETag"]
    assert refused(s3.put_object, **put, Body=b"2", IfNoneMatch="*") == ("PreconditionFailed", 412)
    second = s3.put_object(**put, Body=b"2", IfMatch=first)["ETag"]
    assert refused(s3.put_object, **put, Body=b"3", IfMatch=first) == ("PreconditionFailed", 412)
    assert refused(s3.get_object, **put, IfNoneMatch=second)[1] == 304
    assert s3.get_object(**put)["Body"].read() == b"2"


def test_conflicts_on_demand(sandbox, s3, bucket):
    sandbox.ask("POST", "faults", {"service": "s3", "operation": "PutObject", "kind": "conflict"})
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"1") == ("ConditionalRequestConflict", 409)
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")


def test_checksums_are_checked(s3, bucket):
    right = base64.b64encode(hashlib.sha256(b"body").digest()).decode()
    s3.put_object(Bucket=bucket, Key="k", Body=b"body", ChecksumSHA256=right, ContentType="application/pkix-cert")
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (got["ChecksumSHA256"], got["ContentType"]) == (right, "application/pkix-cert")
    for wrong in [{"ChecksumSHA256": right}, {"ChecksumCRC32": "AAAAAA=="}, {"ContentMD5": "AAAAAAAAAAAAAAAAAAAAAA=="}]:
        assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"other", **wrong)[0] == "BadDigest"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"body"


def test_of_many_writers_one_wins(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"0")["ETag"]

    def attempt(number: int) -> bool:
        try:
            s3.put_object(Bucket=bucket, Key="k", Body=str(number).encode(), IfMatch=etag)
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(16) as writers:
        assert sum(writers.map(attempt, range(1, 33))) == 1


def test_metadata_has_the_names_that_it_was_given(sandbox, name):
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=name, Key="k", Body=b"x", Metadata={"signature-algorithm": "A"})
    assert s3.get_object(Bucket=name, Key="k")["Metadata"] == {"signature-algorithm": "A"}
