//! Every call of an issuance goes wrong in every way: nothing signed is ever unrecorded, and a retry makes it one
//! certificate.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support;

use std::time::Duration;

use chancery_authority::Principal;
use chancery_authority::issue::{IssueError, Issued};
use chancery_authority::memory::Fault;
use chancery_authority::port::ledger::{CertificateRecord, CrlScope, Kind, Search};
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::certificate::{Certificate, TbsCertificate};
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::time::{DAY, UnixTime};
use support::{NOW, Office, certificate, request};

const FAULTS: [Fault; 4] = [Fault::FailBefore, Fault::FailAfter, Fault::DieBefore, Fault::DieAfter];
/// The calls of an issuance that tells of itself.
const CALLS: [&str; 5] = [
    "intent_keys.derive",
    "ledger.reserve",
    "keys.sign",
    "ledger.complete",
    "notices.notify",
];

async fn leaves(office: &Office) -> Vec<CertificateRecord> {
    let page = office.authority.search(&Search::default(), None, 1000).await.unwrap();
    page.certificates
        .into_iter()
        .filter(|record| record.kind == Kind::Leaf)
        .collect()
}

/// Every signature of the issuing CA belongs to a TBSCertificate in the ledger: a certificate's or an open intent's.
async fn every_signature_is_known(office: &Office) {
    let ca = office.authority.issuing_ca().unwrap();
    let key = ca.issuer.public_key();
    let mut known = Vec::new();
    for record in leaves(office).await {
        let tbs = Certificate::parse(&record.certificate).unwrap().tbs_der().to_vec();
        known.push(TbsCertificate::from_der(tbs, key.algorithm()).signing_input(key));
    }
    for intent in office
        .authority
        .ports()
        .ledger
        .open_intents(UnixTime(i64::MAX), 1000)
        .await
        .unwrap()
    {
        known.push(TbsCertificate::from_der(intent.tbs, key.algorithm()).signing_input(key));
    }
    // What was signed before leaves were: CRLs of the first day.
    let crls = office
        .house
        .keys
        .log()
        .iter()
        .take_while(|signed| !known.contains(&signed.input))
        .count();
    let of_ca = |signed: &&chancery_authority::memory::LoggedSignature| signed.key == ca.record.key;
    for signed in office.house.keys.log().iter().skip(crls).filter(of_ca) {
        assert!(
            known.contains(&signed.input),
            "a signature that the ledger does not know of"
        );
    }
}

fn fine(office: &Office, issued: &Issued) {
    let ca = office.authority.issuing_ca().unwrap();
    assert!(certificate(issued).is_signed_by(ca.issuer.public_key()));
}

#[tokio::test]
async fn every_call_fails_in_every_way_and_a_retry_makes_one_certificate() {
    for call in CALLS {
        for fault in FAULTS {
            let mut office = Office::new().await;
            // A process asks for the key of intents once, with its first.
            office.restart().await;
            let mut request = request("a.example.com");
            request.notify_issued = Some(true);
            office.house.faults.at(call, 1, fault);
            let first = office.issue_with(&request, "t").await;
            let told = format!("{call} {fault:?}: {first:?}");

            match (call, &first) {
                ("notices.notify", Ok(issued)) => assert!(issued.notice_failed, "{told}"),
                ("notices.notify", Err(_)) => panic!("a notice failed its certificate: {told}"),
                (_, Ok(_)) => panic!("the fault did not show: {told}"),
                (_, Err(error)) => assert!(error.is_retryable(), "{told}"),
            }
            office.restart().await;
            every_signature_is_known(&office).await;

            // At once the intent may still be somebody's; after the grace it is not.
            match office.issue_with(&request, "t").await {
                Ok(issued) => fine(&office, &issued),
                Err(error) => assert_eq!(error, IssueError::InProgress, "{told}"),
            }
            office.house.clock.advance(61);
            let issued = office.issue_with(&request, "t").await.unwrap();
            fine(&office, &issued);
            let again = office.issue_with(&request, "t").await.unwrap();
            assert_eq!(again.record, issued.record, "{told}");

            assert_eq!(leaves(&office).await, [issued.record], "{told}");
            let open = office
                .authority
                .ports()
                .ledger
                .open_intents(UnixTime(i64::MAX), 10)
                .await
                .unwrap();
            assert!(open.is_empty(), "{told}");
            every_signature_is_known(&office).await;
        }
    }
}

