"""Issuance of a deployment is frozen and thawed: by the ledger, and by the keys' policies for whoever does not ask the ledger."""

from __future__ import annotations

import json
import os
import subprocess

import judges
import pytest
from botocore.exceptions import ClientError
from deployments import csr

pytestmark = [pytest.mark.deployed("rotation"), pytest.mark.denied("rotation-tls-cert-dev")]


@pytest.fixture
def chancery(sandbox, tmp_path):
    command = os.environ.get("CHANCERY_COMMAND")
    if not command:
        pytest.skip("CHANCERY_COMMAND names no chancery built with the feature aws")

    def chancery(*arguments: str, session: dict[str, str] | None = None, fails: bool = False):
        environment = judges.aws_environment(sandbox.endpoint, tmp_path) | (session or {})
        call = [command, "--json", "--aws", "--project", "rotation", "--env", "dev", *arguments]
        done = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stderr if fails else json.loads(done.stdout)

    return chancery


def issue(authority, name: str):
    answer = authority.invoke("tls-cert", {"common_name": name, "base64_csr_data": csr(common_name=name)})
    return judges.certificate(answer["Base64Certificate"]) if "Base64Certificate" in answer else answer


def test_a_deployment_is_frozen_and_thawed(sandbox, deployed, authority, chancery):
    kms = authority.client("kms")
    keys = [authority.outputs["root_ca_key_arn"], authority.outputs["issuing_ca_key_arn"]]
    policies = [kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"] for key in keys]
    issue(authority, "before-freezing.example.com")
    arn = next(arn for arn in authority.outputs["function_arns"].values() if "-tls-cert-" in arn)
    stolen = sandbox.ask("POST", "credentials", {"arn": arn})
    thief = sandbox.client("kms", stolen["AccessKeyId"], aws_session_token=stolen["SessionToken"])
    algorithm = kms.get_public_key(KeyId=keys[1])["SigningAlgorithms"][0]
    what = {"KeyId": keys[1], "Message": b"x" * 32, "MessageType": "DIGEST", "SigningAlgorithm": algorithm}
    assert thief.sign(**what)["Signature"], "stolen credentials sign as long as nobody stops them"
    assert chancery("freeze", "--state")["frozen"] is False

    said = chancery("freeze", "--reason", "a key may be stolen")
    assert (said["frozen"], said["reason"]) == (True, "a key may be stolen")
    refused = issue(authority, "frozen.example.com")
    assert "has frozen issuance" in json.dumps(refused), refused

    # A thief who does not ask the ledger gets nothing from the key, and the CRL's function does.
    with pytest.raises(ClientError, match="AccessDenied"):
        thief.sign(**what)
    cas = (authority.root_ca_name, authority.issuing_ca_name)
    numbers = [judges.number(judges.crl(authority, ca)) for ca in cas]
    authority.invoke("issuing-ca-crl")
    authority.invoke("root-ca-crl")
    assert [judges.number(judges.crl(authority, ca)) for ca in cas] == [number + 1 for number in numbers]

    assert chancery("thaw", "--reason", "it was not")["thawed"] is False
    assert chancery("freeze", "--state")["thaw_asked_by"]
    assert chancery("thaw", "--alone")["thawed"] is True
    after = [kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"] for key in keys]
    assert [json.loads(policy) for policy in after] == [json.loads(policy) for policy in policies]
    assert issue(authority, "after-freezing.example.com").serial_number
    assert deployed.stack.plan() == [], "nothing is left that Terraform would change"
