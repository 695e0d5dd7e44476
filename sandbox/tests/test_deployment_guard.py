"""`chancery guard` over a trail of the deployed module: nothing to report of honest work, and every theft found."""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import watching
from botocore.exceptions import ClientError
from deployments import NAMED_OPERATOR, csr

pytestmark = pytest.mark.deployed("main")

MATCHING = {
    "unaccounted-signature", "wrong-role", "wrong-function", "wrong-algorithm", "wrong-region", "count-exceeded",
    "signature-missing", "denied-signature", "invoke-missing", "guard-silent", "unreadable-records", "attempt-unreadable",
}  # fmt: skip


class Guarded:
    """A deployment, and the records since the trail began."""

    def __init__(self, sandbox, authority, trail: str, folder) -> None:
        self.sandbox, self.authority, self.trail, self.folder = sandbox, authority, trail, folder
        # The journal tells time in seconds: what was attempted in this one may be older than the trail.
        time.sleep(1)
        self.since = datetime.now(UTC)
        self.records: list[dict] = []

    def look(self, *arguments: str) -> tuple[int, dict]:
        """What the command says of the records until now, when everything has settled."""
        # Events of IAM are in us-east-1 alone.
        for region in (watching.REGION, "us-east-1"):
            self.records += watching.files(self.sandbox, self.trail, region=region)
        file = self.folder / "trail.json.gz"
        file.write_bytes(gzip.compress(json.dumps({"Records": self.records}).encode()))
        later = datetime.now(UTC) + timedelta(hours=3)
        return self.command(
            "--since", f"{self.since:%Y-%m-%dT%H:%M:%SZ}", "--now", f"{later:%Y-%m-%dT%H:%M:%SZ}",
            "--invocations", "--operator", NAMED_OPERATOR, "--records", str(file), *arguments,
        )  # fmt: skip

    def command(self, *arguments: str) -> tuple[int, dict]:
        command = os.environ.get("CHANCERY_COMMAND")
        if not command:
            pytest.skip("CHANCERY_COMMAND names no chancery built with the feature aws")
        said = subprocess.run(
            [command, "--json", "--aws", "--project", "serverless", "--env", "dev", "guard", *arguments],
            env={
                **os.environ, "AWS_ENDPOINT_URL": self.sandbox.endpoint, "AWS_REGION": watching.REGION,
                "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
            },
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert said.returncode in (0, 3), said.stderr
        return said.returncode, json.loads(said.stdout)

    def stolen(self, name: str):
        """Clients with the credentials of a function, which somebody carried out of it."""
        key = self.sandbox.ask("POST", "credentials", {"arn": self.authority.outputs["function_arns"][name]})
        return lambda service: self.sandbox.client(
            service, access_key=key["AccessKeyId"], aws_session_token=key["SessionToken"]
        )

    def sign(self, kms) -> str:
        """A signature by the issuing CA's key; its request id."""
        return watching.request_id(
            kms.sign(KeyId=self.authority.outputs["issuing_ca_key_arn"], Message=b"x" * 32, MessageType="DIGEST",
                     SigningAlgorithm="ECDSA_SHA_256")
        )  # fmt: skip


@pytest.fixture
def guarded(sandbox, authority, name, tmp_path):
    watching.trail(sandbox, name, multi=True, advanced=[watching.MANAGEMENT, watching.data_of("AWS::Lambda::Function")])
    yield Guarded(sandbox, authority, name, tmp_path)
    sandbox.client("cloudtrail").delete_trail(Name=name)


def matching(answer: dict) -> list[str]:
    """The rules about signatures that found something worse than low."""
    found = (each for each in answer["findings"] if each["severity"] != "low")
    return sorted(each["rule"] for each in found if each["rule"] in MATCHING)


def issue(authority, common_name: str) -> dict:
    return authority.invoke("tls-cert", {"common_name": common_name, "base64_csr_data": csr(common_name=common_name)})


def test_honest_work_raises_no_alarm(guarded, authority):
    for number in range(3):
        assert "Base64Certificate" in issue(authority, f"guarded-{number}.example.com")
    assert authority.run().status == "SUCCEEDED"
    _, answer = guarded.look()
    assert matching(answer) == []
    coverage = answer["coverage"]
    assert coverage["matching"] == "three-way"
    # Three certificates, a CRL of each CA.
    assert coverage["signatures"] >= 5
    assert coverage["invocations"] >= coverage["signatures"]
    assert coverage["pending"] == 0
    assert coverage["lost"] == []


def test_a_thief_with_a_function_s_credentials_is_found(guarded, authority):
    issue(authority, "before-the-theft.example.com")
    stolen = guarded.stolen("tls-cert")
    request = guarded.sign(stolen("kms"))
    code, answer = guarded.look()
    assert (code, matching(answer)) == (3, ["unaccounted-signature"])
    finding = next(each for each in answer["findings"] if each["rule"] == "unaccounted-signature")
    assert (finding["severity"], finding["ca"]) == ("critical", authority.issuing_ca_name)
    assert [each["request_id"] for each in finding["evidence"]] == [request]


def planted(guarded, stolen, row: dict, **changed: str) -> None:
    """Another attempt like that, written with the rights of whom its credentials were taken from."""
    journal = guarded.authority.outputs["journal_table_name"]
    sort = row["Sort"]["S"][:-4] + uuid.uuid4().hex[:4]
    item = {name: value for name, value in row.items() if name not in ("Key", "Sort")}
    item |= {name: {"S": value} for name, value in changed.items()}
    stolen("dynamodb").update_item(
        TableName=journal,
        Key={"Key": row["Key"], "Sort": {"S": sort}},
        UpdateExpression="SET " + ", ".join(f"#{name} = if_not_exists(#{name}, :{name})" for name in item),
        ExpressionAttributeNames={f"#{name}": name for name in item},
        ExpressionAttributeValues={f":{name}": value for name, value in item.items()},
    )


def test_a_thief_who_also_writes_rows_is_found(guarded, authority):
    issue(authority, "before-the-rows.example.com")
    stolen = guarded.stolen("tls-cert")
    attempts = [row for row in authority.rows("journal_table_name") if "Purpose" in row]
    honest = max((row for row in attempts if row["Purpose"]["S"] == "certificate"), key=lambda row: row["Sort"]["S"])
    # For an invocation that never was; then for one that had a certificate of its own signed.
    planted(guarded, stolen, honest, Detail=guarded.sign(stolen("kms")), RequestId=str(uuid.uuid4()), Subject="4711")
    _, answer = guarded.look()
    assert matching(answer) == ["unaccounted-signature"]
    assert "no function was invoked" in answer["findings"][0]["title"]
    planted(guarded, stolen, honest, Detail=guarded.sign(stolen("kms")), Subject="4712")
    _, answer = guarded.look()
    assert matching(answer) == ["count-exceeded", "unaccounted-signature"]


MALLORY = "mallory-of-the-guard"


@pytest.mark.denied(MALLORY)
def test_somebody_who_may_not_is_told(guarded, sandbox):
    iam = sandbox.client("iam")
    role = iam.create_role(RoleName=MALLORY, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    key = sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    kms = sandbox.client("kms", access_key=key["AccessKeyId"], aws_session_token=key["SessionToken"])
    with pytest.raises(ClientError):
        guarded.sign(kms)
    iam.delete_role(RoleName=MALLORY)
    code, answer = guarded.look()
    assert (code, matching(answer)) == (3, ["denied-signature"])
    refused = next(each for each in answer["findings"] if each["rule"] == "denied-signature")
    assert MALLORY in refused["evidence"][0]["principal"]


def test_changes_that_lead_to_a_key_are_told(guarded, sandbox, authority):
    function = authority.function("notify")
    configuration = sandbox.client("lambda").get_function_configuration(FunctionName=function)
    sandbox.client("lambda").update_function_configuration(
        FunctionName=function, Description=configuration["Description"]
    )
    role = configuration["Role"].rsplit("/", 1)[1]
    trust = sandbox.client("iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    sandbox.client("iam").update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))
    policy = sandbox.client("kms").get_key_policy(KeyId=authority.outputs["root_ca_key_arn"], PolicyName="default")
    sandbox.client("kms").put_key_policy(
        KeyId=authority.outputs["root_ca_key_arn"], PolicyName="default", Policy=policy["Policy"]
    )
    code, answer = guarded.look()
    rules = {each["rule"] for each in answer["findings"]}
    assert code == 3
    assert rules >= {"function-configuration-changed", "role-trust-changed", "key-policy-changed"}


def test_what_others_have_seen(guarded, authority, tmp_path):
    answer = issue(authority, "seen.example.com")
    known = tmp_path / "known.pem"
    known.write_bytes(base64.b64decode(answer["Base64Certificate"]))
    code, said = guarded.command("seen", str(known))
    assert (code, said["seen"]["known"], said["seen"]["certificates"]) == (0, 1, 1)
    serials = tmp_path / "serials.txt"
    serials.write_text("4711ABCD4711ABCD4711\n")
    code, said = guarded.command("seen", "--issuer", authority.issuing_ca_name, str(serials))
    assert (code, [each["rule"] for each in said["findings"]]) == (3, ["unknown-serial"])
