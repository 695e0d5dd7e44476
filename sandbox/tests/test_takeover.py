"""A deployment of the former module goes on with ours, applied by Terraform: nothing of it is lost, and all of it works."""

from __future__ import annotations

import json
import os
import subprocess

import judges
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from deployments import csr
from takeover import things

pytestmark = pytest.mark.deployed("takeover")

# Terraform may delete and replace what can be made again, but none of these.
KEPT = {
    "aws_kms_key",
    "aws_kms_alias",
    "aws_dynamodb_table",
    "aws_s3_bucket",
    "aws_sns_topic",
    "aws_secretsmanager_secret",
    "aws_lambda_function",
    "aws_sfn_state_machine",
}


USED = {"error": "Private key has already been used for a certificate"}


@pytest.fixture
def taken(deployed):
    return deployed


TRIES = 1
"""Of a function that has damage to tell, in one run of the state machine: another one would find the same."""


def run(authority) -> None:
    """Run the state machine. There is a row whose serial number nobody can read: that is told, and nothing else."""
    ran = authority.run()
    failed = {name: failure["Error"] for name, failure in ran.failed.items()}
    assert failed == {"IssuingCaCrlError": "IncompleteError"}, ran


@pytest.fixture
def authority(taken):
    """After the first run of our state machine."""
    if not taken.runs:
        run(taken.authority)
        taken.runs.append("ran")
    return taken.authority


def certificate(authority, serial: str) -> x509.Certificate:
    row = next(row for row in authority.rows() if row["SerialNumber"]["S"] == serial)
    return judges.certificate(row["Certificate"]["B"])


def test_the_plan_deletes_nothing_that_counts(taken):
    assert taken.plan
    gone = {change["address"] for change in taken.plan if "delete" in change["change"]["actions"]}
    lost = {change["address"] for change in taken.plan if change["address"] in gone and change["type"] in KEPT}
    assert lost == set()
    moved = {change["address"] for change in taken.plan if change.get("previous_address")}
    assert 'module.ca.module.function["tls-cert"].aws_lambda_function.function' in moved


def test_everything_is_what_it_was(taken):
    now = things(taken.authority.endpoint)
    for kind, before in taken.before.items():
        if isinstance(before, dict):
            assert before.items() <= now[kind].items(), kind
        elif isinstance(before, list):
            assert set(before) <= set(now[kind]), kind
        else:
            assert before == now[kind], kind


def test_another_plan_changes_nothing(taken):
    assert [(change["address"], change["change"]["actions"]) for change in taken.stack.plan()] == []


def test_cas_and_crls_go_on(taken, authority, tmp_path):
    made = taken.made
    for name, ca_name in (("root", authority.root_ca_name), ("issuing", authority.issuing_ca_name)):
        assert str(judges.ca(authority, ca_name).serial_number) == made[name]
    root, issuing = (judges.crl(authority, ca_name) for ca_name in (authority.root_ca_name, authority.issuing_ca_name))
    assert (judges.number(root), judges.number(issuing)) == (8, 41 + TRIES)
    assert int(made["revoked"]) in judges.serials(issuing)
    old = certificate(authority, made["leaf"]).public_bytes(serialization.Encoding.PEM)
    assert judges.openssl_verify(tmp_path, authority, old) == "leaf.pem: OK\n"
    gone = certificate(authority, made["revoked"]).public_bytes(serialization.Encoding.PEM)
    assert "certificate revoked" in judges.openssl_verify(tmp_path, authority, gone)


def test_old_keys_are_known(taken, authority):
    asked = {"common_name": "server", "base64_csr_data": taken.made["csr"]}
    assert authority.invoke("tls-cert", asked) == USED


def test_new_certificates_are_of_the_old_ca(authority, tmp_path):
    answer = authority.invoke("tls-cert", {"common_name": "new", "base64_csr_data": csr(common_name="new")})
    new = judges.certificate(answer["Base64Certificate"]).public_bytes(serialization.Encoding.PEM)
    assert judges.openssl_verify(tmp_path, authority, new) == "leaf.pem: OK\n"
    listed = [row for row in authority.rows() if row["CommonName"]["S"] == "www.example.com"]
    assert len(listed) == 1


def test_old_certificates_are_revoked_by_the_list(taken, authority, tmp_path):
    before = judges.number(judges.crl(authority, authority.issuing_ca_name))
    second = taken.made["second"]
    entry = {"common_name": "server", "serial_number": second, "reason": "superseded"}
    authority.put_internal("revoked.json", json.dumps([entry]).encode())
    run(authority)
    crl = judges.crl(authority, authority.issuing_ca_name)
    assert judges.number(crl) == before + TRIES
    assert {int(second), int(taken.made["revoked"])} <= judges.serials(crl)
    old = certificate(authority, second).public_bytes(serialization.Encoding.PEM)
    assert "certificate revoked" in judges.openssl_verify(tmp_path, authority, old)


def test_rows_are_adopted(taken, authority, tmp_path):
    command = os.environ.get("CHANCERY_COMMAND")
    if command is None:
        pytest.skip("CHANCERY_COMMAND names no chancery built with the feature aws")
    state = tmp_path / "state.json"
    state.write_bytes((taken.stack.folder / "terraform.tfstate").read_bytes())

    def adopt(*more: str) -> dict:
        done = subprocess.run(
            [command, "--json", "--aws", "--project", "serverless", "--env", "dev", "adopt", "--state", state, *more],
            env=judges.aws_environment(authority.endpoint, tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    assert adopt()["problems"] == []
    applied = adopt("--apply")
    assert (applied["problems"], applied["applied"], applied["complete"]) == ([], True, True)
    run(authority)
    assert int(taken.made["revoked"]) in judges.serials(judges.crl(authority, authority.issuing_ca_name))
    # From now on a key is known under whatever name it was certified.
    for name, request in (("server", "csr"), ("elsewhere", "csr_elsewhere")):
        assert authority.invoke("tls-cert", {"common_name": name, "base64_csr_data": taken.made[request]}) == USED