#[tokio::test]
async fn two_faults_in_a_row_are_no_worse() {
    for first in FAULTS {
        for second in FAULTS {
            let mut office = Office::new().await;
            let request = request("a.example.com");
            office.house.faults.at("ledger.complete", 1, first);
            office.issue_with(&request, "t").await.unwrap_err();
            office.restart().await;
            office.house.clock.advance(61);
            office.house.faults.at("keys.sign", 1, second);
            let _ = office.issue_with(&request, "t").await;
            office.restart().await;
            office.house.clock.advance(61);
            let issued = office.issue_with(&request, "t").await.unwrap();
            fine(&office, &issued);
            assert_eq!(leaves(&office).await.len(), 1, "{first:?} {second:?}");
            every_signature_is_known(&office).await;
        }
    }
}

#[tokio::test]
async fn what_is_resumed_says_what_was_recorded() {
    let mut office = Office::new().await;
    let request = request("a.example.com");
    office.house.faults.at("keys.sign", 1, Fault::DieAfter);
    office.issue_with(&request, "t").await.unwrap_err();
    office.restart().await;
    let intents = office
        .authority
        .ports()
        .ledger
        .open_intents(UnixTime(i64::MAX), 10)
        .await
        .unwrap();
    let [intent] = intents.as_slice() else {
        panic!("one open intent: {intents:?}")
    };
    assert!(intent.has_token());
    office.house.clock.advance(61);
    let issued = office.issue_with(&request, "t").await.unwrap();
    assert_eq!(certificate(&issued).tbs_der(), intent.tbs);
    assert_eq!(issued.record.id, intent.id);
}

/// The ledger, or the part of it that has the intents, is older than the certificate, and the caller comes back before the sweeper.
#[tokio::test]
async fn who_comes_back_for_a_certificate_that_there_is_gets_that() {
    // At once; after the grace; with a reason to give intents up; with a chain that issues nothing any more.
    for (wait, compromised) in [(0, false), (61, false), (61, true)] {
        let office = Office::new().await;
        let request = request("a.example.com");
        let first = office.issue_with(&request, "t").await.unwrap();
        let id = first.record.id.clone();
        office.house.ledger.reopen(&id.issuer, id.serial);
        office.house.clock.advance(wait);
        if compromised {
            // Of another intent of the key, before the ledger was put back.
            office.house.ledger.block(first.record.key);
        }
        let signatures = office.house.keys.log().len();
        let again = office.issue_with(&request, "t").await.unwrap();
        assert_eq!(
            again.record.certificate, first.record.certificate,
            "{wait} {compromised}"
        );
        assert_eq!(again.record.id, id);
        assert_eq!(
            office.house.keys.log().len(),
            signatures,
            "nothing is signed a second time"
        );
        assert!(office.house.ledger.lost_intents().is_empty());
    }
}

#[tokio::test]
async fn an_intent_that_was_given_up_is_no_certificate() {
    let office = Office::new().await;
    let request = request("a.example.com");
    office.house.faults.at("ledger.complete", 1, Fault::FailBefore);
    office.issue_with(&request, "t").await.unwrap_err();
    let ledger = &office.authority.ports().ledger;
    let intent = ledger.open_intents(UnixTime(i64::MAX), 1).await.unwrap().pop().unwrap();
    ledger.mark_lost(intent.id.clone(), NOW).await.unwrap();

    let issued = office.issue_with(&request, "t").await.unwrap();
    assert_ne!(issued.record.id, intent.id, "a new certificate under a new serial");
    fine(&office, &issued);
}

#[tokio::test]
async fn a_key_store_that_has_lost_the_key_is_not_worth_retrying() {
    let office = Office::new().await;
    office
        .house
        .keys
        .forget(&office.authority.issuing_ca().unwrap().record.key);
    let error = office.issue(&request("a.example.com")).await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), ("key_store", false));
    assert!(
        !error.to_string().contains("chancery-issuing-ca"),
        "inner names stay inside: {error}"
    );
}

#[tokio::test]
async fn a_signature_that_does_not_verify_leaves_nothing() {
    let office = Office::new().await;
    let ca = office.authority.issuing_ca().unwrap();
    // The key was exchanged behind the authority's back.
    office.house.keys.forget(&ca.record.key);
    let keys = &office.authority.ports().keys;
    keys.create(&ca.record.key, CaKeyAlgorithm::P256).await.unwrap();
    let error = office.issue_with(&request("a.example.com"), "t").await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), ("bad_signature", false));
    assert!(leaves(&office).await.is_empty());
    every_signature_is_known(&office).await;
}

/// While one call is at it, another with the same token waits its turn: one signature.
#[tokio::test]
async fn a_request_that_is_being_worked_on_is_not_signed_twice() {
    let office = Office::new().await;
    let request = request("a.example.com");
    let signatures = office.house.keys.log().len();
    office
        .house
        .faults
        .at("keys.sign", 1, Fault::Delay(Duration::from_millis(200)));
    let slow = office.issue_with(&request, "t");
    let quick = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        office.issue_with(&request, "t").await
    };
    let (slow, quick) = tokio::join!(slow, quick);
    assert_eq!(quick.unwrap_err(), IssueError::InProgress);
    fine(&office, &slow.unwrap());
    assert_eq!(office.house.keys.log().len(), signatures + 1);
}

