"""A second issuing CA is added to a deployment, takes the place of the first, and the first retires.

By Terraform, the real functions and the real command. Nobody who trusts the root notices.
"""

from __future__ import annotations

import json
import os
import subprocess

import judges
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from deployments import INFO, csr

pytestmark = pytest.mark.deployed("rotation")

FIRST, SECOND, ROOT = "rotation-issuing-ca-dev", "rotation-issuing-ca-2-dev", "rotation-root-ca-dev"


@pytest.fixture
def chancery(sandbox, tmp_path):
    """The command against the deployment: its answer as JSON, or what it complains of."""
    command = os.environ.get("CHANCERY_COMMAND")
    if not command:
        pytest.skip("CHANCERY_COMMAND names no chancery built with the feature aws")

    def chancery(*arguments: str, session: dict[str, str] | None = None, fails: bool = False):
        environment = judges.aws_environment(sandbox.endpoint, tmp_path) | (session or {})
        done = subprocess.run(
            [command, "--json", "--aws", "--project", "rotation", "--env", "dev", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stderr if fails else json.loads(done.stdout)

    return chancery


@pytest.fixture
def operator(sandbox):
    """The session of an operator, who may do what the module's output says, or other things."""

    def session(policy: str, name: str) -> dict[str, str]:
        iam = sandbox.client("iam")
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
        said = sandbox.client("sts").assume_role(RoleArn=arn, RoleSessionName="operator")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": said["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": said["SecretAccessKey"],
            "AWS_SESSION_TOKEN": said["SessionToken"],
        }

    return session


def issue(authority, name: str) -> x509.Certificate:
    answer = authority.invoke("tls-cert", {"common_name": name, "base64_csr_data": csr(common_name=name)})
    return judges.certificate(answer["Base64Certificate"])


def states(said: dict) -> dict[str, str]:
    return {ca["name"]: ca["state"] + (" default" if ca["default"] else "") for ca in said["cas"]}


def verified(folder, authority, leaf: x509.Certificate, chain: list[str]) -> str:
    """By OpenSSL, with the root alone as trust, and CRLs for the whole chain."""
    (folder / "leaf.pem").write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    (folder / "root.pem").write_bytes(authority.published(f"{ROOT}.crt"))
    (folder / "chain.pem").write_bytes(b"".join(authority.published(f"{ca}.crt") for ca in chain))
    (folder / "crls.pem").write_bytes(b"".join(authority.published(f"{ca}.crl.pem") for ca in (ROOT, *chain)))
    said = judges.openssl(
        "verify", "-x509_strict", "-crl_check_all", "-CRLfile", folder / "crls.pem", "-CAfile", folder / "root.pem",
        "-untrusted", folder / "chain.pem", folder / "leaf.pem",
    )  # fmt: skip
    return said.replace(f"{folder}/", "")


def applied_with_second(stack, chancery) -> dict:
    """The outputs after Terraform made the key; until then the command says what to write."""
    told = chancery("ca", "add", "issuing-ca-2", fails=True)
    assert "issuing_cas = {" in told, told
    assert "issuing-ca-2 = { info" in told, told
    info = INFO | {"commonName": "Second Issuing CA", "lifetime": 1825}
    stack.inputs = {**stack.inputs, "issuing_cas": {"issuing-ca-2": {"info": info}}}
    stack.write()
    outputs = stack.apply()
    assert outputs["issuing_cas"]["issuing-ca-2"]["name"] == SECOND
    assert stack.plan() == [], "applying twice changes nothing"
    return outputs


def whoever_only_reads_is_told_what_is_missing(outputs: dict, chancery, operator) -> None:
    reading = json.loads(outputs["ca_operator_policy"])
    reading["Statement"] = [each for each in reading["Statement"] if each["Sid"] != "ChangeWhichCaIssues"]
    session = operator(json.dumps(reading), "rotation-reader")
    told = chancery("ca", "activate", "issuing-ca-2", session=session, fails=True)
    assert "ca_operator_policy" in told, told
    assert "dynamodb:PutItem" in told, told


@pytest.mark.denied("rotation-reader")
def test_a_second_issuing_ca_takes_the_place_of_the_first(deployed, authority, chancery, operator, tmp_path):
    before = issue(authority, "before.example.com")
    assert states(chancery("ca", "list")) == {ROOT: "active", FIRST: "active default"}
    outputs = applied_with_second(deployed.stack, chancery)

    # The operator has what the module's output says, and nothing else.
    session = operator(outputs["ca_operator_policy"], "rotation-operator")
    made = chancery("ca", "add", "issuing-ca-2", session=session)
    assert (made["name"], made["state"], made["default"]) == (SECOND, "pending", False)
    root = judges.ca(authority, ROOT)
    judges.ca(authority, SECOND).verify_directly_issued_by(root)
    bundle = x509.load_pem_x509_certificates(authority.published("rotation-ca-bundle-dev.pem"))
    assert bundle[0] == root
    assert len(bundle) == 3
    assert {*bundle[1:]} == {judges.ca(authority, FIRST), judges.ca(authority, SECOND)}
    assert authority.run().status == "SUCCEEDED"
    assert judges.serials(judges.crl(authority, SECOND)) == set()
    pending = issue(authority, "pending.example.com")
    assert pending.issuer == judges.ca(authority, FIRST).subject

    whoever_only_reads_is_told_what_is_missing(outputs, chancery, operator)
    told = chancery("ca", "retire", "issuing-ca", session=session, fails=True)
    assert "make another CA the default issuer first" in told, told

    activated = chancery("ca", "activate", "issuing-ca-2", session=session)
    assert (activated["state"], activated["default"]) == ("active", True)
    assert "rotation-operator" in activated["changed_by"]
    # A process that goes by what it read half a minute ago is refused by the ledger, and reads again.
    assert chancery("ca", "retire", "issuing-ca", session=session)["state"] == "retiring"
    after = issue(authority, "after.example.com")
    assert after.issuer == judges.ca(authority, SECOND).subject
    listed = states(chancery("ca", "list", session=session))
    assert listed == {ROOT: "active", FIRST: "retiring", SECOND: "active default"}

    # Its CRL goes on, with what it issued; the other CA's lists its own.
    numbers = {ca: judges.number(judges.crl(authority, ca)) for ca in (FIRST, SECOND)}
    entries = [{"common_name": "pending.example.com", "serial_number": str(pending.serial_number)}]
    authority.put_internal("revoked.json", json.dumps(entries).encode())
    assert authority.run().status == "SUCCEEDED"
    assert {ca: judges.number(judges.crl(authority, ca)) for ca in numbers} == {
        ca: number + 1 for ca, number in numbers.items()
    }
    assert judges.serials(judges.crl(authority, FIRST)) == {pending.serial_number}
    assert judges.serials(judges.crl(authority, SECOND)) == set()
    assert verified(tmp_path, authority, before, [FIRST]) == "leaf.pem: OK\n"
    assert verified(tmp_path, authority, after, [SECOND]) == "leaf.pem: OK\n"
    assert "certificate revoked" in verified(tmp_path, authority, pending, [FIRST])

    # The command knows both, too.
    assert {crl["authority"] for crl in chancery("crl", "status")["crls"]} == {ROOT, FIRST, SECOND}
    chancery("crl", "publish", "--issuer", SECOND)
    assert judges.number(judges.crl(authority, SECOND)) == numbers[SECOND] + 2
    revoked = chancery("revoke", str(after.serial_number), "--reason", "superseded")
    assert revoked.get("crl_problem") is None, revoked
    assert judges.serials(judges.crl(authority, SECOND)) == {after.serial_number}
    assert "certificate revoked" in verified(tmp_path, authority, after, [SECOND])
