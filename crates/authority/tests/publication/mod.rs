//! CRLs: what is on them, when they are made, and what they never do.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod frame;
mod long;
mod numbers;
mod races;
mod scopes;

use std::io::Cursor;

use chancery_authority::port::ledger::{CertificateIntent, Completion, IntentId, Ledger, Reach, Revocation};
use chancery_authority::port::{KeyName, Precondition, Publication, PublishedName, Receipt};
use chancery_authority::publish::{CrlStatus, PublishError, Staleness};
use chancery_contract::IssueTlsCert as _;
use chancery_lint::{Severity, lint_crl};
use chancery_testing::SignUnchecked as _;
use chancery_testing::memory::Fault;
use chancery_testing::suite;
use chancery_x509::certificate::{CertificateTemplate, KeyUsage};
use chancery_x509::crl::{Coverage, CrlHeader, CrlWriter, Framing, RevocationReason, RevokedEntry};
use chancery_x509::serial::Serial;
use chancery_x509::time::{DAY, UnixTime};

use crate::fixture::{self, Fixture, NOW, all_good, ca_name, entries, principal, scope};

const HOUR: i64 = 3600;

/// Puts a revoked certificate that ends then into the ledger.
async fn revoked_until(fixture: &Fixture, number: u32, not_after: UnixTime) -> Serial {
    let id = IntentId {
        issuer: ca_name("chancery-issuing-ca"),
        serial: suite::intent(number).id.serial,
    };
    let intent = CertificateIntent {
        id: id.clone(),
        not_after,
        ..suite::intent(number)
    };
    fixture.memory.ledger.intents().reserve(intent).await.unwrap();
    let completion = Completion {
        id: id.clone(),
        certificate: certificate_until(fixture, id.serial, not_after).await,
        attempt: None,
        receipt: Receipt("none".to_owned()),
        at: NOW,
    };
    fixture.memory.ledger.intents().complete(completion).await.unwrap();
    let revocation = Revocation {
        at: NOW,
        reason: RevocationReason::Superseded,
        invalidity_date: None,
        principal: "token:tests".to_owned(),
    };
    fixture
        .memory
        .ledger
        .revocations()
        .revoke(&id.issuer, id.serial, revocation, Reach::Key)
        .await
        .unwrap();
    id.serial
}

/// A certificate that ends then, really signed: nothing else says an end.
async fn certificate_until(fixture: &Fixture, serial: Serial, not_after: UnixTime) -> Vec<u8> {
    let ca = fixture.authority.ca(&ca_name("chancery-issuing-ca")).unwrap();
    let template = CertificateTemplate {
        serial,
        subject: ca.certificate().subject().clone(),
        public_key: ca.certificate().public_key().unwrap(),
        not_before: NOW.plus_days(-1),
        not_after,
        basic_constraints: None,
        key_usage: KeyUsage::DIGITAL_SIGNATURE,
        subject_key_identifier: None,
        extended_key_usages: Vec::new(),
        alt_names: Vec::new(),
        policies: Vec::new(),
        name_constraints: None,
        crl_distribution_points: Vec::new(),
        ca_issuers: Vec::new(),
        ocsp: Vec::new(),
        custom_extensions: Vec::new(),
    };
    let tbs = template.issued_by(&ca.issuer).unwrap();
    let input = tbs.signing_input(ca.issuer.public_key());
    let signed = fixture
        .memory
        .keys
        .sign_unchecked(&ca.record.key, &input)
        .await
        .unwrap();
    tbs.assemble(&signed.signature)
}

/// A CRL with that number, really signed, that the ledger knows nothing of.
async fn foreign_crl(fixture: &Fixture, number: u64) -> Vec<u8> {
    signed_crl(fixture, number, None).await
}

/// The same with an entry.
async fn foreign_crl_with(fixture: &Fixture, number: u64, serial: Serial) -> Vec<u8> {
    signed_crl(fixture, number, Some(serial)).await
}