/// Two take up the same interrupted issuance: one completes it, and both have its certificate.
#[tokio::test]
async fn two_that_resume_one_intent_get_one_certificate() {
    let mut office = Office::new().await;
    let request = request("a.example.com");
    office.house.faults.at("keys.sign", 1, Fault::DieBefore);
    office.issue_with(&request, "t").await.unwrap_err();
    office.restart().await;
    office.house.clock.advance(61);
    let delay = Fault::Delay(Duration::from_millis(200));
    office.house.faults.at("ledger.complete", 1, delay);
    let (slow, quick) = tokio::join!(office.issue_with(&request, "t"), office.issue_with(&request, "t"));
    let (slow, quick) = (slow.unwrap(), quick.unwrap());
    assert_eq!(slow.record, quick.record);
    fine(&office, &slow);
    assert_eq!(leaves(&office).await.len(), 1);
}

/// Leaves so many intents open whose callers can come back.
async fn leave_open(office: &Office, profile: &str, count: usize) {
    for number in 0..count {
        office.house.faults.at("keys.sign", 1, Fault::FailBefore);
        let mut request = request(&format!("{profile}{number}.example.com"));
        request.profile = Some(profile.to_owned());
        office
            .issue_with(&request, &format!("{profile}{number}"))
            .await
            .unwrap_err();
    }
}

#[tokio::test]
async fn a_sweep_comes_to_whoever_stands_behind_those_that_fail() {
    let office = Office::new().await;
    leave_open(&office, "tls-client", 130).await;
    office.house.clock.advance(1);
    office.house.faults.at("ledger.complete", 1, Fault::FailBefore);
    let last = request("last.example.com");
    office.issue(&last).await.unwrap_err();
    office.house.clock.advance(600);
    let ca = office.authority.issuing_ca().unwrap();
    office.house.keys.forget(&ca.record.key);
    let calls = office.house.faults.calls().len();
    let swept = office.authority.sweep().await.unwrap();
    assert_eq!(
        (swept.failed.len(), swept.lost.len(), swept.completed.len()),
        (130, 1, 0)
    );
    let calls = &office.house.faults.calls()[calls..];
    let signing = calls.iter().filter(|call| **call == "keys.sign").count();
    assert_eq!(signing, 3, "a key that failed three times is left alone");
    // The key of the one that was given up is free again.
    let error = office.issue(&last).await.unwrap_err();
    assert_eq!(error.code(), "key_store", "it is refused for no other reason");
}

/// Its certificate would be valid at a time to come, and nobody can be at it: its key and its token are freed.
#[tokio::test]
async fn what_was_reserved_while_the_clock_was_ahead_is_given_up() {
    let office = Office::new().await;
    office.house.clock.advance(100 * 86_400);
    let ahead = request("ahead.example.com");
    office.house.faults.at("keys.sign", 1, Fault::FailBefore);
    office.issue_with(&ahead, "ahead").await.unwrap_err();
    leave_open(&office, "tls-client", 1).await;
    office.house.clock.advance(-100 * 86_400);
    leave_open(&office, "tls-server", 1).await;
    let told = office.issue_with(&ahead, "ahead").await.unwrap_err();
    assert_eq!(told.code(), "unavailable", "{told:?}");
    let swept = office.authority.sweep().await.unwrap();
    assert_eq!(
        (swept.lost.len(), swept.completed.len(), swept.failed.len()),
        (1, 0, 0),
        "the other one that is ahead, and not the one that somebody may be at"
    );
    assert_eq!(office.authority.ports().ledger.counts().await.unwrap().open_intents, 1);
    fine(&office, &office.issue_with(&ahead, "ahead").await.unwrap());
}

