"""What comes to the place tls-cert from outside: every field wrong in every way, and many callers at once."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from place import RETRY_LATER, Place, Request

CALLERS = 64

FIELDS = (
    "common_name", "country", "state", "locality", "organization", "organizational_unit", "email_address", "lifetime",
    "purposes", "extended_key_usages", "sans", "extensions", "base64_csr_data", "csr_file", "force_issue", "cert_bundle",
    "ca_chain_only", "notify_expiry", "notify_issued", "idempotency_token", "profile", "passphrase", "",
)  # fmt: skip


def nested(depth: int):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


WRONG = (
    None, True, -1, 1.5, 1e300, "", "\u0000", "ä" * 3000, "x" * 200_000, "../../etc/passwd", "\u202e😀",
    [], [None], [1, "a", {}], {}, {"a": {"b": []}}, nested(100),
)  # fmt: skip


pytestmark = [pytest.mark.deployed("faults"), pytest.mark.thorough]


@pytest.fixture(scope="module", autouse=True)
def cas(place):
    place.restore(place.pristine)
    for function in ("create-root-ca", "create-issuing-ca"):
        assert place.invoke(function).error == ""


def ask(place: Place, events: list[dict]) -> tuple[int, int]:
    """Ask for each; how many certificates were given, and how many requests were refused."""
    given = refused = 0
    for event in events:
        outcome = place.invoke("tls-cert", event)
        context = f"{json.dumps(event)[:300]}: {outcome}"
        assert outcome.error == "", context
        assert isinstance(outcome.value, dict), context
        assert "panicked" not in outcome.log, context
        if "error" in outcome.value:
            refused += 1
            assert list(outcome.value) == ["error"], context
            assert 0 < len(outcome.value["error"]) < 2000, context
        else:
            given += "CertificateInfo" in outcome.value
    return given, refused


def hold(place: Place, events: list[dict]) -> None:
    """Certificates are whole, and of what was refused there is the refusal and nothing else."""
    before = place.state()
    given, refused = ask(place, events)
    after = place.state()
    assert after.raw["buckets"] == before.raw["buckets"]
    rows, old_rows = after.items(place.certificates), before.items(place.certificates)
    assert len(rows) - len(old_rows) == given
    journal, old = after.items(place.journal), before.items(place.journal)
    changed = [item for key, item in journal.items() if old.get(key) != item]
    intents = [item for item in changed if item["Key"]["S"].startswith("intent#")]
    assert all(item["Stage"]["S"] == "complete" for item in intents)
    assert {item["Key"]["S"].removeprefix("intent#") for item in intents} == {
        serial for _, serial in rows.keys() - old_rows.keys()
    }
    kinds = {item["Key"]["S"].split("#")[0] for item in changed} - {"rejections", "rejections-days"}
    assert len([item for item in changed if item["Key"]["S"].startswith("rejections#")]) <= refused
    assert not kinds or given, f"refusals left {kinds}"
    place.restore(before)


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_wrong_in_each_way(place, field):
    request = Request.new("wrong.example.com").event(force_issue=True)
    missing = {name: value for name, value in request.items() if name != field}
    hold(place, [request | {field: value} for value in WRONG] + [missing])


def test_several_fields_wrong_in_any_way(place):
    # The same ones with every run: what fails once can be looked into.
    dice = random.Random(20261127)  # noqa: S311 - not for cryptography
    request = Request.new("wrong.example.com").event(force_issue=True)

    def value(depth: int):
        if depth and dice.random() < 0.5:
            inner = [value(depth - 1) for _ in range(dice.randrange(5))]
            names = ("type", "value", "oid", "value_b64", "critical", "DNS_NAME", "IP_ADDRESS", "DN", "x")
            return inner if dice.random() < 0.5 else {dice.choice(names): one for one in inner}
        texts = ("DNS_NAME", "client_auth", "CODE_SIGNING", "ANY", "1.2.3", "10.0.0.1", "a.example.com", "BQA=")
        return dice.choice([*texts, *WRONG[:12]])

    hold(
        place,
        [request | {dice.choice(FIELDS): value(3) for _ in range(dice.randrange(1, 5))} for _ in range(100)],
    )


@pytest.mark.parametrize(
    "event", [None, 7, [], "text", [{}], {"Records": []}, nested(500), {"common_name": "a" * 300_000}]
)
def test_events_that_are_no_requests(place, event):
    hold(place, [event])


def at_once(place: Place, events: list[dict]) -> list[dict]:
    """The answers to all of them, asked for at the same time; whoever is told to come back has no answer."""
    with ThreadPoolExecutor(len(events)) as callers:
        outcomes = list(callers.map(lambda event: place.invoke("tls-cert", event), events))
    assert {outcome.error for outcome in outcomes} <= RETRY_LATER | {""}, outcomes
    return [outcome.value for outcome in outcomes if not outcome.error]


def serials(answers: list[dict]) -> list[str]:
    return [answer["CertificateInfo"]["SerialNumber"] for answer in answers if "CertificateInfo" in answer]


def test_of_many_callers_with_one_key_one_gets_a_certificate(place):
    request = Request.new("many.example.com")
    answers = at_once(place, [request.event(common_name=f"many{n}.example.com") for n in range(CALLERS)])
    (serial,) = serials(answers)
    rows = [key for key in place.items(place.certificates) if key[0].startswith("many")]
    assert [of for _, of in rows] == [serial]
    refusals = {answer["error"] for answer in answers if "error" in answer}
    assert refusals == {"Private key has already been used for a certificate"}


def test_of_many_callers_with_one_key_and_name_one_gets_a_certificate(place):
    request = Request.new("one.example.com")
    answers = at_once(place, [request.event()] * CALLERS)
    (serial,) = serials(answers)
    assert [row["SerialNumber"]["S"] for row in place.rows("one.example.com")] == [serial]


def test_many_callers_with_one_token_get_one_certificate(place):
    event = Request.new("token.example.com").event(idempotency_token="one for all")
    answers = at_once(place, [event] * CALLERS)
    (row,) = place.rows("token.example.com")
    assert set(serials(answers)) == {row["SerialNumber"]["S"]}
    assert len(serials(answers)) == len(answers), "nobody is refused"
    # Whoever was told to come back does, and finds it.
    assert serials([place.invoke("tls-cert", event).value]) == [row["SerialNumber"]["S"]]
