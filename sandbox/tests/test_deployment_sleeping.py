"""A root whose key is disabled between uses, as docs/aws/operations.md says it, and what its organisation denies."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import subprocess

import judges
import pytest
from botocore.exceptions import ClientError
from deployments import csr

from chancery_sandbox.authority import FunctionFailedError
from chancery_sandbox.policy import Asked, Verdict, evaluate

pytestmark = pytest.mark.deployed("sleeping")

EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
ASLEEP = {"sleeping_root": True, "root_crl_days": 180, "root_crl_seconds": 0}


def issue(authority, name: str):
    answer = authority.invoke("tls-cert", {"common_name": name, "base64_csr_data": csr(common_name=name)})
    return judges.certificate(answer["Base64Certificate"])


def cold(sandbox, authority) -> None:
    for arn in authority.outputs["function_arns"].values():
        sandbox.ask("POST", "cold", {"arn": arn})


@pytest.fixture
def session(sandbox):
    """Clients of a session of a new role with that policy."""

    def session(name: str, policy: str):
        iam = sandbox.client("iam")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
        key = sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
        return lambda service: sandbox.client(service, key["AccessKeyId"], aws_session_token=key["SessionToken"])

    return session


@pytest.mark.denied("administrator", "root-operator")
def test_a_root_sleeps_and_is_woken(sandbox, deployed, authority, session, tmp_path):  # noqa: PLR0915 - one long night
    kms, root = authority.client("kms"), authority.outputs["root_ca_key_arn"]
    noted = hashlib.sha256(kms.get_public_key(KeyId=root)["PublicKey"]).hexdigest()
    stack = deployed.stack
    stack.inputs = {**stack.inputs, **ASLEEP, "root_ca_public_key_sha256": noted}
    stack.write()
    stack.apply()

    # The CRL of months is published before the key sleeps.
    authority.invoke("root-ca-crl")
    kms.disable_key(KeyId=root)
    crl = judges.crl(authority, authority.root_ca_name)
    assert crl.next_update_utc - crl.last_update_utc > dt.timedelta(days=179)
    assert stack.plan() == [], "no apply wakes a root"

    # Nobody but a root operator wakes it, and a root operator only with a second factor, which no session here has.
    for name, policy in (("administrator", EVERYTHING), ("root-operator", authority.outputs["root_operator_policy"])):
        with pytest.raises(ClientError, match="AccessDenied"):
            session(name, policy)("kms").enable_key(KeyId=root)

    # Whatever is known is forgotten; everything but the root's own signatures goes on, and alarms nobody.
    cold(sandbox, authority)
    run = authority.run()
    assert (run.status, run.failed) == ("SUCCEEDED", {})
    leaf = issue(authority, "asleep.example.com")
    assert leaf.issuer == judges.ca(authority, authority.issuing_ca_name).subject
    entry = {"common_name": "asleep.example.com", "serial_number": str(leaf.serial_number)}
    authority.put_internal("revoked.json", json.dumps([entry]).encode())
    assert authority.run().status == "SUCCEEDED"
    assert leaf.serial_number in judges.serials(judges.crl(authority, authority.issuing_ca_name))
    assert judges.crl(authority, authority.root_ca_name) == crl
    measured = [json.loads(line) for line in authority.log("sweep") if "CrlAge" in line]
    assert {line.get("Authority") for line in measured} >= {authority.root_ca_name, authority.issuing_ca_name}

    # So does the command.
    command = os.environ.get("CHANCERY_COMMAND")
    if command:
        call = [command, "--json", "--aws", "--project", "sleeping", "--env", "dev", "ca", "activate", "issuing-ca"]
        environment = judges.aws_environment(sandbox.endpoint, tmp_path)
        said = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr
        assert json.loads(said.stdout)["state"] == "active"

    with pytest.raises(FunctionFailedError):
        authority.invoke("root-ca-crl")
    assert judges.crl(authority, authority.root_ca_name) == crl
    if not command:
        kms.enable_key(KeyId=root)
        authority.invoke("root-ca-crl")
    else:
        call = [command, "--json", "--aws", "--project", "sleeping", "--env", "dev", "root"]
        subprocess.run([*call, "wake"], env=environment, check=True)
        assert kms.describe_key(KeyId=root)["KeyMetadata"]["KeyState"] == "Enabled"
        authority.invoke("root-ca-crl")
        said = subprocess.run([*call, "sleep"], env=environment, capture_output=True, text=True, check=True)
        assert kms.describe_key(KeyId=root)["KeyMetadata"]["KeyState"] == "Disabled"
        signed = [attempt for attempt in json.loads(said.stdout)["attempts"] if attempt["outcome"] == "signed"]
        number = judges.number(judges.crl(authority, authority.root_ca_name))
        assert signed[-1]["what"] == f"CRL number {number} of {authority.root_ca_name}"
        assert signed[-1]["receipt"]
    assert judges.number(judges.crl(authority, authority.root_ca_name)) > judges.number(crl)

    # Who knows nothing of the key that sleeps believes no root, and issues nothing.
    stack.inputs = {
        name: value for name, value in stack.inputs.items() if name not in {*ASLEEP, "root_ca_public_key_sha256"}
    }
    stack.write()
    stack.apply()
    kms.disable_key(KeyId=root)
    with pytest.raises(FunctionFailedError):
        issue(authority, "unknown.example.com")
    kms.enable_key(KeyId=root)
    issue(authority, "awake.example.com")


ACCOUNT = "123456789012"
ROLES = f"arn:aws:iam::{ACCOUNT}:role"
FUNCTIONS = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function"
SIGNER, STRANGER = f"{ROLES}/sleeping-tls-cert-dev", f"{ROLES}/stranger"
DEPLOYER, BREAK_GLASS, ROOT_OPERATOR = (f"{ROLES}/{name}" for name in ("deployer", "break-glass", "root-operator"))
SILENT, DENIED = Verdict.SILENT, Verdict.DENIED


def verdict(policy: str, who: str, action: str, resource: str, **context: str) -> Verdict:
    keys = {"aws:principalarn": who} | {name.replace("__", ":").lower(): value for name, value in context.items()}
    return evaluate(policy, Asked(action, resource, (who,), keys))


def test_what_the_organisation_denies_principals(authority):
    policy, key = authority.outputs["service_control_policy"], authority.outputs["root_ca_key_arn"]

    def said(who: str, action: str, resource: str = key, **context: str) -> Verdict:
        return verdict(policy, who, action, resource, **context)

    own = f"{FUNCTIONS}:sleeping-tls-cert-dev"
    assert said(SIGNER, "kms:Sign", lambda__SourceFunctionArn=own) is SILENT
    assert said(SIGNER, "kms:Sign", lambda__SourceFunctionArn=f"{FUNCTIONS}:sleeping-thief-dev") is DENIED
    for who in (SIGNER, STRANGER, DEPLOYER, BREAK_GLASS):
        assert said(who, "kms:Sign") is DENIED, who
        assert said(who, "kms:Verify") is DENIED, who
        assert said(who, "organizations:LeaveOrganization", "*") is DENIED, who
    table = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/SleepingCADev"
    allowed = {
        ("kms:DisableKey", key): {BREAK_GLASS, ROOT_OPERATOR},
        ("kms:EnableKey", key): {BREAK_GLASS, ROOT_OPERATOR},
        ("kms:ScheduleKeyDeletion", key): {BREAK_GLASS},
        ("cloudtrail:StopLogging", "*"): {BREAK_GLASS},
        ("kms:PutKeyPolicy", key): {BREAK_GLASS, DEPLOYER},
        ("lambda:UpdateFunctionCode20150331v2", own): {BREAK_GLASS, DEPLOYER},
        ("lambda:CreateFunction", f"{FUNCTIONS}:other"): {BREAK_GLASS, DEPLOYER},
        ("lambda:AddPermission", own): {BREAK_GLASS, DEPLOYER},
        ("iam:UpdateAssumeRolePolicy", SIGNER): {BREAK_GLASS, DEPLOYER},
        ("rolesanywhere:CreateTrustAnchor", "*"): {BREAK_GLASS, DEPLOYER},
        ("dynamodb:DeleteResourcePolicy", table): {BREAK_GLASS, DEPLOYER},
        ("s3:PutBucketPolicy", "arn:aws:s3:::sleeping"): {BREAK_GLASS, DEPLOYER},
        ("events:DisableRule", "*"): {BREAK_GLASS, DEPLOYER},
        # What keys, tables and buckets see to themselves, and what is nobody's harm.
        ("dynamodb:PutItem", table): {STRANGER, BREAK_GLASS, DEPLOYER, ROOT_OPERATOR},
        ("lambda:InvokeFunction", own): {STRANGER, BREAK_GLASS, DEPLOYER, ROOT_OPERATOR},
        ("kms:DescribeKey", key): {STRANGER, BREAK_GLASS, DEPLOYER, ROOT_OPERATOR},
    }
    for (action, resource), who in allowed.items():
        found = {
            each for each in (STRANGER, BREAK_GLASS, DEPLOYER, ROOT_OPERATOR) if said(each, action, resource) is SILENT
        }
        assert found == who, action
    # Nobody passes a function's role to anything but Lambda, not even who deploys.
    assert said(DEPLOYER, "iam:PassRole", SIGNER, iam__PassedToService="lambda.amazonaws.com") is SILENT
    assert said(DEPLOYER, "iam:PassRole", SIGNER, iam__PassedToService="ec2.amazonaws.com") is DENIED
    assert said(DEPLOYER, "iam:PassRole", SIGNER) is DENIED
    assert said(STRANGER, "iam:PassRole", SIGNER, iam__PassedToService="lambda.amazonaws.com") is DENIED


def test_what_the_organisation_denies_of_resources(authority):
    policy, key = authority.outputs["resource_control_policy"], authority.outputs["root_ca_key_arn"]

    def said(
        who: str, action: str, resource: str = key, organization: str = "o-exampleorgid", **context: str
    ) -> Verdict:
        more = {"aws__PrincipalOrgID": organization, "aws__PrincipalIsAWSService": "false"} | context
        return verdict(policy, who, action, resource, **more)

    assert said(SIGNER, "kms:Sign") is SILENT
    for who in (STRANGER, DEPLOYER, BREAK_GLASS):
        assert said(who, "kms:Sign") is DENIED, who
    assert said(SIGNER, "kms:Verify") is DENIED
    assert said(DEPLOYER, "kms:CreateGrant", kms__GrantIsForAWSResource="true") is SILENT
    assert said(DEPLOYER, "kms:CreateGrant", kms__GrantIsForAWSResource="false") is DENIED
    assert said(DEPLOYER, "kms:CreateGrant") is DENIED
    assert (said(DEPLOYER, "kms:PutKeyPolicy"), said(STRANGER, "kms:PutKeyPolicy")) == (SILENT, DENIED)
    assert (said(BREAK_GLASS, "kms:ScheduleKeyDeletion"), said(DEPLOYER, "kms:ScheduleKeyDeletion")) == (SILENT, DENIED)
    published = "arn:aws:s3:::sleeping-ca-external-dev/sleeping-issuing-ca-dev.crl"
    outside = "arn:aws:iam::999999999999:role/verifier"
    assert said(SIGNER, "s3:PutObject", published) is SILENT
    assert said(outside, "s3:PutObject", published, organization="o-other") is DENIED
    assert said(outside, "s3:GetObject", published, organization="o-other") is SILENT
    assert said("cloudfront.amazonaws.com", "s3:GetObject", published, aws__PrincipalIsAWSService="true") is SILENT
