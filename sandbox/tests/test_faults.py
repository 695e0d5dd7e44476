"""Every call to AWS of every function meets every fault, in a deployment of the module with the real functions.

Whatever fails: no signature without its record, no certificate lost or doubled, no CRL number that goes backwards, and no
error but of a type that says what to do. The same again then comes to what it should have come to.
"""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace

import pytest
from cryptography import x509
from faulty import Faulty, Scenario
from place import Place, Request, certificate_of

pytestmark = [pytest.mark.deployed("faults"), pytest.mark.thorough]

SERVER, REMINDED, SILENT = "server.example.com", "reminded.example.com", "silent.example.com"


@pytest.fixture(scope="module")
def faulty(place):
    return Faulty(place)


@pytest.fixture(scope="module")
def queue(sandbox, place):
    """Hears what the topic tells, in place of notify, which would call AWS itself at any time."""
    sns = sandbox.client("sns")
    topic = place.outputs["sns_topic_arn"]
    for subscription in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    url = place.sqs.create_queue(QueueName=place.project)["QueueUrl"]
    attributes = place.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes["QueueArn"])
    return url


def told(place: Place, queue: str) -> list[tuple[str, dict]]:
    """Subject and text of every notice since this was asked last."""
    notices = []
    while messages := place.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            body = json.loads(message["Body"])
            notices.append((body["Subject"], json.loads(body["Message"])))
            place.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return notices


@pytest.fixture(scope="module")
def states(place, queue):
    """The deployment as it is before, between and after the functions of the state machine have run."""
    place.restore(place.pristine)
    listed, silent = Request.new(SERVER), Request.new(SILENT)
    place.put("csrs/server.pem", listed.pem)
    place.put("csrs/silent.pem", silent.pem)
    entries = [
        {"common_name": SERVER, "csr_file": "server.pem"},
        {"common_name": SILENT, "csr_file": "silent.pem"},
    ]
    place.put("tls.json", json.dumps(entries).encode())
    made = SimpleNamespace(empty=place.state())
    run(place, "create-root-ca")
    run(place, "root-ca-crl")
    made.root = place.state()
    run(place, "create-issuing-ca")
    run(place, "issuing-ca-crl")
    made.both = place.state()
    told(place, queue)
    return made


def run(place: Place, function: str, event: dict | None = None):
    outcome = place.invoke(function, event)
    assert not outcome.error, f"{function}: {outcome}"
    return outcome.value


def serial_of(row: dict) -> int:
    return int(row["SerialNumber"]["S"])


def test_create_root_ca(faulty, states):
    place = faulty.place

    def verify():
        (row,) = place.rows(place.root)
        assert x509.load_pem_x509_certificate(place.published(f"{place.root}.crt")) == certificate_of(row)

    assert faulty.run(Scenario("create-root-ca", states.empty, verify)) >= 10


def test_create_issuing_ca(faulty, states):
    place = faulty.place

    def verify():
        (root,), (issuing,) = place.rows(place.root), place.rows(place.issuing)
        both = [certificate_of(root), certificate_of(issuing)]
        both[1].verify_directly_issued_by(both[0])
        assert x509.load_pem_x509_certificate(place.published(f"{place.issuing}.crt")) == both[1]
        bundle = place.published(place.outputs["ca_bundle_s3_key"])
        assert x509.load_pem_x509_certificates(bundle) == both

    assert faulty.run(Scenario("create-issuing-ca", states.root, verify)) >= 10


def crl_names(place: Place, ca: str, serial: int) -> None:
    """The published CRL of a CA names it, in both forms."""
    der = x509.load_der_x509_crl(place.published(f"{ca}.crl"))
    assert x509.load_pem_x509_crl(place.published(f"{ca}.crl.pem")) == der
    assert der.get_revoked_certificate_by_serial_number(serial) is not None


def test_root_ca_crl(faulty, states):
    place = faulty.place
    place.restore(states.both)
    (issuing,) = place.rows(place.issuing)
    entry = {"common_name": place.issuing, "serial_number": issuing["SerialNumber"]["S"]}
    place.put("revoked-root-ca.json", json.dumps([entry]).encode())

    def verify():
        assert "Revoked" in place.rows(place.issuing)[0]
        crl_names(place, place.root, serial_of(issuing))

    assert faulty.run(Scenario("root-ca-crl", place.state(), verify)) >= 10


def test_issuing_ca_crl(faulty, states):
    place = faulty.place
    place.restore(states.both)
    run(place, "tls-cert", Request.new("revoked.example.com").event())
    (row,) = place.rows("revoked.example.com")
    entry = {"common_name": "revoked.example.com", "serial_number": row["SerialNumber"]["S"]}
    place.put("revoked.json", json.dumps([entry]).encode())

    def verify():
        assert "Revoked" in place.rows("revoked.example.com")[0]
        crl_names(place, place.issuing, serial_of(row))

    assert faulty.run(Scenario("issuing-ca-crl", place.state(), verify)) >= 10


@pytest.mark.parametrize("token", ["a-token", None])
def test_tls_cert(faulty, states, token):
    place = faulty.place
    event = {"common_name": SERVER, "csr_file": "server.pem", "lifetime": 1}
    if token:
        event["idempotency_token"] = token

    def verify():
        (row,) = place.rows(SERVER)
        answer = run(place, "tls-cert", event)
        if token:
            assert answer["CertificateInfo"]["SerialNumber"] == row["SerialNumber"]["S"]
            pem = base64.b64decode(answer["Base64Certificate"])
            assert x509.load_pem_x509_certificate(pem) == certificate_of(row)
        else:
            assert answer == {"error": "Certificate already issued"}

    assert faulty.run(Scenario("tls-cert", states.both, verify, event, late=True)) >= 10


