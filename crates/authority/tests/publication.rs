//! CRLs: what is on them, when they are made, and what they never do.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use crate::office;

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::time::Duration;

use chancery_authority::config::Config;
use chancery_authority::memory::{Fault, MemoryPublication};
use chancery_authority::port::ledger::{CertificateIntent, Completion, CrlRecord, IntentId, Ledger, Revocation};
use chancery_authority::port::publication::Stat;
use chancery_authority::port::{
    Body, ETag, KeyName, KeyStore, Ports, Precondition, Publication, PublicationError, PublishedName, Receipt, Scratch,
};
use chancery_authority::profile::Profiles;
use chancery_authority::publish::{CrlStatus, PublishError, Staleness};
use chancery_authority::{Authority, contract};
use chancery_x509::certificate::{CertificateTemplate, KeyUsage};
use chancery_x509::crl::{CrlHeader, CrlWriter, Framing, RevocationReason, RevokedEntry, Scope};
use chancery_x509::lint::{self, Severity};
use chancery_x509::serial::Serial;
use chancery_x509::time::{DAY, UnixTime};
use futures_util::future::join_all;
use office::{NOW, Office, QUICK, all_good, entries, principal, scope, slug};

const HOUR: i64 = 3600;

/// Puts a revoked certificate that ends then into the ledger.
async fn revoked_until(office: &Office, number: u32, not_after: UnixTime) -> Serial {
    let id = IntentId {
        issuer: slug("chancery-issuing-ca"),
        serial: contract::intent(number).id.serial,
    };
    let intent = CertificateIntent {
        id: id.clone(),
        not_after,
        ..contract::intent(number)
    };
    office.house.ledger.reserve(intent).await.unwrap();
    let completion = Completion {
        id: id.clone(),
        certificate: certificate_until(office, id.serial, not_after).await,
        receipt: Receipt("none".to_owned()),
        at: NOW,
    };
    office.house.ledger.complete(completion).await.unwrap();
    let revocation = Revocation {
        at: NOW,
        reason: RevocationReason::Superseded,
        invalidity_date: None,
        principal: "token:tests".to_owned(),
    };
    office
        .house
        .ledger
        .revoke(&id.issuer, id.serial, revocation)
        .await
        .unwrap();
    id.serial
}

