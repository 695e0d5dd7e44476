"""What becomes of certificates: revoked, about to expire, interrupted; and of events that no function can handle."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime

import judges
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from deployments import csr, grow_older

from chancery_sandbox.authority import FunctionFailedError

pytestmark = pytest.mark.deployed("main")


def issue(authority, name: str, **more) -> dict:
    return authority.invoke("tls-cert", {"common_name": name, "base64_csr_data": csr(common_name=name), **more})


def revoke(authority, entries: list[dict], name: str = "revoked.json") -> None:
    authority.put_internal(name, json.dumps(entries).encode())


def row_of(authority, answer: dict) -> dict:
    serial = answer["CertificateInfo"]["SerialNumber"]
    return next(row for row in authority.rows() if row["SerialNumber"]["S"] == serial)


def test_a_revocation(authority, told, tmp_path):
    answer, beside = issue(authority, "gone.example.com"), issue(authority, "stays.example.com")
    serial = answer["CertificateInfo"]["SerialNumber"]
    entries = [
        {"common_name": "nobody", "serial_number": "4711"},
        {"common_name": "gone.example.com", "serial_number": serial, "reason": "keyCompromise"},
    ]
    before = judges.number(judges.crl(authority, authority.issuing_ca_name))
    told()
    revoke(authority, entries)
    assert authority.run().status == "SUCCEEDED"
    crl = judges.crl(authority, authority.issuing_ca_name)
    assert judges.number(crl) == before + 1
    entry = crl.get_revoked_certificate_by_serial_number(int(serial))
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason == x509.ReasonFlags.key_compromise
    assert crl.get_revoked_certificate_by_serial_number(int(beside["CertificateInfo"]["SerialNumber"])) is None
    pem = judges.certificate(answer["Base64Certificate"]).public_bytes(serialization.Encoding.PEM)
    assert "certificate revoked" in judges.openssl_verify(tmp_path, authority, pem)
    revoked = row_of(authority, answer)["Revoked"]["S"]
    # No later than thisUpdate, which lies five minutes back for those whose clocks are behind.
    at = datetime.strptime(revoked, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    assert entry.revocation_date_utc == min(at, crl.last_update_utc)
    assert crl.last_update_utc < at
    notices, messages = told()
    said = {
        "CommonName": "gone.example.com",
        "SerialNumber": serial,
        "Revoked": revoked,
        "Subject": answer["Subject"],
    }
    assert notices == [("Certificate Revoked", said)]
    assert messages[0]["blocks"][0]["text"]["text"] == ":octagonal_sign: Certificate Revoked"

    # It stays so when its entry goes, and nobody is told again.
    revoke(authority, [])
    assert authority.run().status == "SUCCEEDED"
    assert int(serial) in judges.serials(judges.crl(authority, authority.issuing_ca_name))
    assert told()[0] == []


def test_a_revocation_written_by_hand(authority):
    answer = issue(authority, "by-hand.example.com")
    serial = answer["CertificateInfo"]["SerialNumber"]
    row = row_of(authority, answer)
    authority.client("dynamodb").update_item(
        TableName=authority.outputs["certificate_table_name"],
        Key={name: row[name] for name in ("CommonName", "SerialNumber")},
        UpdateExpression="SET Revoked = :at",
        ExpressionAttributeValues={":at": {"S": "2026-11-20 10:00:00"}},
    )
    before = judges.number(judges.crl(authority, authority.issuing_ca_name))
    run = authority.run()
    # It is on the CRL of this very run, which says that it was found.
    assert (run.status, set(run.failed)) == ("FAILED", {"IssuingCaCrlError"})
    cause = json.loads(run.failed["IssuingCaCrlError"]["Cause"])
    assert cause["errorType"] == "IncompleteError"
    assert "1 are now listed" in cause["errorMessage"]
    crl = judges.crl(authority, authority.issuing_ca_name)
    assert judges.number(crl) == before + 2
    assert int(serial) in judges.serials(crl)
    measured = [json.loads(line) for line in authority.log("issuing-ca-crl") if "CrlDamaged" in line]
    assert measured[-1]["CrlDamaged"] == 1
    assert authority.run().status == "SUCCEEDED"


def test_a_list_that_is_none_does_not_keep_the_crl_back(authority):
    before = judges.number(judges.crl(authority, authority.issuing_ca_name))
    authority.put_internal("revoked.json", b"{ no list")
    run = authority.run()
    revoke(authority, [])
    # Nor is it tried again: another try would find the same list.
    assert (run.status, set(run.failed)) == ("FAILED", {"IssuingCaCrlError"})
    assert json.loads(run.failed["IssuingCaCrlError"]["Cause"])["errorType"] == "IncompleteError"
    assert judges.number(judges.crl(authority, authority.issuing_ca_name)) == before + 1


def test_reminders(authority, told):
    answer = issue(authority, "soon.example.com", lifetime=1, notify_expiry=True)
    silent = issue(authority, "silent.example.com", lifetime=1, notify_expiry=False)
    told()
    for _ in range(2):
        assert authority.run().status == "SUCCEEDED"
    notices, messages = told()
    facts = {name: answer[name] for name in ("CertificateInfo", "Base64Certificate", "Subject")}
    assert notices == [("Certificate Expiry Warning", facts | {"DaysRemaining": 1})], "once a day"
    assert messages[0]["blocks"][0]["text"]["text"] == ":warning: Certificate Expiry Warning"
    assert len(row_of(authority, answer)["ExpiryReminders"]["L"]) == 1
    assert "ExpiryReminders" not in row_of(authority, silent)


def test_what_was_interrupted_is_taken_up(sandbox, authority):
    event = {
        "common_name": "half.example.com",
        "base64_csr_data": csr(common_name="half.example.com"),
        "idempotency_token": "half",
    }
    sandbox.ask("POST", "faults", {"service": "kms", "operation": "Sign", "kind": "unreachable", "times": 1000})
    with pytest.raises(FunctionFailedError) as failed:
        authority.invoke("tls-cert", event)
    sandbox.ask("DELETE", "faults")
    assert failed.value.error["errorType"] == "UnavailableError"
    assert not [row for row in authority.rows() if row["CommonName"]["S"] == "half.example.com"]
    # The sweep leaves alone what is younger than five minutes.
    assert authority.invoke("sweep") == {"completed": 0, "lost": 0, "failed": 0}
    grow_older(authority, 600)
    assert authority.invoke("sweep") == {"completed": 1, "lost": 0, "failed": 0}
    (row,) = [row for row in authority.rows() if row["CommonName"]["S"] == "half.example.com"]
    assert authority.invoke("tls-cert", event)["CertificateInfo"]["SerialNumber"] == row["SerialNumber"]["S"]


def test_events_that_cannot_be_handled_are_kept(sandbox, authority):
    function, client = authority.function("sweep"), authority.client("lambda")
    before = client.get_function_configuration(FunctionName=function)["Handler"]
    client.update_function_configuration(FunctionName=function, Handler="no_such.lambda_handler")
    client.invoke(FunctionName=function, InvocationType="Event", Payload=b'{"seen": "never"}')
    sandbox.settle()
    client.update_function_configuration(FunctionName=function, Handler=before)
    sqs = authority.client("sqs")
    queue = sqs.get_queue_url(QueueName="serverless-ca-dead-letters-dev")["QueueUrl"]
    kept = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"]
    assert [message["Body"] for message in kept] == ['{"seen": "never"}']
    assert "no_such" in kept[0]["MessageAttributes"]["ErrorMessage"]["StringValue"]
    assert authority.invoke("sweep")["failed"] == 0


def test_a_slack_that_is_busy_is_told_later(sandbox, authority):
    sandbox.ask("DELETE", "slack")
    sandbox.ask("POST", "slack", {"limited": 1, "retry_after": 1})
    began = time.monotonic()
    issue(authority, "www.example.com")
    sandbox.settle()
    assert time.monotonic() - began >= 1
    assert [message["channel"] for message in sandbox.ask("GET", "slack")] == ["ca", "alerts"]


def test_no_log_holds_a_request(authority):
    answer = issue(authority, "logged.example.com")
    assert answer["CertificateInfo"]["CommonName"] == "logged.example.com"
    lines = authority.log("tls-cert")
    assert any('"certificate issued"' in line for line in lines)
    encoded = base64.b64encode(b"-----BEGIN CERTIFICATE REQUEST").decode()[:30]
    assert not any(encoded in line for line in lines)