def test_expiry(faulty, states, queue):
    place = faulty.place
    place.restore(states.both)
    # Seven calendar days are left of one whose row asks for reminders, and of one whose row is of before rows said.
    run(place, "tls-cert", Request.new(REMINDED).event(lifetime=7, notify_expiry=True))
    run(place, "tls-cert", {"common_name": SILENT, "csr_file": "silent.pem", "lifetime": 7, "notify_expiry": False})
    (silent,) = place.rows(SILENT)
    key = {name: silent[name] for name in ("CommonName", "SerialNumber")}
    place.dynamodb.update_item(TableName=place.certificates, Key=key, UpdateExpression="REMOVE NotifyExpiry")

    def verify():
        subjects = [
            (subject, notice["CertificateInfo"]["CommonName"], notice["DaysRemaining"])
            for subject, notice in told(place, queue)
        ]
        for name in (REMINDED, SILENT):
            (row,) = place.rows(name)
            assert len(row.get("ExpiryReminders", {"L": []})["L"]) == 1, f"{name}: {row}"
            assert ("Certificate Expiry Warning", name, 7) in subjects, f"{name}: {subjects}"

    begin = lambda: told(place, queue)  # noqa: E731
    assert faulty.run(Scenario("expiry", place.state(), verify, begin=begin, at_once=True)) >= 10


def sns_event(subject: str, message: str) -> dict:
    return {"Records": [{"EventSource": "aws:sns", "Sns": {"Subject": subject, "Message": message}}]}


def delivered_to_slack(sandbox, place: Place) -> int:
    return sum(place.project in json.dumps(message) for message in sandbox.ask("GET", "slack"))


def test_notify(sandbox, place, faulty, states):
    notice = {"CommonName": "a.example.com", "SerialNumber": "7", "Revoked": "2026-11-27 00:00:00", "Subject": "CN=a"}
    event = sns_event("Certificate Revoked", json.dumps(notice))

    def delivered() -> int:
        return delivered_to_slack(sandbox, place)

    def hold(outcome):
        assert outcome.error == "", "SNS would deliver it again, to every channel"
        assert delivered() == 1 or "notice is lost" in outcome.log, outcome.log

    def verify():
        assert delivered() >= 1

    def begin():
        sandbox.ask("DELETE", "slack")

    assert faulty.run(Scenario("notify", states.both, verify, event, begin=begin, hold=hold)) >= 5


@pytest.mark.parametrize(("behaviour", "arrives"), [({"down": 2}, True), ({"limited": 2}, True), ({"down": 9}, False)])
def test_notify_where_slack_has_a_bad_day(sandbox, place, behaviour, arrives):
    sandbox.ask("DELETE", "slack")
    sandbox.ask("POST", "slack", behaviour)
    outcome = place.invoke("notify", sns_event("Something", "else"))
    assert outcome.error == ""
    assert delivered_to_slack(sandbox, place) == arrives
    assert ("notice is lost" in outcome.log) != arrives, outcome.log
    sandbox.ask("DELETE", "slack")


def test_notify_waits_for_the_account_s_alias_but_not_long(sandbox, place):
    sandbox.ask("DELETE", "slack")
    place.cold("notify")
    place.fault("notify", "iam", "ListAccountAliases", "slow", delay=20)
    outcome = place.invoke("notify", sns_event("Something", "else"))
    assert outcome.error == ""
    assert delivered_to_slack(sandbox, place) == 1
    sandbox.ask("DELETE", "slack")


def test_sweep(sandbox, faulty, states):
    place = faulty.place
    place.restore(states.both)
    event = Request.new("interrupted.example.com").event(idempotency_token="a-token")
    place.fault("tls-cert", "kms", "Sign", "failed", times=5)
    interrupted = place.invoke("tls-cert", event)
    assert interrupted.error == "UnavailableError"
    assert sandbox.ask("DELETE", "faults") == 0
    assert place.age_intents() == 1

    def verify():
        (row,) = place.rows("interrupted.example.com")
        answer = run(place, "tls-cert", event)
        assert answer["CertificateInfo"]["SerialNumber"] == row["SerialNumber"]["S"]

    assert faulty.run(Scenario("sweep", place.state(), verify, sweeps=True, late=True)) >= 10


def test_a_ca_that_was_interrupted_is_left_to_who_makes_it(sandbox, faulty, states):
    """The sweep may not write CA records: the function that creates the CA continues with what it finds."""
    place = faulty.place
    place.restore(states.root)
    place.fault("create-issuing-ca", "kms", "Sign", "lost", times=5)
    assert place.invoke("create-issuing-ca").error == "UnavailableError"
    assert sandbox.ask("DELETE", "faults") == 0
    assert place.age_intents() == 1
    before = place.state()
    (interrupted,) = [item for item in place.items(place.journal).values() if "Open" in item]
    serial = int(interrupted["Key"]["S"].removeprefix("intent#"))
    run(place, "sweep")
    assert place.items(place.journal) == before.items(place.journal)

    def verify():
        (row,) = place.rows(place.issuing)
        assert serial_of(row) == serial

    assert faulty.run(Scenario("create-issuing-ca", before, verify)) >= 10