/// A certificate that ends then, really signed: nothing else says an end.
async fn certificate_until(office: &Office, serial: Serial, not_after: UnixTime) -> Vec<u8> {
    let ca = office.authority.ca(&slug("chancery-issuing-ca")).unwrap();
    let template = CertificateTemplate {
        serial,
        subject: ca.certificate().subject().clone(),
        public_key: ca.certificate().public_key().unwrap(),
        not_before: NOW.plus_days(-1),
        not_after,
        basic_constraints: None,
        key_usage: KeyUsage::DIGITAL_SIGNATURE,
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
    let signed = office.house.keys.sign(&ca.record.key, &input).await.unwrap();
    tbs.assemble(&signed.signature)
}

/// A CRL with that number, really signed, that the ledger knows nothing of.
async fn foreign_crl(office: &Office, number: u64) -> Vec<u8> {
    signed_crl(office, number, None).await
}

/// The same with an entry.
async fn foreign_crl_with(office: &Office, number: u64, serial: Serial) -> Vec<u8> {
    signed_crl(office, number, Some(serial)).await
}

async fn signed_crl(office: &Office, number: u64, serial: Option<Serial>) -> Vec<u8> {
    let ca = office.authority.ca(&slug("chancery-issuing-ca")).unwrap();
    let header = CrlHeader {
        issuer: &ca.issuer,
        number,
        this_update: NOW,
        next_update: NOW.plus_days(1),
        scope: Scope::Full,
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
    let signed = office.house.keys.sign(&ca.record.key, &input).await.unwrap();
    Framing::new(ca.issuer.public_key().algorithm(), length, &signed.signature).assemble(&tbs)
}

async fn put(office: &Office, name: &str, content: &[u8]) {
    let body = Box::new(Cursor::new(content.to_vec()));
    let name = PublishedName::new(name).unwrap();
    office
        .house
        .publication
        .put(&name, body, Precondition::None)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_crl_is_of_its_ca_and_lists_what_is_revoked() {
    let office = Office::new().await;
    let serial = office.issue("a.example", None).await.id.serial;
    office.issue("b.example", None).await;
    let compromised = RevocationReason::KeyCompromise;
    let since = NOW.plus_days(-1);
    let outcome = office
        .authority
        .revoke(serial, compromised, Some(since), &principal())
        .await
        .unwrap();
    let published = outcome.crl.unwrap().unwrap();
    let crl = office.crl("chancery-issuing-ca.crl");
    let ca = office.authority.issuing_ca().unwrap();
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
    let findings = lint::crl(crl.as_der(), Some(ca.certificate().as_der()));
    assert!(
        findings.iter().all(|finding| finding.severity < Severity::Warning),
        "{findings:?}"
    );
    assert_eq!(office.listed("chancery-issuing-ca.crl.pem"), [serial]);
    let text = office.house.publication.content("chancery-issuing-ca.crl.pem").unwrap();
    assert!(text.starts_with(b"-----BEGIN X509 CRL-----\n") && text.ends_with(b"-----END X509 CRL-----\n"));
}

#[tokio::test]
async fn an_entry_leaves_only_after_a_crl_beyond_its_end() {
    let office = Office::new().await;
    let ending = revoked_until(&office, 1, NOW.plus_seconds(HOUR)).await;
    let staying = revoked_until(&office, 2, NOW.plus_days(30)).await;
    let publish = async || all_good(&office.authority.publish_crls(None).await);
    let listed = || office.listed("chancery-issuing-ca.crl");
    publish().await;
    assert_eq!(listed(), [ending, staying]);
    for days in [1, 7, 8] {
        office.house.clock.set(NOW.plus_days(days));
        publish().await;
        assert_eq!(listed(), [ending, staying], "a week beyond its end it is still there");
    }
    office.house.clock.set(NOW.plus_days(9));
    publish().await;
    assert_eq!(
        listed(),
        [staying],
        "it was on a CRL made more than a week after its end"
    );

    // CRLs that were recorded and never published have shown nobody anything.
    let late = revoked_until(&office, 3, NOW.plus_days(9)).await;
    for days in [17, 18, 19] {
        office.house.clock.set(NOW.plus_days(days));
        office.house.faults.at("publication.put", 3, Fault::FailBefore);
        let outcomes = office.authority.publish_crls(None).await;
        assert!(outcomes.iter().any(|(_, outcome)| outcome.is_err()));
    }
    publish().await;
    assert!(listed().contains(&late));
}

#[tokio::test]
async fn a_publication_that_was_not_noted_brings_nothing_past_back() {
    let office = Office::new().await;
    let past = revoked_until(&office, 1, NOW.plus_seconds(HOUR)).await;
    let publish = async || all_good(&office.authority.publish_crls(None).await);
    let listed = || office.listed("chancery-issuing-ca.crl");
    for days in 0..20 {
        office.house.clock.set(NOW.plus_days(days));
        publish().await;
    }
    assert_eq!(listed(), []);
    // Neither a note that is lost, nor a put that fails, nor both for days.
    for (days, operation, nth) in [
        (20, "ledger.crl_published", 2),
        (21, "publication.put", 3),
        (22, "publication.put", 4),
    ] {
        office.house.clock.set(NOW.plus_days(days));
        office.house.faults.at(operation, nth, Fault::FailBefore);
        office.authority.publish_crls(None).await;
        office.house.clock.advance(HOUR);
        publish().await;
        assert!(!listed().contains(&past), "after {operation} on day {days}");
    }
}

#[tokio::test]
async fn a_clock_that_was_ahead_once_hides_no_revocation_and_is_put_right() {
    let mut office = Office::new().await;
    let serials = [
        revoked_until(&office, 1, NOW.plus_days(30)).await,
        office.issue("a.example", None).await.id.serial,
    ];
    office.revoke(serials[1]).await;
    office.house.clock.set(NOW.plus_days(3600));
    all_good(&office.authority.publish_crls(None).await);
    all_good(&office.authority.publish_crls(None).await);
    office.house.clock.set(NOW.plus_days(1));
    office.restart().await;
    let status = office.authority.crl_status().await;
    assert!(
        status
            .iter()
            .all(|status| status.staleness == Staleness::FromFuture && status.is_alarming()),
        "{status:?}"
    );
    // Whichever comes first puts it right: a revocation, also one that stood, a command, the next round of a server.
    let again = office
        .authority
        .revoke(serials[1], RevocationReason::Superseded, None, &principal())
        .await
        .unwrap();
    assert!(again.already);
    assert!(again.crl.unwrap().unwrap().this_update <= NOW.plus_days(1));
    let mut wanted = serials.to_vec();
    wanted.sort_unstable();
    assert_eq!(office.listed("chancery-issuing-ca.crl"), wanted);
    let outcomes = office.authority.publish_due_crls().await;
    all_good(&outcomes);
    assert_eq!(outcomes.len(), 1, "the root's is due, too");
    let status = office.authority.crl_status().await;
    assert!(status.iter().all(|status| !status.is_alarming()), "{status:?}");
}

#[tokio::test]
async fn a_time_that_no_crl_can_tell_stops_no_crl() {
    let office = Office::new().await;
    let mut serials = Vec::new();
    for (number, at, invalidity_date) in [
        (1, 300_000_000_000, None),
        (2, NOW.0 - 1000, Some(UnixTime(99_999_999_999_999))),
        (3, i64::MIN, Some(UnixTime(i64::MAX))),
    ] {
        let serial = revoked_until(&office, number, NOW.plus_days(9)).await;
        let revocation = Revocation {
            at: UnixTime(at),
            reason: RevocationReason::KeyCompromise,
            invalidity_date,
            principal: "token:tests".to_owned(),
        };
        office
            .house
            .ledger
            .rewrite(&slug("chancery-issuing-ca"), serial, &revocation);
        serials.push(serial);
    }
    serials.sort_unstable();
    office
        .authority
        .publish_crl(&scope("chancery-issuing-ca"))
        .await
        .unwrap();
    let crl = office.crl("chancery-issuing-ca.crl");
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
    let mut office = Office::new().await;
    let due = async |office: &Office| {
        let outcomes = office.authority.publish_due_crls().await;
        all_good(&outcomes);
        outcomes
            .into_iter()
            .map(|(scope, _)| scope.issuer.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(due(&office).await, [""; 0], "all are just published");
    office.house.clock.advance(DAY - 1);
    assert_eq!(due(&office).await, [""; 0]);
    let status = office.authority.crl_status().await;
    assert!(
        status
            .iter()
            .all(|status| status.staleness == Staleness::Fresh && status.age == Some(DAY - 1))
    );
    office.house.clock.advance(1);
    assert_eq!(
        due(&office).await,
        ["chancery-root-ca", "chancery-issuing-ca"],
        "the interval has passed"
    );

    office.house.faults.at("keys.sign", 1, Fault::FailBefore);
    assert!(
        office
            .authority
            .issue(&office::request("a.example"), &principal(), None)
            .await
            .is_err()
    );
    assert_eq!(due(&office).await, [""; 0]);
    office.authority.sweep_older_than(0).await.unwrap();
    assert_eq!(due(&office).await, ["chancery-issuing-ca"], "an intent was given up");

    office.restart().await;
    assert_eq!(
        due(&office).await,
        [""; 0],
        "a new process knows by the ledger that all is covered"
    );

    // What another process recorded, and did not come to publish.
    revoked_until(&office, 1, NOW.plus_days(9)).await;
    assert_eq!(due(&office).await, ["chancery-issuing-ca"]);
    assert_eq!(due(&office).await, [""; 0]);
    office.house.publication.remove("chancery-root-ca.crl");
    assert_eq!(due(&office).await, ["chancery-root-ca"], "its file is gone");
    put(&office, "chancery-root-ca.crl", b"garbage").await;
    assert_eq!(due(&office).await, ["chancery-root-ca"], "its file is another");
}

#[tokio::test]
async fn a_late_crl_raises_an_alarm() {
    let office = Office::new().await;
    let staleness = async || office.authority.crl_status().await[0].staleness.clone();
    let wanted = [
        (0, Staleness::Fresh),
        (26 * HOUR, Staleness::Fresh),
        (27 * HOUR, Staleness::Overdue),
        (4 * DAY, Staleness::HalfSpent),
        (7 * DAY + 1, Staleness::Expired),
    ];
    for (age, expected) in wanted {
        office.house.clock.set(NOW.plus_seconds(age));
        assert_eq!(staleness().await, expected, "after {age} seconds");
    }
    all_good(&office.authority.publish_due_crls().await);
    // A revocation of which no CRL can even be signed.
    revoked_until(&office, 9, NOW.plus_days(90)).await;
    let lagging = async || {
        office
            .authority
            .crl_status()
            .await
            .into_iter()
            .find(CrlStatus::is_alarming)
    };
    office.house.faults.at("keys.sign", 1, Fault::FailBefore);
    office.authority.publish_due_crls().await;
    // Days ago, by what its row says.
    assert_eq!(lagging().await.unwrap().staleness, Staleness::Lagging { since: NOW });
    all_good(&office.authority.publish_due_crls().await);
    assert_eq!(lagging().await, None);
    office.house.faults.at("publication.put", 1, Fault::FailBefore);
    office.authority.publish_crls(Some(&slug("chancery-root-ca"))).await;
    office.house.clock.advance(61);
    assert_eq!(staleness().await, Staleness::Unpublished);
    office.authority.publish_crls(None).await;
    office.house.publication.remove("chancery-root-ca.crl");
    assert_eq!(staleness().await, Staleness::Replaced);
    office.house.faults.at("ledger.crl_standing", 1, Fault::FailBefore);
    assert!(matches!(staleness().await, Staleness::Unknown { .. }));
    all_good(&office.authority.publish_due_crls().await);
    assert_eq!(staleness().await, Staleness::Fresh);
}

#[tokio::test]
async fn one_cas_failure_does_not_stop_the_others() {
    let office = Office::new().await;
    let serial = revoked_until(&office, 1, NOW.plus_days(9)).await;
    office.house.keys.forget(&KeyName("chancery-root-ca".to_owned()));
    let outcomes = office.authority.publish_crls(None).await;
    assert!(
        matches!(outcomes[0], (_, Err(PublishError::KeyStore(_)))),
        "{outcomes:?}"
    );
    assert!(outcomes[1].1.is_ok());
    assert_eq!(office.listed("chancery-issuing-ca.crl"), [serial]);
}

#[tokio::test]
async fn a_damaged_row_is_reported_and_skipped() {
    let office = Office::new().await;
    let serial = revoked_until(&office, 1, NOW.plus_days(9)).await;
    office
        .house
        .ledger
        .damage(&scope("chancery-issuing-ca"), "row 17: the serial is no number");
    let outcome = office
        .authority
        .publish_crl(&scope("chancery-issuing-ca"))
        .await
        .unwrap();
    assert_eq!(outcome.damaged, ["row 17: the serial is no number"]);
    assert_eq!(office.listed("chancery-issuing-ca.crl"), [serial]);
    let status = office.authority.crl_status().await;
    assert!(status[1].is_alarming() && status[1].damaged == outcome.damaged && !status[0].is_alarming());
}

#[tokio::test]
async fn a_file_that_others_removed_or_spoilt_is_put_back() {
    let office = Office::new().await;
    let publish = async || {
        office
            .authority
            .publish_crl(&scope("chancery-issuing-ca"))
            .await
            .unwrap()
            .number
    };
    office.house.publication.remove("chancery-issuing-ca.crl");
    assert_eq!(publish().await, 2);
    office.house.publication.remove("chancery-issuing-ca.crl.pem");
    assert_eq!(publish().await, 3);
    let garbage = put(&office, "chancery-issuing-ca.crl", b"garbage");
    garbage.await;
    assert_eq!(publish().await, 4);
    // A CRL of another CA is none of this one's.
    let other = office.house.publication.content("chancery-root-ca.crl").unwrap();
    put(&office, "chancery-issuing-ca.crl", &other).await;
    assert_eq!(publish().await, 5);
    for name in ["chancery-issuing-ca.crl", "chancery-issuing-ca.crl.pem"] {
        assert_eq!(office.crl(name).number(), Some(5));
    }
}

#[tokio::test]
async fn an_older_crl_that_somebody_put_back_is_told() {
    let office = Office::new().await;
    let of = scope("chancery-issuing-ca");
    let name = "chancery-issuing-ca.crl";
    let old = office.house.publication.content(name).unwrap();
    let serial = office.issue("a.example", None).await.id.serial;
    office.revoke(serial).await;
    let publish = async || office.authority.publish_crl(&of).await.unwrap();
    assert_eq!(publish().await.damaged, [""; 0], "the newest stands");

    put(&office, name, &old).await;
    let damaged = publish().await.damaged;
    assert!(
        damaged.len() == 1 && damaged[0].contains("CRL number 1 stands as"),
        "{damaged:?}"
    );
    assert_eq!(office.listed(name), [serial]);
    assert_eq!(publish().await.damaged, [""; 0], "it is told once");

    let latest = office.house.ledger.latest_crl(&of).await.unwrap().unwrap().number;
    for other in [b"garbage".to_vec(), foreign_crl(&office, latest).await] {
        put(&office, name, &other).await;
        assert_eq!(publish().await.damaged.len(), 1);
        put(&office, name, &foreign_crl(&office, latest).await).await;
        assert_eq!(publish().await.damaged.len(), 1, "an older one");
    }
    // A ledger that was set back knows nothing of what is published; and where nothing stands, nobody put it there.
    put(&office, name, &foreign_crl(&office, 40).await).await;
    assert_eq!(publish().await.damaged, [""; 0]);
    office.house.publication.remove(name);
    assert_eq!(publish().await.damaged, [""; 0]);
}

#[tokio::test]
async fn numbers_never_go_backwards_behind_an_old_ledger() {
    let office = Office::new().await;
    // The number that comes next, already published, is another CRL's.
    let same = foreign_crl(&office, 2).await;
    put(&office, "chancery-issuing-ca.crl", &same).await;
    let published = office
        .authority
        .publish_crl(&scope("chancery-issuing-ca"))
        .await
        .unwrap();
    assert_eq!(published.number, 3);

    let newer = foreign_crl(&office, 40).await;
    put(&office, "chancery-issuing-ca.crl", &newer).await;
    let published = office
        .authority
        .publish_crl(&scope("chancery-issuing-ca"))
        .await
        .unwrap();
    assert_eq!(
        (published.number, published.superseded_by),
        (41, None),
        "its numbers were skipped"
    );
    assert_eq!(office.crl("chancery-issuing-ca.crl").number(), Some(41));
    assert_eq!(office.crl("chancery-issuing-ca.crl.pem").number(), Some(41));

    // However far: one jump, and not a reservation for each number between.
    let far = foreign_crl(&office, 1_000_000_000_000).await;
    put(&office, "chancery-issuing-ca.crl", &far).await;
    let calls = office.house.faults.calls().len();
    let published = office
        .authority
        .publish_crl(&scope("chancery-issuing-ca"))
        .await
        .unwrap();
    assert_eq!(published.number, 1_000_000_000_001);
    assert!(office.house.faults.calls().len() - calls < 40);

    // Nobody ever counted to this one, and none would be left.
    let last = foreign_crl(&office, u64::MAX).await;
    put(&office, "chancery-issuing-ca.crl", &last).await;
    match office.authority.publish_crl(&scope("chancery-issuing-ca")).await {
        Err(PublishError::Ahead {
            published: u64::MAX, ..
        }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(
        office.crl("chancery-issuing-ca.crl").number(),
        Some(u64::MAX),
        "it is not replaced"
    );
}

#[tokio::test]
async fn a_counter_that_was_set_back_leads_neither_back_nor_to_a_standstill() {
    let office = Office::new().await;
    let of = scope("chancery-issuing-ca");
    for _ in 0..3 {
        office.authority.publish_crl(&of).await.unwrap();
    }
    // The version of the file is the one that the ledger noted: its number decides all the same.
    office.house.ledger.set_back(&of, 1);
    let serial = office.issue("a.example", None).await.id.serial;
    office.revoke(serial).await;
    assert_eq!(office.crl("chancery-issuing-ca.crl").number(), Some(5));
    assert_eq!(office.listed("chancery-issuing-ca.crl"), [serial]);

    // A published one of a higher number that is older than ours does not stand for it.
    let old = foreign_crl(&office, 9).await;
    let latest = office.house.ledger.latest_crl(&of).await.unwrap().unwrap();
    office.house.ledger.plant(CrlRecord {
        number: 9,
        made_at: NOW.plus_days(-1),
        published: None,
        ..latest
    });
    put(&office, "chancery-issuing-ca.crl", &old).await;
    office.house.ledger.set_back(&of, 1);
    let published = office.authority.publish_crl(&of).await.unwrap();
    assert_eq!((published.number, published.superseded_by), (10, None));
    assert_eq!(office.listed("chancery-issuing-ca.crl"), [serial]);
}

/// A number can never go back: one that somebody made up near the end of all numbers must not be the last.
#[tokio::test]
async fn a_number_that_somebody_made_up_is_told_and_not_followed() {
    let of = scope("chancery-issuing-ca");
    let office = Office::new().await;
    let first = office.authority.publish_crl(&of).await.unwrap().number;
    // In the counter.
    office.house.ledger.set_back(&of, (1 << 62) - 2);
    let published = office.authority.publish_crl(&of).await.unwrap();
    assert_eq!(published.number, first + 1);
    assert!(
        published.damaged.len() == 1 && published.damaged[0].contains("4611686018427387902"),
        "{:?}",
        published.damaged
    );
    let next = office.authority.publish_crl(&of).await.unwrap();
    assert_eq!((next.number, next.damaged), (first + 2, vec![]));

    // As a record, a published one even; told as long as it stands.
    let latest = office.house.ledger.latest_crl(&of).await.unwrap().unwrap();
    office.house.ledger.plant(CrlRecord {
        number: (1 << 62) - 2,
        published: latest.published.clone(),
        ..latest
    });
    for number in [first + 3, first + 4] {
        let published = office.authority.publish_crl(&of).await.unwrap();
        assert_eq!(published.number, number);
        assert!(
            published
                .damaged
                .iter()
                .any(|wrong| wrong.contains("Remove the record")),
            "{:?}",
            published.damaged
        );
    }
    let statuses = office.authority.crl_status().await;
    let status = statuses.iter().find(|status| status.scope == of).unwrap();
    assert!(status.is_alarming());
    assert_eq!(status.latest.as_ref().map(|crl| crl.number), Some(first + 4));
    assert_eq!(office.crl("chancery-issuing-ca.crl").number(), Some(first + 4));
    assert_eq!(
        office.authority.publish_due_crls().await.len(),
        0,
        "nor is one due for it"
    );
}

/// What the CA's key vouches for is gone on from, however high.
#[tokio::test]
async fn a_high_number_that_was_signed_is_gone_on_from() {
    let of = scope("chancery-issuing-ca");
    let office = Office::new().await;
    let high = 1 << 50;
    put(&office, "chancery-issuing-ca.crl", &foreign_crl(&office, high).await).await;
    for number in [high + 1, high + 2] {
        let published = office.authority.publish_crl(&of).await.unwrap();
        assert_eq!((published.number, published.damaged), (number, vec![]));
    }
    // A counter that jumps from there further than anybody counts.
    office.house.ledger.set_back(&of, 1 << 60);
    let published = office.authority.publish_crl(&of).await.unwrap();
    assert_eq!((published.number, published.damaged.len()), (high + 3, 1));
}

#[tokio::test]
async fn what_a_crash_leaves_of_a_crl_is_recorded() {
    let of = scope("chancery-issuing-ca");
    for (operation, fault) in [
        ("keys.sign", Fault::DieBefore),
        ("keys.sign", Fault::DieAfter),
        ("ledger.complete_crl", Fault::DieBefore),
    ] {
        let mut office = Office::new().await;
        office.house.faults.at(operation, 1, fault);
        assert!(office.authority.publish_crl(&of).await.is_err());
        office.restart().await;
        office.house.faults.clear();
        let open = office.house.ledger.open_crl_intents(&of, 10).await.unwrap();
        assert_eq!(open.len(), 1, "{fault:?} at {operation}");
        let signed = office.house.keys.log();
        let signed = signed
            .iter()
            .any(|signature| signature.input.as_bytes() == open[0].signing_input);
        assert_eq!(signed, fault == Fault::DieAfter || operation != "keys.sign");
        let published = office.authority.publish_crl(&of).await.unwrap();
        assert!(published.number > open[0].number);
        office.check("after a crash").await;
    }
}

#[tokio::test]
async fn publishers_in_several_processes_never_publish_an_older_crl() {
    let office = Office::new().await;
    let mut others: Vec<Authority> = Vec::new();
    for _ in 0..6 {
        others.push(office::another(&office.house, &office.config).await);
    }
    // Some are slow, at different places.
    for (nth, operation) in [
        "keys.sign",
        "publication.put",
        "publication.stat",
        "publication.read",
        "ledger.complete_crl",
    ]
    .iter()
    .cycle()
    .take(30)
    .enumerate()
    {
        let wait = Duration::from_millis(3 + nth as u64 % 7);
        office.house.faults.at(operation, 1 + nth / 3, Fault::Delay(wait));
    }
    let rounds = others.iter().map(|authority| async {
        for _ in 0..4 {
            let outcome = authority.publish_crl(&scope("chancery-issuing-ca")).await;
            // Contended is a fair answer; a lower number never is, and that is looked at in the story.
            assert!(
                matches!(outcome, Ok(_) | Err(PublishError::Contended { .. })),
                "{outcome:?}"
            );
        }
    });
    join_all(rounds).await;
    office.check("after publishing side by side").await;
    all_good(&office.authority.publish_crls(None).await);
    office.check_recovered("after one more").await;
}

/// A publication reached through something that repeats a put whose answer was lost.
struct Repeating(Arc<MemoryPublication>);

#[async_trait::async_trait]
impl Publication for Repeating {
    async fn put(
        &self,
        name: &PublishedName,
        mut body: Body,
        precondition: Precondition,
    ) -> Result<ETag, PublicationError> {
        let mut content = Vec::new();
        body.read_to_end(&mut content).unwrap();
        let once = Box::new(Cursor::new(content.clone()));
        self.0.put(name, once, precondition.clone()).await?;
        self.0.put(name, Box::new(Cursor::new(content)), precondition).await
    }

    async fn stat(&self, name: &PublishedName) -> Result<Option<Stat>, PublicationError> {
        self.0.stat(name).await
    }

    async fn read(&self, name: &PublishedName) -> Result<Option<(Stat, Vec<u8>)>, PublicationError> {
        self.0.read(name).await
    }

    fn scratch(&self) -> io::Result<Box<dyn Scratch>> {
        self.0.scratch()
    }
}

#[tokio::test]
async fn a_put_that_was_repeated_on_the_way_took_place() {
    let office = Office::new().await;
    let ports = Ports {
        publication: Arc::new(Repeating(office.house.publication.clone())),
        ..office.house.ports()
    };
    let authority = Authority::open(ports, office.config.clone(), Profiles::built_in())
        .await
        .unwrap();
    let published = authority.publish_crl(&scope("chancery-issuing-ca")).await.unwrap();
    assert_eq!((published.number, published.superseded_by), (2, None));
    let latest = office
        .house
        .ledger
        .latest_crl(&scope("chancery-issuing-ca"))
        .await
        .unwrap()
        .unwrap();
    let name = PublishedName::new("chancery-issuing-ca.crl").unwrap();
    let stat = office.house.publication.stat(&name).await.unwrap().unwrap();
    assert_eq!(latest.published, Some(stat.etag));
}

/// One publisher is held up at its `nth` put (the first is the DER file, the second the PEM file), while another publishes.
async fn overtaken_at_put(nth: usize) {
    let office = Office::new().await;
    let other = office::another(&office.house, &office.config).await;
    let (hold, begin) = (Duration::from_millis(80), Duration::from_millis(20));
    office.house.faults.at("publication.put", nth, Fault::Delay(hold));
    let of = scope("chancery-issuing-ca");
    let slow = office.authority.publish_crl(&of);
    let fast = async {
        tokio::time::sleep(begin).await;
        other.publish_crl(&of).await
    };
    let (slow, fast) = futures_util::future::join(slow, fast).await;
    let (slow, fast) = (slow.unwrap(), fast.unwrap());
    assert_eq!(
        (slow.number, slow.superseded_by),
        (2, Some(3)),
        "the slow one finds a newer CRL in its place"
    );
    assert_eq!((fast.number, fast.superseded_by), (3, None));
    for name in ["chancery-issuing-ca.crl", "chancery-issuing-ca.crl.pem"] {
        assert_eq!(office.crl(name).number(), Some(3));
    }
    office.check_recovered("after overtaking").await;
}

#[tokio::test]
async fn a_slow_publisher_does_not_replace_a_newer_crl() {
    overtaken_at_put(1).await;
}

#[tokio::test]
async fn a_slow_publisher_does_not_replace_a_newer_pem_file() {
    overtaken_at_put(2).await;
}

#[tokio::test]
async fn a_signature_that_does_not_verify_is_not_published() {
    let office = Office::new().await;
    let forged = office::forged(&office.house, &office.config).await;
    let outcome = forged.publish_crl(&scope("chancery-issuing-ca")).await;
    assert!(matches!(outcome, Err(PublishError::BadSignature { .. })), "{outcome:?}");
    assert_eq!(office.crl("chancery-issuing-ca.crl").number(), Some(1));
    assert_eq!(
        office.house.ledger.crls(&scope("chancery-issuing-ca")).len(),
        1,
        "nor recorded"
    );
}

#[tokio::test]
async fn a_burst_of_revocations_makes_few_crls() {
    let office = Office::new().await;
    let mut serials = Vec::new();
    for number in 0..20 {
        serials.push(office.issue(&format!("{number}.example"), None).await.id.serial);
    }
    let before = office.house.ledger.crl_numbers_reserved(&scope("chancery-issuing-ca"));
    for nth in 1..10 {
        office
            .house
            .faults
            .at("keys.sign", nth, Fault::Delay(Duration::from_millis(5)));
    }
    let revoke = |serial| {
        office
            .authority
            .revoke(serial, RevocationReason::Superseded, None, &PRINCIPAL)
    };
    for outcome in join_all(serials.iter().copied().map(revoke)).await {
        let outcome = outcome.unwrap();
        assert!(outcome.crl.unwrap().is_ok() && !outcome.already);
    }
    let made = office.house.ledger.crl_numbers_reserved(&scope("chancery-issuing-ca")) - before;
    assert!(made <= 3, "twenty revocations at once made {made} CRLs");
    office.check_recovered("after the burst").await;
}

const PRINCIPAL: chancery_authority::Principal = chancery_authority::Principal::Authority;

#[tokio::test]
async fn shards_name_the_url_that_their_certificates_name() {
    let config = format!(
        "public_url = \"http://pki.example.com\"\n{QUICK}\n[ca.crl]\nshards = 2\ninterval_hours = 24\nlifetime_hours = 168"
    );
    let office = Office::with(&config).await;
    let mut of_shard = [Vec::new(), Vec::new()];
    for number in 0..12 {
        let record = office.issue(&format!("{number}.example"), None).await;
        of_shard[usize::from(record.shard.unwrap())].push(record.id.serial);
        office.revoke(record.id.serial).await;
    }
    for (shard, serials) in of_shard.iter_mut().enumerate() {
        serials.sort_unstable();
        let name = format!("chancery-issuing-ca-{shard}.crl");
        assert_eq!(office.listed(&name), *serials);
        let url = format!("http://pki.example.com/{name}");
        assert_eq!(office.crl(&name).distribution_point(), Some(url.as_str()));
    }
    let rest = office.crl("chancery-issuing-ca.crl");
    let url = "http://pki.example.com/chancery-issuing-ca.crl";
    assert_eq!(
        rest.distribution_point(),
        Some(url),
        "a CRL that does not cover everything must not look as if it did"
    );
    assert_eq!(office.crl("chancery-root-ca.crl").distribution_point(), None);
    office.check_recovered("with shards").await;
}

#[tokio::test]
async fn a_ca_that_left_the_configuration_goes_on_publishing() {
    let mut office = Office::new().await;
    let record = office.issue("a.example", None).await;
    office.config = Config::from_toml("[[ca]]\nname = \"root-ca\"\nalgorithm = \"p256\"").unwrap();
    office.restart().await;
    office.revoke(record.id.serial).await;
    assert_eq!(office.listed("chancery-issuing-ca.crl"), [record.id.serial]);
    let status = office.authority.crl_status().await;
    assert_eq!(status.len(), 2);
}

fn sharded(shards: u16, url: &str) -> String {
    format!("public_url = \"{url}\"\n{QUICK}\n[ca.crl]\nshards = {shards}\ninterval_hours = 24\nlifetime_hours = 168")
}

/// The office goes on with another configuration.
async fn reconfigure(office: &mut Office, config: &str) {
    office.config = Config::from_toml(config).unwrap();
    office.restart().await;
    all_good(&office.authority.publish_crls(None).await);
}

/// Every CRL without issuingDistributionPoint lists all that its CA has revoked; every certificate that is revoked stands on
/// a published CRL that names the URL which it names, or names none.
fn check_scopes(office: &Office, context: &str) {
    let revoked = office
        .house
        .ledger
        .certificates()
        .into_iter()
        .filter(|record| record.revocation.is_some());
    let names = office.house.publication.names();
    let crls: Vec<_> = names
        .iter()
        .filter(|name| name.strip_suffix(".crl").is_some())
        .map(|name| office.crl(name))
        .collect();
    for record in revoked {
        let certificate = chancery_x509::certificate::Certificate::parse(&record.certificate).unwrap();
        let urls = certificate.crl_distribution_points().unwrap();
        let of_issuer = crls.iter().filter(|crl| crl.issuer() == certificate.issuer());
        let mut found = false;
        for crl in of_issuer {
            let listed = crl.find(&record.id.serial).unwrap().is_some();
            match crl.issuing_distribution_point() {
                None => assert!(listed, "{context}: {} claims to be complete", record.id),
                Some(point) => found |= listed && point.urls.iter().any(|url| urls.contains(url)),
            }
            found |= listed && crl.issuing_distribution_point().is_none();
        }
        assert!(
            found,
            "{context}: {} is on no CRL that its certificate leads to",
            record.id
        );
    }
}

#[tokio::test]
async fn a_change_of_shards_or_url_leaves_nobody_behind() {
    const OLD: &str = "http://old.example.com";
    const NEW: &str = "http://new.example.com";
    for (before, after) in [
        (sharded(16, OLD), sharded(0, OLD)),
        (sharded(16, OLD), sharded(4, OLD)),
        (sharded(0, OLD), sharded(16, OLD)),
        (sharded(4, OLD), sharded(4, NEW)),
        (sharded(0, OLD), sharded(4, NEW)),
        (
            sharded(4, OLD),
            format!("public_url = \"{NEW}\"\n[[ca]]\nname = \"root-ca\"\nalgorithm = \"p256\""),
        ),
    ] {
        let context = format!("{before} → {after}");
        let mut office = Office::with(&before).await;
        let mut records = Vec::new();
        for number in 0..10 {
            records.push(office.issue(&format!("{number}.example"), None).await);
        }
        for record in &records[..5] {
            office.revoke(record.id.serial).await;
        }
        check_scopes(&office, &context);
        reconfigure(&mut office, &after).await;
        for record in &records[5..] {
            office.revoke(record.id.serial).await;
        }
        if office.config.cas().len() > 1 {
            let issued = office.issue("new.example", None).await;
            office.revoke(issued.id.serial).await;
        }
        check_scopes(&office, &context);
        let status = office.authority.crl_status().await;
        let told = status.iter().any(|status| !status.transitions.is_empty());
        // From one full CRL to shards at the same place, every scope is the configuration's.
        assert_eq!(
            told,
            before != sharded(0, OLD) || after != sharded(16, OLD),
            "{context}: {status:?}"
        );
        assert!(
            status.iter().all(|status| !status.is_alarming()),
            "{context}: {status:?}"
        );

        // When the last certificate of before has ended, so have the scopes of before.
        let end = records
            .iter()
            .map(|record| record.not_after)
            .max()
            .unwrap()
            .plus_days(60);
        office.house.clock.set(end);
        office.restart().await;
        let configured: Vec<_> = office.config.crl_scopes();
        for scope in office.authority.crl_scopes() {
            let of_kept_ca = office.config.ca(&scope.issuer).is_none() && scope.shard.is_none();
            assert!(configured.contains(&scope) || of_kept_ca, "{context}: {scope:?}");
        }
    }
}

#[tokio::test]
async fn once_listed_listed() {
    let office = Office::new().await;
    let of = scope("chancery-issuing-ca");
    let serials = [
        revoked_until(&office, 1, NOW.plus_days(30)).await,
        revoked_until(&office, 2, NOW.plus_days(30)).await,
        revoked_until(&office, 3, NOW.plus_days(1)).await,
    ];
    assert_eq!(office.authority.publish_crl(&of).await.unwrap().damaged, [""; 0]);
    let mut wanted = serials.to_vec();
    wanted.sort_unstable();
    assert_eq!(office.listed("chancery-issuing-ca.crl"), wanted);
    // The ledger loses two, one of which ends soon.
    office.house.ledger.unlist(&of, serials[1]);
    office.house.ledger.unlist(&of, serials[2]);
    let before = office.house.faults.calls().len();
    let published = office.authority.publish_crl(&of).await.unwrap();
    assert_eq!(published.damaged.len(), 2, "{:?}", published.damaged);
    let calls = office.house.faults.calls()[before..].to_vec();
    let first = |operation| calls.iter().position(|call| *call == operation);
    assert!(
        first("publication.put").is_some() && first("publication.put") < first("ledger.relist"),
        "the CRL does not wait for what is put back: {calls:?}"
    );
    assert_eq!(office.listed("chancery-issuing-ca.crl"), wanted);
    assert!(office.authority.crl_status().await[1].is_alarming());
    // They were put back.
    assert_eq!(office.authority.publish_crl(&of).await.unwrap().damaged, [""; 0]);
    assert_eq!(office.listed("chancery-issuing-ca.crl"), wanted);
    // What ended long ago leaves, whether the ledger lists it or not.
    office.house.clock.set(NOW.plus_days(9));
    office.authority.publish_crl(&of).await.unwrap();
    office.house.ledger.unlist(&of, serials[2]);
    office.house.clock.set(NOW.plus_days(10));
    assert_eq!(office.authority.publish_crl(&of).await.unwrap().damaged, [""; 0]);
    wanted.retain(|serial| *serial != serials[2]);
    assert_eq!(office.listed("chancery-issuing-ca.crl"), wanted);

    // One that nobody knows anything of, on a CRL that the CA's key vouches for, stays; an unknown key's does not.
    let unknown = Serial::from_octets(&[0x77; 8]).unwrap();
    let foreign = foreign_crl_with(&office, 50, unknown).await;
    put(&office, "chancery-issuing-ca.crl", &foreign).await;
    office.authority.publish_crl(&of).await.unwrap();
    assert!(office.listed("chancery-issuing-ca.crl").contains(&unknown));
    office.authority.publish_crl(&of).await.unwrap();
    assert!(office.listed("chancery-issuing-ca.crl").contains(&unknown));
}

/// Published files of which so many octets are read back, and so many read through.
struct Short {
    inner: Arc<MemoryPublication>,
    read_back: u64,
    read_through: u64,
}

#[async_trait::async_trait]
impl Publication for Short {
    async fn put(
        &self,
        name: &PublishedName,
        body: Body,
        precondition: Precondition,
    ) -> Result<ETag, PublicationError> {
        self.inner.put(name, body, precondition).await
    }

    async fn stat(&self, name: &PublishedName) -> Result<Option<Stat>, PublicationError> {
        self.inner.stat(name).await
    }

    async fn read(&self, name: &PublishedName) -> Result<Option<(Stat, Vec<u8>)>, PublicationError> {
        self.inner.read(name).await
    }

    fn read_back(&self) -> u64 {
        self.read_back
    }

    fn read_through(&self) -> u64 {
        self.read_through
    }

    fn scratch(&self) -> io::Result<Box<dyn Scratch>> {
        self.inner.scratch()
    }
}

#[tokio::test]
async fn a_crl_that_is_too_long_to_be_read_back_is_jumped_over_and_told() {
    let office = Office::new().await;
    let name = "chancery-issuing-ca.crl";
    let of = scope("chancery-issuing-ca");
    let opened = async |read_back, read_through| {
        let publication = Short {
            inner: office.house.publication.clone(),
            read_back,
            read_through,
        };
        let ports = Ports {
            publication: Arc::new(publication),
            ..office.house.ports()
        };
        Authority::open(ports, office.config.clone(), Profiles::built_in())
            .await
            .unwrap()
    };
    let publish = async |authority: &Authority| {
        let crl = authority.publish_crl(&of).await.unwrap();
        (crl.number, crl.damaged.len())
    };
    let authority = opened(100, u64::MAX).await;
    assert_eq!(
        publish(&authority).await,
        (2, 0),
        "the one that was noted is known by its version"
    );
    let serial = office.issue("a.example", None).await.id.serial;
    put(&office, name, &foreign_crl_with(&office, 40, serial).await).await;
    assert_eq!(authority.published_at(&of).await.unwrap(), Some(NOW.plus_seconds(300)));
    assert_eq!(publish(&authority).await, (41, 1), "its number is jumped over");
    assert_eq!(publish(&authority).await, (42, 0), "and it is told once");
    put(&office, name, &[0x30; 500]).await;
    authority.published_at(&of).await.unwrap_err();
    assert_eq!(
        publish(&authority).await,
        (43, 1),
        "what is no CRL is replaced, and told"
    );
    // Too long even to be read through: it is replaced, and told.
    let authority = opened(100, 200).await;
    put(&office, name, &foreign_crl(&office, 90).await).await;
    assert_eq!(publish(&authority).await, (44, 1));
}
