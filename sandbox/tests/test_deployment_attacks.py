"""Sixteen attacks on the deployed module: each is prevented, or `chancery guard` tells of it; what is honest alarms nobody."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import secrets
import time

import judges
import pytest
import watching
from attacked import INTRUDER, PROJECT, SIGNERS, above_low, rules
from attacks import ATTACKS, attempts, forged, sign, sign_as
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

pytestmark = [
    pytest.mark.deployed("attacks"),
    pytest.mark.skipif(not os.environ.get("CHANCERY_COMMAND"), reason="CHANCERY_COMMAND names no chancery with AWS"),
]

WHO = (INTRUDER, f"{PROJECT}-tls-cert-dev", "stratus")


@pytest.fixture
def a(deployed):
    """The authority as it is after its honest history."""
    deployed.since = deployed.now()
    yield deployed
    deployed.restore()


@pytest.mark.denied(INTRUDER, *(f"{PROJECT}-{name}-dev" for name in SIGNERS))
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack(a, attack):
    code, answer = a.guard(*a.history, *attack.records(a))
    assert rules(answer) == attack.rules, answer["findings"]
    assert code == (3 if attack.rules else 0)
    # It tells who it was: the intruder, or the credentials that were taken or made.
    callers = [each["principal"] for found in above_low(answer) for each in found["evidence"] if "call" in each]
    assert all(any(f"/{name}" in caller for name in WHO) for caller in callers), callers


def test_what_is_honest_alarms_nobody(a):
    code, answer = a.guard(*a.history)
    assert (code, above_low(answer)) == (0, [])
    coverage = answer["coverage"]
    assert (coverage["matching"], coverage["pending"]) == ("three-way", 0)
    # KMS itself, which nobody can ask on AWS: every signature was recorded, but two that it says to have failed. Two answers
    # were lost.
    assert coverage["signatures"] == a.signed - 2
    assert len(coverage["lost"]) == 2


def test_a_thief_in_the_name_of_a_lost_answer_is_listed_once(a):
    """What docs/aws/guard.md says that the guard cannot see: it hides as well as an outage does, and is in the report."""
    a.fault("throttled")
    a.issue("throttled-again.example.com")
    (lost,) = [row for row in attempts(a)[:2] if row["Outcome"]["S"] == "unknown"]
    name = lost["Sort"]["S"].split("#")[1]
    sign_as(a, name)
    first = a.deliver()
    code, answer = a.guard(*a.history, *first)
    assert (code, above_low(answer)) == (0, [])
    assert name in {each["attempt"] for each in answer["coverage"]["lost"]}
    sign_as(a, name)
    code, answer = a.guard(*a.history, *first, *a.deliver())
    assert (code, rules(answer)) == (3, {"count-exceeded"})


def test_a_forged_record_would_be_believed_of_its_service(a):
    event = forged(a)
    _, answer = a.guard(*a.history, a.write("forged.json", event))
    assert rules(answer) == set()
    assert answer["coverage"]["foreign"]["count"] == 1
    _, answer = a.guard(*a.history, a.write("genuine.json", event | {"source": "aws.kms"}))
    assert rules(answer) == {"unaccounted-signature", "wrong-role"}


def test_the_event_history_alone_finds_signatures_and_that_it_has_no_invocations(a):
    request = sign(a, a.stolen())
    records = watching.lookup(a.sandbox, StartTime=a.began.replace(microsecond=0))
    history = a.write("events.json", {"Events": [{"CloudTrailEvent": json.dumps(record)} for record in records]})
    _, answer = a.guard(history)
    assert rules(answer) >= {"invoke-missing", "unaccounted-signature"}
    found = (each for each in answer["findings"] if each["rule"] == "unaccounted-signature")
    assert request in {evidence["request_id"] for each in found for evidence in each["evidence"]}
    assert answer["coverage"]["matching"] == "two-way"


def test_late_repeated_and_disordered_records_change_nothing(a):
    for kind in ("late", "duplicated", "out-of-order"):
        for service, operation in (("kms", "Sign"), ("lambda", "Invoke")):
            fault = {"way": "files", "kind": kind, "service": service, "operation": operation, "times": 1, "delay": 4}
            a.sandbox.ask("POST", "trail/faults", fault)
        a.issue(f"{kind}.example.com")
    early = a.deliver()
    assert a.sandbox.ask("DELETE", "trail/faults") == 0
    # What is missing is no finding before it has settled; without ever coming it is one.
    code, answer = a.guard(*a.history, *early, settled=False)
    assert (code, above_low(answer)) == (0, [])
    assert answer["coverage"]["pending"] > 0
    assert rules(a.guard(*a.history, *early)[1]) == {"signature-missing"}
    time.sleep(4)
    late = a.deliver()
    honest = a.guard(*a.history, *early, *late)
    assert (honest[0], above_low(honest[1])) == (0, [])
    # The same files again, and backwards.
    again = a.guard(*reversed([*a.history, *early, *late]), *early)
    assert (again[0], again[1]["findings"]) == (0, honest[1]["findings"])


def der(tag: int, content: bytes) -> bytes:
    """An element in DER."""
    size = len(content)
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + (bytes([size]) if size < 128 else bytes([0x80 | len(octets)]) + octets) + content


def certificate_by_a_thief(a) -> bytes:
    """A certificate in PEM that the issuing CA's key signed, and the authority knows nothing of."""
    issuer = judges.ca(a.authority, a.authority.issuing_ca_name)
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().issuer_name(issuer.subject).public_key(key.public_key())
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "forged.example.com")]))
        .serial_number(secrets.randbits(150)).not_valid_before(now).not_valid_after(now + dt.timedelta(days=90))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    tbs = made.tbs_certificate_bytes
    digest = hashes.Hash(hashes.SHA256())
    digest.update(tbs)
    signed = a.stolen()("kms").sign(
        KeyId=a.key(), Message=digest.finalize(), MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"
    )
    # The same with another signature: everything but the last element stays.
    whole = made.public_bytes(serialization.Encoding.DER)
    algorithm = whole[whole.index(tbs) + len(tbs) : -len(der(3, b"\0" + made.signature))]
    forged = x509.load_der_x509_certificate(der(0x30, tbs + algorithm + der(3, b"\0" + signed["Signature"])))
    forged.verify_directly_issued_by(issuer)
    return forged.public_bytes(serialization.Encoding.PEM)


def test_a_certificate_that_a_thief_had_signed_is_known_by_its_number(a):
    known, forged = a.folder / "known.pem", a.folder / "forged.pem"
    known.write_bytes(base64.b64decode(a.leaves[0]["Base64Certificate"]))
    forged.write_bytes(certificate_by_a_thief(a))
    code, answer = a.command("guard", "seen", str(known))
    assert (code, answer["findings"], answer["seen"]["known"]) == (0, [], 1)
    code, answer = a.command("guard", "seen", str(known), str(forged))
    assert (code, rules(answer)) == (3, {"unknown-serial"})
    assert "forged.example.com" in answer["findings"][0]["evidence"][0]["subject"]