/// What would forbid to reserve an intent now forbids to complete it, where it came between.
#[tokio::test]
async fn a_renewal_whose_predecessor_is_revoked_meanwhile_is_not_taken_up() {
    let office = Office::new().await;
    let first = office.issue(&request("a.example.com")).await.unwrap().record;
    office.house.faults.at("keys.sign", 1, Fault::FailBefore);
    let local = Principal::Local("somebody".to_owned());
    let token = Some(support::token("renewal"));
    let renewing = office.authority.renew(first.id.serial, None, &local, token).await;
    renewing.unwrap_err();
    // The list has it from a CRL: no revocation that could have given the renewal up.
    let entry = RevokedEntry {
        serial: first.id.serial,
        revoked_at: NOW,
        reason: RevocationReason::Superseded,
        invalidity_date: None,
    };
    let scope = CrlScope {
        issuer: first.id.issuer.clone(),
        shard: first.shard,
    };
    let ledger = &office.authority.ports().ledger;
    ledger.relist(&scope, &entry, first.not_after).await.unwrap();
    office.house.clock.advance(600);
    let signatures = office.house.keys.log().len();
    let swept = office.authority.sweep().await.unwrap();
    assert_eq!((swept.lost.len(), swept.completed.len()), (1, 0));
    assert_eq!(swept.refused, [], "nobody wrote it who should not have");
    assert_eq!(office.house.keys.log().len(), signatures);
}

#[tokio::test]
async fn a_code_is_good_for_a_week_and_each_day_has_a_key_of_its_own() {
    let office = Office::new().await;
    let keys = || office.house.intent_keys.derived().len();
    let before = keys();
    leave_open(&office, "tls-client", 1).await;
    assert_eq!(keys(), before, "the first day's is known");
    office.house.clock.advance(8 * DAY);
    leave_open(&office, "tls-server", 2).await;
    assert_eq!(keys(), before + 1);
    office.house.clock.advance(7 * DAY);
    let swept = office.authority.sweep().await.unwrap();
    assert_eq!(
        (swept.completed.len(), swept.refused.len(), swept.failed.len()),
        (2, 1, 0)
    );
    let reason = swept.refused[0].1.to_string();
    assert!(reason.contains("not of the last 7 days"), "{reason}");
    assert_eq!(keys(), before + 1, "and no key is asked for that no code is taken of");
}

#[tokio::test]
async fn one_ca_s_failing_key_keeps_no_other_ca_s_intents() {
    let config = "
issuing_ca = 'issuing'
[[ca]]
name = 'root'
[[ca]]
name = 'issuing'
parent = 'root'
[[ca]]
name = 'second'
parent = 'root'
";
    let other = "issuing_ca = 'second'\nextended_key_usages = ['TLS_WEB_CLIENT_AUTHENTICATION']";
    let profiles = chancery_authority::profile::Profiles::built_in()
        .with("other", other)
        .unwrap();
    let office = Office::with_profiles(config, profiles).await;
    leave_open(&office, "tls-client", 104).await;
    office.house.clock.advance(1);
    leave_open(&office, "other", 2).await;
    office.house.clock.advance(600);
    let cas = office.authority.cas();
    let failing = cas.iter().find(|ca| ca.slug().as_str() == "chancery-issuing").unwrap();
    office.house.keys.forget(&failing.record.key);
    let swept = office.authority.sweep().await.unwrap();
    assert_eq!((swept.failed.len(), swept.completed.len()), (104, 2));
}

#[tokio::test]
async fn an_invocation_without_a_token_of_its_caller_s_is_given_up_and_its_key_is_free() {
    let office = Office::new().await;
    let request = request("a.example.com");
    let invoke = async |id: &str| {
        office
            .authority
            .issue_for_invocation(&request, &support::principal(), support::token(id))
            .await
    };
    office.house.faults.at("keys.sign", 1, Fault::FailBefore);
    invoke("request 1").await.unwrap_err();
    let held = invoke("request 2").await.unwrap_err();
    assert_eq!(
        held.code(),
        "key_in_use",
        "until the sweep, another invocation finds the key claimed"
    );
    office.house.clock.advance(600);
    let swept = office.authority.sweep().await.unwrap();
    assert_eq!((swept.completed.len(), swept.lost.len()), (0, 1));
    let issued = invoke("request 2").await.unwrap();
    fine(&office, &issued);
    // The runtime's own retry of one invocation gets that one's certificate.
    assert_eq!(invoke("request 2").await.unwrap().record, issued.record);
    assert_eq!(leaves(&office).await.len(), 1);
}

#[tokio::test]
async fn intents_that_cannot_be_read_are_counted_and_stop_nothing() {
    let office = Office::new().await;
    office.house.faults.at("keys.sign", 1, Fault::FailBefore);
    office.issue(&request("a.example.com")).await.unwrap_err();
    office.house.ledger.damage_intents("row 7 of certificates: key");
    let swept = office.authority.sweep_older_than(0).await.unwrap();
    assert_eq!(swept.lost.len(), 1, "{swept:?}");
    assert!(swept.unreadable.iter().eq(["row 7 of certificates: key"]), "{swept:?}");
    assert_eq!(office.authority.unreadable_intents(), 1);
    assert_eq!(
        office.authority.find_unreadable_intents().await.unwrap(),
        swept.unreadable
    );
}