async fn signed_crl(fixture: &Fixture, number: u64, serial: Option<Serial>) -> Vec<u8> {
    let ca = fixture.authority.ca(&ca_name("chancery-issuing-ca")).unwrap();
    let header = CrlHeader {
        issuer: &ca.issuer,
        number,
        this_update: NOW,
        next_update: NOW.plus_days(1),
        scope: Coverage::Full,
    };
    let entry = serial.map(|serial| RevokedEntry {
        serial,
        revoked_at: NOW,
        reason: RevocationReason::Superseded,
        invalidity_date: None,
    });
    let octets = entry.as_ref().map_or(0, RevokedEntry::encoded_len) as u64;
    let mut writer = CrlWriter::new(&header, octets, Vec::new()).unwrap();
    if let Some(entry) = &entry {
        writer.entry(entry).unwrap();
    }
    let (tbs, input, length) = writer.finish_tbs().unwrap();
    let signed = fixture
        .memory
        .keys
        .sign_unchecked(&ca.record.key, &input)
        .await
        .unwrap();
    Framing::new(ca.issuer.public_key().algorithm(), length, &signed.signature).assemble(&tbs)
}

async fn put(fixture: &Fixture, name: &str, content: &[u8]) {
    let body = Box::new(Cursor::new(content.to_vec()));
    let name = PublishedName::new(name).unwrap();
    fixture
        .memory
        .publication
        .put(&name, body, Precondition::None)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_crl_is_of_its_ca_and_lists_what_is_revoked() {
    let fixture = Fixture::new().await;
    let serial = fixture.issue("a.example", None).await.id.serial;
    fixture.issue("b.example", None).await;
    let compromised = RevocationReason::KeyCompromise;
    let since = NOW.plus_days(-1);
    let outcome = fixture
        .authority
        .revoke(serial, compromised, Some(since), &principal())
        .await
        .unwrap();
    let published = outcome.crl.unwrap().unwrap();
    let crl = fixture.crl("chancery-issuing-ca.crl");
    let ca = fixture.authority.issuing_ca().unwrap();
    assert!(crl.is_signed_by(ca.issuer.public_key()));
    assert_eq!(crl.issuer(), ca.certificate().subject());
    assert_eq!(
        crl.authority_key_identifier(),
        ca.certificate().subject_key_identifier()
    );
    assert_eq!((crl.number(), published.entries), (Some(published.number), 1));
    // A verifier whose clock is a little behind takes it, too.
    let this_update = NOW.plus_seconds(-300);
    assert_eq!(
        (crl.this_update(), crl.next_update()),
        (this_update, Some(NOW.plus_days(7)))
    );
    let entry = entries(&crl)[0];
    assert_eq!(entry.revoked_at, this_update, "no entry is later than its CRL");
    assert_eq!(
        (entry.serial, entry.reason, entry.invalidity_date),
        (serial, compromised, Some(since))
    );
    let findings = lint_crl(crl.as_der(), Some(ca.certificate().as_der()));
    assert!(
        findings.iter().all(|finding| finding.severity < Severity::Warning),
        "{findings:?}"
    );
    assert_eq!(fixture.listed("chancery-issuing-ca.crl.pem"), [serial]);
    let text = fixture
        .memory
        .publication
        .content("chancery-issuing-ca.crl.pem")
        .unwrap();
    assert!(text.starts_with(b"-----BEGIN X509 CRL-----\n") && text.ends_with(b"-----END X509 CRL-----\n"));
}

#[tokio::test]
async fn an_entry_leaves_only_after_a_crl_beyond_its_end() {
    let fixture = Fixture::new().await;
    let ending = revoked_until(&fixture, 1, NOW.plus_seconds(HOUR)).await;
    let staying = revoked_until(&fixture, 2, NOW.plus_days(30)).await;
    let publish = async || all_good(&fixture.authority.publish_crls(None).await);
    let listed = || fixture.listed("chancery-issuing-ca.crl");
    publish().await;
    assert_eq!(listed(), [ending, staying]);
    for days in [1, 7, 8] {
        fixture.memory.clock.set(NOW.plus_days(days));
        publish().await;
        assert_eq!(listed(), [ending, staying], "a week beyond its end it is still there");
    }
    fixture.memory.clock.set(NOW.plus_days(9));
    publish().await;
    assert_eq!(
        listed(),
        [staying],
        "it was on a CRL made more than a week after its end"
    );

    // CRLs that were recorded and never published have shown nobody anything.
    let late = revoked_until(&fixture, 3, NOW.plus_days(9)).await;
    for days in [17, 18, 19] {
        fixture.memory.clock.set(NOW.plus_days(days));
        fixture.memory.faults.at("publication.put", 3, Fault::FailBefore);
        let outcomes = fixture.authority.publish_crls(None).await;
        assert!(outcomes.iter().any(|(_, outcome)| outcome.is_err()));
    }
    publish().await;
    assert!(listed().contains(&late));
}

#[tokio::test]
async fn a_publication_that_was_not_noted_brings_nothing_past_back() {
    let fixture = Fixture::new().await;
    let past = revoked_until(&fixture, 1, NOW.plus_seconds(HOUR)).await;
    let publish = async || all_good(&fixture.authority.publish_crls(None).await);
    let listed = || fixture.listed("chancery-issuing-ca.crl");
    for days in 0..20 {
        fixture.memory.clock.set(NOW.plus_days(days));
        publish().await;
    }
    assert_eq!(listed(), []);
    // Neither a note that is lost, nor a put that fails, nor both for days.
    for (days, operation, nth) in [
        (20, "crls.mark_published", 2),
        (21, "publication.put", 3),
        (22, "publication.put", 4),
    ] {
        fixture.memory.clock.set(NOW.plus_days(days));
        fixture.memory.faults.at(operation, nth, Fault::FailBefore);
        fixture.authority.publish_crls(None).await;
        fixture.memory.clock.advance(HOUR);
        publish().await;
        assert!(!listed().contains(&past), "after {operation} on day {days}");
    }
}

#[tokio::test]
async fn a_clock_that_was_ahead_once_hides_no_revocation_and_is_put_right() {
    let mut fixture = Fixture::new().await;
    let serials = [
        revoked_until(&fixture, 1, NOW.plus_days(30)).await,
        fixture.issue("a.example", None).await.id.serial,
    ];
    fixture.revoke(serials[1]).await;
    fixture.memory.clock.set(NOW.plus_days(3600));
    all_good(&fixture.authority.publish_crls(None).await);
    all_good(&fixture.authority.publish_crls(None).await);
    fixture.memory.clock.set(NOW.plus_days(1));
    fixture.restart().await;
    let status = fixture.authority.crl_status().await;
    assert!(
        status
            .iter()
            .all(|status| status.staleness == Staleness::FromFuture && status.is_alarming()),
        "{status:?}"
    );
    // Whichever comes first puts it right: a revocation, also one that stood, a command, the next round of a server.
    let again = fixture
        .authority
        .revoke(serials[1], RevocationReason::Superseded, None, &principal())
        .await
        .unwrap();
    assert!(again.already);
    assert!(again.crl.unwrap().unwrap().this_update <= NOW.plus_days(1));
    let mut wanted = serials.to_vec();
    wanted.sort_unstable();
    assert_eq!(fixture.listed("chancery-issuing-ca.crl"), wanted);
    let outcomes = fixture.authority.publish_due_crls().await;
    all_good(&outcomes);
    assert_eq!(outcomes.len(), 1, "the root's is due, too");
    let status = fixture.authority.crl_status().await;
    assert!(status.iter().all(|status| !status.is_alarming()), "{status:?}");
}

#[tokio::test]
async fn a_time_that_no_crl_can_tell_stops_no_crl() {
    let fixture = Fixture::new().await;
    let mut serials = Vec::new();
    for (number, at, invalidity_date) in [
        (1, 300_000_000_000, None),
        (2, NOW.0 - 1000, Some(UnixTime(99_999_999_999_999))),
        (3, i64::MIN, Some(UnixTime(i64::MAX))),
    ] {
        let serial = revoked_until(&fixture, number, NOW.plus_days(9)).await;
        let revocation = Revocation {
            at: UnixTime(at),
            reason: RevocationReason::KeyCompromise,
            invalidity_date,
            principal: "token:tests".to_owned(),
        };
        fixture
            .memory
            .ledger
            .rewrite(&ca_name("chancery-issuing-ca"), serial, &revocation);
        serials.push(serial);
    }
    serials.sort_unstable();
    fixture
        .authority
        .publish_crl(&scope("chancery-issuing-ca"))
        .await
        .unwrap();
    let crl = fixture.crl("chancery-issuing-ca.crl");
    let entries = entries(&crl);
    assert_eq!(entries.iter().map(|entry| entry.serial).collect::<Vec<_>>(), serials);
    assert!(
        entries
            .iter()
            .all(|entry| entry.revoked_at <= crl.this_update() && entry.invalidity_date.is_none())
    );
}

#[tokio::test]
async fn due_are_those_with_changes_or_whose_interval_has_passed() {
    let mut fixture = Fixture::new().await;
    let due = async |fixture: &Fixture| {
        let outcomes = fixture.authority.publish_due_crls().await;
        all_good(&outcomes);
        outcomes
            .into_iter()
            .map(|(scope, _)| scope.issuer.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(due(&fixture).await, [""; 0], "all are just published");
    fixture.memory.clock.advance(DAY - 1);
    assert_eq!(due(&fixture).await, [""; 0]);
    let status = fixture.authority.crl_status().await;
    assert!(
        status
            .iter()
            .all(|status| status.staleness == Staleness::Fresh && status.age == Some(DAY - 1))
    );
    fixture.memory.clock.advance(1);
    assert_eq!(
        due(&fixture).await,
        ["chancery-root-ca", "chancery-issuing-ca"],
        "the interval has passed"
    );

    fixture.memory.faults.at("keys.sign", 1, Fault::FailBefore);
    assert!(
        fixture
            .authority
            .issue_tls_cert(&fixture::request("a.example"), &principal(), None)
            .await
            .is_err()
    );
    assert_eq!(due(&fixture).await, [""; 0]);
    fixture.authority.sweep_older_than(0).await.unwrap();
    assert_eq!(due(&fixture).await, ["chancery-issuing-ca"], "an intent was given up");

    fixture.restart().await;
    assert_eq!(
        due(&fixture).await,
        [""; 0],
        "a new process knows by the ledger that all is covered"
    );

    // What another process recorded, and did not come to publish.
    revoked_until(&fixture, 1, NOW.plus_days(9)).await;
    assert_eq!(due(&fixture).await, ["chancery-issuing-ca"]);
    assert_eq!(due(&fixture).await, [""; 0]);
    fixture.memory.publication.remove("chancery-root-ca.crl");
    assert_eq!(due(&fixture).await, ["chancery-root-ca"], "its file is gone");
    put(&fixture, "chancery-root-ca.crl", b"garbage").await;
    assert_eq!(due(&fixture).await, ["chancery-root-ca"], "its file is another");
}

#[tokio::test]
async fn a_late_crl_raises_an_alarm() {
    let fixture = Fixture::new().await;
    let staleness = async || fixture.authority.crl_status().await[0].staleness.clone();
    let wanted = [
        (0, Staleness::Fresh),
        (26 * HOUR, Staleness::Fresh),
        (27 * HOUR, Staleness::Overdue),
        (4 * DAY, Staleness::HalfSpent),
        (7 * DAY + 1, Staleness::Expired),
    ];
    for (age, expected) in wanted {
        fixture.memory.clock.set(NOW.plus_seconds(age));
        assert_eq!(staleness().await, expected, "after {age} seconds");
    }
    all_good(&fixture.authority.publish_due_crls().await);
    // A revocation of which no CRL can even be signed.
    revoked_until(&fixture, 9, NOW.plus_days(90)).await;
    let lagging = async || {
        fixture
            .authority
            .crl_status()
            .await
            .into_iter()
            .find(CrlStatus::is_alarming)
    };
    fixture.memory.faults.at("keys.sign", 1, Fault::FailBefore);
    fixture.authority.publish_due_crls().await;
    // Days ago, by what its row says.
    assert_eq!(lagging().await.unwrap().staleness, Staleness::Lagging { since: NOW });
    all_good(&fixture.authority.publish_due_crls().await);
    assert_eq!(lagging().await, None);
    fixture.memory.faults.at("publication.put", 1, Fault::FailBefore);
    fixture.authority.publish_crls(Some(&ca_name("chancery-root-ca"))).await;
    fixture.memory.clock.advance(61);
    assert_eq!(staleness().await, Staleness::Unpublished);
    fixture.authority.publish_crls(None).await;
    fixture.memory.publication.remove("chancery-root-ca.crl");
    assert_eq!(staleness().await, Staleness::Replaced);
    fixture.memory.faults.at("crls.state_up_to", 1, Fault::FailBefore);
    assert!(matches!(staleness().await, Staleness::Unknown { .. }));
    all_good(&fixture.authority.publish_due_crls().await);
    assert_eq!(staleness().await, Staleness::Fresh);
}

#[tokio::test]
async fn one_cas_failure_does_not_stop_the_others() {
    let fixture = Fixture::new().await;
    let serial = revoked_until(&fixture, 1, NOW.plus_days(9)).await;
    fixture.memory.keys.forget(&KeyName("chancery-root-ca".to_owned()));
    let outcomes = fixture.authority.publish_crls(None).await;
    assert!(
        matches!(outcomes[0], (_, Err(PublishError::KeyStore(_)))),
        "{outcomes:?}"
    );
    assert!(outcomes[1].1.is_ok());
    assert_eq!(fixture.listed("chancery-issuing-ca.crl"), [serial]);
}

#[tokio::test]
async fn a_damaged_row_is_reported_and_skipped() {
    let fixture = Fixture::new().await;
    let serial = revoked_until(&fixture, 1, NOW.plus_days(9)).await;
    fixture
        .memory
        .ledger
        .damage(&scope("chancery-issuing-ca"), "row 17: the serial is no number");
    let outcome = fixture
        .authority
        .publish_crl(&scope("chancery-issuing-ca"))
        .await
        .unwrap();
    assert_eq!(outcome.damaged, ["row 17: the serial is no number"]);
    assert_eq!(fixture.listed("chancery-issuing-ca.crl"), [serial]);
    let status = fixture.authority.crl_status().await;
    assert!(status[1].is_alarming() && status[1].damaged == outcome.damaged && !status[0].is_alarming());
}

#[tokio::test]
async fn a_file_that_others_removed_or_spoilt_is_put_back() {
    let fixture = Fixture::new().await;
    let publish = async || {
        fixture
            .authority
            .publish_crl(&scope("chancery-issuing-ca"))
            .await
            .unwrap()
            .number
    };
    fixture.memory.publication.remove("chancery-issuing-ca.crl");
    assert_eq!(publish().await, 2);
    fixture.memory.publication.remove("chancery-issuing-ca.crl.pem");
    assert_eq!(publish().await, 3);
    let garbage = put(&fixture, "chancery-issuing-ca.crl", b"garbage");
    garbage.await;
    assert_eq!(publish().await, 4);
    // A CRL of another CA is none of this one's.
    let other = fixture.memory.publication.content("chancery-root-ca.crl").unwrap();
    put(&fixture, "chancery-issuing-ca.crl", &other).await;
    assert_eq!(publish().await, 5);
    for name in ["chancery-issuing-ca.crl", "chancery-issuing-ca.crl.pem"] {
        assert_eq!(fixture.crl(name).number(), Some(5));
    }
}
