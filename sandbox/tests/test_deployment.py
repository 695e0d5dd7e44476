"""The real functions, deployed by the real module, run by the real state machine under their own roles."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import judges
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from deployments import ENTRIES, csr, grow_older

from chancery_sandbox import lists

pytestmark = pytest.mark.deployed("main")

PUBLISHED = {
    "serverless-root-ca-dev.crt": "application/x-pem-file",
    "serverless-root-ca-dev.crl": "application/pkix-crl",
    "serverless-root-ca-dev.crl.pem": "application/x-pem-file",
    "serverless-issuing-ca-dev.crt": "application/x-pem-file",
    "serverless-issuing-ca-dev.crl": "application/pkix-crl",
    "serverless-issuing-ca-dev.crl.pem": "application/x-pem-file",
    "serverless-ca-bundle-dev.pem": "application/x-pem-file",
}


def leaves(authority, name: str) -> list[x509.Certificate]:
    rows = [row for row in authority.rows() if row["CommonName"]["S"] == name]
    return [judges.certificate(row["Certificate"]["B"]) for row in rows]


def test_the_first_run_makes_everything(deployed, authority, tmp_path):
    assert (deployed.first_run.status, deployed.first_run.error) == ("SUCCEEDED", "")
    s3, bucket = authority.client("s3"), authority.outputs["external_s3_bucket_name"]
    types = {key: s3.head_object(Bucket=bucket, Key=key)["ContentType"] for key in PUBLISHED}
    assert types == PUBLISHED
    ca_names = (authority.root_ca_name, authority.issuing_ca_name)
    root, issuing = (judges.ca(authority, ca_name) for ca_name in ca_names)
    assert root.subject.rfc4514_string() == "OU=PKI,O=Example\\, Ltd,L=London,C=GB,CN=Example Root CA"
    assert issuing.subject.rfc4514_string() == "OU=PKI,O=Example\\, Ltd,L=London,C=GB,CN=Example Issuing CA"
    for ca, ca_name, issuer in ((root, ca_names[0], root), (issuing, ca_names[1], root)):
        key = authority.client("kms").get_public_key(KeyId=f"alias/{ca_name}")["PublicKey"]
        der, spki = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        assert ca.public_key().public_bytes(der, spki) == key
        ca.verify_directly_issued_by(issuer)
    bundle = x509.load_pem_x509_certificates(authority.published("serverless-ca-bundle-dev.pem"))
    assert bundle == [root, issuing]
    for entry in ENTRIES:
        (leaf,) = leaves(authority, entry["common_name"])
        pem = leaf.public_bytes(serialization.Encoding.PEM)
        assert judges.openssl_verify(tmp_path, authority, pem) == "leaf.pem: OK\n"
        csr = (deployed.stack.folder / "certs" / "dev" / "csrs" / entry["csr_file"]).read_bytes()
        assert leaf.public_key() == x509.load_pem_x509_csr(csr).public_key()


def test_another_run_changes_nothing_but_crls(authority):
    def facts() -> tuple:
        rows = authority.rows()
        numbers = {row["CommonName"]["S"]: int(row["CRLNumber"]["N"]) for row in rows if "CRLNumber" in row}
        plain = [{name: value for name, value in row.items() if name != "CRLNumber"} for row in rows]
        files = {key: authority.published(key) for key in PUBLISHED if ".crl" not in key}
        return numbers, sorted(plain, key=str), files

    before = facts()
    numbers = {ca_name: judges.number(judges.crl(authority, ca_name)) for ca_name in before[0]}
    assert authority.run().status == "SUCCEEDED"
    after = facts()
    assert after[1:] == before[1:]
    assert after[0] == {ca_name: number + 1 for ca_name, number in before[0].items()}
    assert {ca_name: judges.number(judges.crl(authority, ca_name)) for ca_name in numbers} == {
        ca_name: number + 1 for ca_name, number in numbers.items()
    }


@pytest.fixture
def tls_json(authority):
    """Other lists for a while."""
    s3, bucket = authority.client("s3"), authority.outputs["internal_s3_bucket_name"]
    before = s3.get_object(Bucket=bucket, Key="tls.json")["Body"].read()
    yield lambda entries: authority.put_internal("tls.json", json.dumps(entries).encode())
    authority.put_internal("tls.json", before)


def test_many_entries_are_issued_once(authority, tls_json):
    names = [f"host-{number:03}.example.com" for number in range(50)]
    for name in names:
        authority.put_internal(f"csrs/{name}.csr", lists.Request.make(common_name=name).csr)
    tls_json([{"common_name": name, "csr_file": f"{name}.csr"} for name in names])
    for _ in range(2):
        assert authority.run().status == "SUCCEEDED"
        issued = [row["CommonName"]["S"] for row in authority.rows()]
        assert sorted(name for name in issued if name.startswith("host-")) == names


def test_bad_entries_stop_no_other(authority, tls_json):
    authority.put_internal("csrs/good.csr", lists.Request.make(common_name="good.example.com").csr)
    authority.put_internal("csrs/bad.csr", b"no request at all")
    bad = [
        {},
        {"common_name": "no-request.example.com"},
        {"common_name": "missing.example.com", "csr_file": "missing.csr"},
        {"common_name": "bad.example.com", "csr_file": "bad.csr"},
        {"common_name": "elsewhere.example.com", "csr_file": "../revoked.json"},
        {"common_name": authority.issuing_ca_name, "csr_file": "good.csr"},
        {"common_name": "long.example.com", "csr_file": "good.csr", "lifetime": "for ever"},
    ]
    tls_json([*bad, {"common_name": "good.example.com", "csr_file": "good.csr"}])
    before = len(authority.rows())
    assert authority.run().status == "SUCCEEDED"
    assert len(leaves(authority, "good.example.com")) == 1
    assert len(authority.rows()) == before + 1


def test_an_entry_that_is_none_fails_the_run_and_stops_no_other(authority, tls_json):
    authority.put_internal("csrs/beside-none.csr", lists.Request.make(common_name="beside-none").csr)
    tls_json([17, None, "text", {"common_name": "beside-none", "csr_file": "beside-none.csr"}])
    run = authority.run()
    assert (run.status, run.error, set(run.failed)) == ("FAILED", "Chancery.PartlyFailed", {"TlsCertificates"})
    assert len(leaves(authority, "beside-none")) == 1


def test_a_token_of_a_direct_caller_is_not_the_state_machine_s(authority, tls_json):
    """Both of them use one that the list names, the caller first; and the list uses it twice, for two requests."""
    token = {"idempotency_token": "known-beforehand"}
    authority.invoke("tls-cert", {"common_name": "planted", "base64_csr_data": csr(common_name="planted"), **token})
    for name in ("token-first", "token-second"):
        authority.put_internal(f"csrs/{name}.csr", lists.Request.make(common_name=name).csr)
    entries = [{"common_name": name, "csr_file": f"{name}.csr", **token} for name in ("token-first", "token-second")]
    tls_json(entries[:1])
    assert authority.run().status == "SUCCEEDED"
    assert len(leaves(authority, "token-first")) == 1
    assert authority.run().status == "SUCCEEDED"
    assert len(leaves(authority, "token-first")) == 1
    tls_json(entries[1:])
    run = authority.run()
    assert (run.status, run.error, set(run.failed)) == ("FAILED", "Chancery.PartlyFailed", {"TlsCertificates"})
    assert leaves(authority, "token-second") == []
    assert len(leaves(authority, "planted")) == 1


def throttle(sandbox, times: int) -> None:
    fault = {"service": "kms", "operation": "Sign", "kind": "throttled", "times": times, "principal": "tls-cert"}
    sandbox.ask("POST", "faults", fault)


def test_an_entry_whose_signature_is_throttled_is_issued_by_the_next_try(sandbox, authority, tls_json):
    """More often than one invocation tries again: the state machine does."""
    authority.put_internal("csrs/throttled.csr", lists.Request.make(common_name="throttled").csr)
    tls_json([{"common_name": "throttled", "csr_file": "throttled.csr"}])
    throttle(sandbox, 5)
    with ThreadPoolExecutor(1) as runner:
        run = runner.submit(authority.run)
        # A try that finds another one at work waits for more than a minute, of which the sandbox waits a hundredth.
        while not grow_older(authority, 100) and not run.done():
            time.sleep(0.02)
        assert run.result().status == "SUCCEEDED"
    sandbox.ask("DELETE", "faults")
    assert len(leaves(authority, "throttled")) == 1


def test_an_entry_that_is_throttled_throughout_is_issued_by_the_next_run(sandbox, authority, tls_json):
    authority.put_internal("csrs/long.csr", lists.Request.make(common_name="long-throttled").csr)
    tls_json([{"common_name": "long-throttled", "csr_file": "long.csr"}])
    throttle(sandbox, 10_000)
    run = authority.run()
    sandbox.ask("DELETE", "faults")
    assert (run.status, run.error, set(run.failed)) == ("FAILED", "Chancery.PartlyFailed", {"TlsCertificates"})
    assert leaves(authority, "long-throttled") == []
    assert grow_older(authority, 600) == 1
    assert authority.run().status == "SUCCEEDED"
    assert len(leaves(authority, "long-throttled")) == 1


@pytest.mark.parametrize("ca_name", ["serverless-root-ca-dev", "serverless-issuing-ca-dev"])
def test_a_crl_that_cannot_be_published_stops_nothing_else(sandbox, authority, tls_json, ca_name):
    other = {"serverless-root-ca-dev": authority.issuing_ca_name}.get(ca_name, authority.root_ca_name)
    before = {each: judges.number(judges.crl(authority, each)) for each in (ca_name, other)}
    name = f"beside-{ca_name}.example.com"
    authority.put_internal("csrs/beside.csr", lists.Request.make(common_name=name).csr)
    tls_json([{"common_name": name, "csr_file": "beside.csr"}])
    fault = {"service": "s3", "operation": "PutObject", "kind": "failed", "times": 1000, "path": f"{ca_name}.crl"}
    sandbox.ask("POST", "faults", fault)
    run = authority.run()
    sandbox.ask("DELETE", "faults")
    step = {"serverless-root-ca-dev": "RootCaCrlError"}.get(ca_name, "IssuingCaCrlError")
    assert (run.status, run.error, set(run.failed)) == ("FAILED", "Chancery.PartlyFailed", {step})
    assert json.loads(run.failed[step]["Cause"])["errorType"] == "UnavailableError"
    assert len(leaves(authority, name)) == 1
    assert judges.number(judges.crl(authority, ca_name)) == before[ca_name]
    assert judges.number(judges.crl(authority, other)) > before[other]
    assert authority.run().status == "SUCCEEDED"
    assert judges.number(judges.crl(authority, ca_name)) > before[ca_name]
