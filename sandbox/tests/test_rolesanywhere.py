"""IAM Roles Anywhere: what is kept, what is recorded, and which certificates were seen."""

from __future__ import annotations

import datetime as dt
import json

import lambdas
import pytest
import watching
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def certificate(common_name: str, serial: int) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Issuing CA")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(serial).not_valid_before(now).not_valid_after(now + dt.timedelta(days=1))
    return builder.sign(key, hashes.SHA256())


def anchor(client, name: str) -> dict:
    source = {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": "PEM"}}
    return client.create_trust_anchor(name=name, source=source, enabled=True)


def test_a_trust_anchor_is_kept_and_recorded(sandbox, name):
    client = sandbox.client("rolesanywhere")
    answer = anchor(client, name)
    made = answer["trustAnchor"]
    assert (
        made["trustAnchorArn"] == f"arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/{made['trustAnchorId']}"
    )
    assert client.get_trust_anchor(trustAnchorId=made["trustAnchorId"])["trustAnchor"] == made
    assert made in client.list_trust_anchors(pageSize=100)["trustAnchors"]
    record = watching.record_of(sandbox, watching.request_id(answer))
    assert (record["eventSource"], record["eventName"]) == ("rolesanywhere.amazonaws.com", "CreateTrustAnchor")
    assert record["requestParameters"]["name"] == name
    assert record["responseElements"]["trustAnchor"]["trustAnchorId"] == made["trustAnchorId"]
    disabled = client.disable_trust_anchor(trustAnchorId=made["trustAnchorId"])
    assert not disabled["trustAnchor"]["enabled"]
    client.delete_trust_anchor(trustAnchorId=made["trustAnchorId"])
    with pytest.raises(ClientError) as error:
        client.get_trust_anchor(trustAnchorId=made["trustAnchorId"])
    assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_tags(sandbox, name):
    client = sandbox.client("rolesanywhere")
    arn = anchor(client, name)["trustAnchor"]["trustAnchorArn"]
    client.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    client.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": "2"}]


def test_profiles_are_listed_in_pages(sandbox, name):
    client = sandbox.client("rolesanywhere", region="us-west-2")
    for index in range(3):
        client.create_profile(name=f"{name}-{index}", roleArns=["arn:aws:iam::123456789012:role/role"])
    first = client.list_profiles(pageSize=2)
    second = client.list_profiles(pageSize=2, nextToken=first["nextToken"])
    assert [each["name"][-1] for each in first["profiles"] + second["profiles"]] == ["0", "1", "2"]
    assert "nextToken" not in second
    assert not first["profiles"][0]["enabled"]


def test_a_certificate_that_was_presented_is_found_again(sandbox, name):
    client = sandbox.client("rolesanywhere")
    shown = [certificate(name, 4711), certificate(name, 4712)]
    for each in shown:
        pem = each.public_bytes(serialization.Encoding.PEM).decode()
        sandbox.ask("POST", "rolesanywhere/seen", {"region": "eu-west-1", "certificate": pem})
    (summary,) = [
        each for each in client.list_subjects(pageSize=100)["subjects"] if each["x509Subject"] == f"CN={name}"
    ]
    assert "credentials" not in summary
    credentials = client.get_subject(subjectId=summary["subjectId"])["subject"]["credentials"]
    assert [each["serialNumber"] for each in credentials] == ["4711", "4712"]
    assert credentials[0]["issuer"] == "CN=Issuing CA"
    assert credentials[0]["seenAt"] <= summary["lastSeenAt"]


def test_a_role_may_list_subjects_only_if_it_is_allowed_to(sandbox, name):
    role = lambdas.role(sandbox, name)
    taken = sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    client = sandbox.client("rolesanywhere", access_key=taken["AccessKeyId"])
    with pytest.raises(ClientError) as error:
        client.list_subjects()
    assert "rolesanywhere:ListSubjects" in str(error.value)
    allowed = {"Effect": "Allow", "Action": "rolesanywhere:ListSubjects", "Resource": "*"}
    sandbox.client("iam").put_role_policy(
        RoleName=name, PolicyName="list", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    )
    client.list_subjects()
    with pytest.raises(ClientError):
        anchor(client, name)
