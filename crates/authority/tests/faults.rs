//! Every call of an issuance goes wrong in every way: nothing signed is ever unrecorded, and a retry makes it one
//! certificate.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::time::Duration;

use chancery_authority::Principal;
use chancery_authority::issue::{IssueError, Issued};
use chancery_authority::port::ledger::{CertificateRecord, CrlScope, Kind, Search};
use chancery_contract::IssueTlsCert as _;
use chancery_testing::memory::Fault;
use chancery_testing::{Fixture, NOW, certificate, request};
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::certificate::{Certificate, TbsCertificate};
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::time::{DAY, UnixTime};

const FAULTS: [Fault; 4] = [Fault::FailBefore, Fault::FailAfter, Fault::DieBefore, Fault::DieAfter];
/// The calls of an issuance that tells of itself.
const CALLS: [&str; 5] = [
    "intent_keys.derive",
    "intents.reserve",
    "keys.sign",
    "intents.complete",
    "notices.notify",
];

async fn leaves(fixture: &Fixture) -> Vec<CertificateRecord> {
    let page = fixture.authority.search(&Search::default(), None, 1000).await.unwrap();
    page.certificates
        .into_iter()
        .filter(|record| record.kind == Kind::Leaf)
        .collect()
}

/// Every signature of the issuing CA belongs to a TBSCertificate in the ledger: a certificate's or an open intent's.
async fn every_signature_is_known(fixture: &Fixture) {
    let ca = fixture.authority.issuing_ca().unwrap();
    let key = ca.issuer.public_key();
    let mut known = Vec::new();
    for record in leaves(fixture).await {
        let tbs = Certificate::parse(&record.certificate).unwrap().tbs_der().to_vec();
        known.push(TbsCertificate::from_der(tbs, key.algorithm()).signing_input(key));
    }
    for intent in fixture
        .authority
        .ports()
        .ledger
        .intents()
        .list_open(None, UnixTime(i64::MAX), 1000)
        .await
        .unwrap()
        .intents
    {
        known.push(TbsCertificate::from_der(intent.tbs, key.algorithm()).signing_input(key));
    }
    // What was signed before leaves were: CRLs of the first day.
    let crls = fixture
        .memory
        .keys
        .log()
        .iter()
        .take_while(|signed| !known.contains(&signed.input))
        .count();
    let of_ca = |signed: &&chancery_testing::memory::LoggedSignature| signed.key == ca.record.key;
    for signed in fixture.memory.keys.log().iter().skip(crls).filter(of_ca) {
        assert!(
            known.contains(&signed.input),
            "a signature that the ledger does not know of"
        );
    }
}

fn fine(fixture: &Fixture, issued: &Issued) {
    let ca = fixture.authority.issuing_ca().unwrap();
    assert!(certificate(issued).is_signed_by(ca.issuer.public_key()));
}

#[tokio::test]
async fn every_call_fails_in_every_way_and_a_retry_makes_one_certificate() {
    for call in CALLS {
        for fault in FAULTS {
            let mut fixture = Fixture::new().await;
            // A process asks for the key of intents once, with its first.
            fixture.restart().await;
            let mut request = request("a.example.com");
            request.notify_issued = Some(true);
            fixture.memory.faults.at(call, 1, fault);
            let first = fixture.issue_with(&request, "t").await;
            let reported = format!("{call} {fault:?}: {first:?}");

            match (call, &first) {
                ("notices.notify", Ok(issued)) => assert!(issued.notice_failed, "{reported}"),
                ("notices.notify", Err(_)) => panic!("a notice failed its certificate: {reported}"),
                (_, Ok(_)) => panic!("the fault did not show: {reported}"),
                (_, Err(error)) => assert!(error.is_retryable(), "{reported}"),
            }
            fixture.restart().await;
            every_signature_is_known(&fixture).await;

            // At once the intent may still be somebody's; after the grace it is not.
            match fixture.issue_with(&request, "t").await {
                Ok(issued) => fine(&fixture, &issued),
                Err(error) => assert_eq!(error, IssueError::InProgress, "{reported}"),
            }
            fixture.memory.clock.advance(61);
            let issued = fixture.issue_with(&request, "t").await.unwrap();
            fine(&fixture, &issued);
            let again = fixture.issue_with(&request, "t").await.unwrap();
            assert_eq!(again.record, issued.record, "{reported}");

            assert_eq!(leaves(&fixture).await, [issued.record], "{reported}");
            let open = fixture
                .authority
                .ports()
                .ledger
                .intents()
                .list_open(None, UnixTime(i64::MAX), 10)
                .await
                .unwrap()
                .intents;
            assert!(open.is_empty(), "{reported}");
            every_signature_is_known(&fixture).await;
        }
    }
}

#[tokio::test]
async fn two_faults_in_a_row_are_no_worse() {
    for first in FAULTS {
        for second in FAULTS {
            let mut fixture = Fixture::new().await;
            let request = request("a.example.com");
            fixture.memory.faults.at("intents.complete", 1, first);
            fixture.issue_with(&request, "t").await.unwrap_err();
            fixture.restart().await;
            fixture.memory.clock.advance(61);
            fixture.memory.faults.at("keys.sign", 1, second);
            let _ = fixture.issue_with(&request, "t").await;
            fixture.restart().await;
            fixture.memory.clock.advance(61);
            let issued = fixture.issue_with(&request, "t").await.unwrap();
            fine(&fixture, &issued);
            assert_eq!(leaves(&fixture).await.len(), 1, "{first:?} {second:?}");
            every_signature_is_known(&fixture).await;
        }
    }
}

#[tokio::test]
async fn what_is_resumed_says_what_was_recorded() {
    let mut fixture = Fixture::new().await;
    let request = request("a.example.com");
    fixture.memory.faults.at("keys.sign", 1, Fault::DieAfter);
    fixture.issue_with(&request, "t").await.unwrap_err();
    fixture.restart().await;
    let intents = fixture
        .authority
        .ports()
        .ledger
        .intents()
        .list_open(None, UnixTime(i64::MAX), 10)
        .await
        .unwrap()
        .intents;
    let [intent] = intents.as_slice() else {
        panic!("one open intent: {intents:?}")
    };
    assert!(intent.has_token());
    fixture.memory.clock.advance(61);
    let issued = fixture.issue_with(&request, "t").await.unwrap();
    assert_eq!(certificate(&issued).tbs_der(), intent.tbs);
    assert_eq!(issued.record.id, intent.id);
}

/// The ledger, or the part of it that has the intents, is older than the certificate, and the caller comes back before the sweeper.
#[tokio::test]
async fn who_comes_back_for_a_certificate_that_there_is_gets_that() {
    // At once; after the grace; with a reason to give intents up; with a chain that issues nothing any more.
    for (wait, compromised) in [(0, false), (61, false), (61, true)] {
        let fixture = Fixture::new().await;
        let request = request("a.example.com");
        let first = fixture.issue_with(&request, "t").await.unwrap();
        let id = first.record.id.clone();
        fixture.memory.ledger.reopen(&id.issuer, id.serial);
        fixture.memory.clock.advance(wait);
        if compromised {
            // Of another intent of the key, before the ledger was put back.
            fixture.memory.ledger.block(first.record.key);
        }
        let signatures = fixture.memory.keys.log().len();
        let again = fixture.issue_with(&request, "t").await.unwrap();
        assert_eq!(
            again.record.certificate, first.record.certificate,
            "{wait} {compromised}"
        );
        assert_eq!(again.record.id, id);
        assert_eq!(
            fixture.memory.keys.log().len(),
            signatures,
            "nothing is signed a second time"
        );
        assert!(fixture.memory.ledger.lost_intents().is_empty());
    }
}

#[tokio::test]
async fn an_intent_that_was_given_up_is_no_certificate() {
    let fixture = Fixture::new().await;
    let request = request("a.example.com");
    fixture.memory.faults.at("intents.complete", 1, Fault::FailBefore);
    fixture.issue_with(&request, "t").await.unwrap_err();
    let ledger = &fixture.authority.ports().ledger;
    let intent = ledger
        .intents()
        .list_open(None, UnixTime(i64::MAX), 1)
        .await
        .unwrap()
        .intents
        .pop()
        .unwrap();
    ledger.intents().mark_lost(intent.id.clone(), NOW).await.unwrap();

    let issued = fixture.issue_with(&request, "t").await.unwrap();
    assert_ne!(issued.record.id, intent.id, "a new certificate under a new serial");
    fine(&fixture, &issued);
}

#[tokio::test]
async fn a_key_store_that_has_lost_the_key_is_not_worth_retrying() {
    let fixture = Fixture::new().await;
    fixture
        .memory
        .keys
        .forget(&fixture.authority.issuing_ca().unwrap().record.key);
    let error = fixture.issue(&request("a.example.com")).await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), ("key_store", false));
    assert!(
        !error.to_string().contains("chancery-issuing-ca"),
        "inner names stay inside: {error}"
    );
}

#[tokio::test]
async fn a_signature_that_does_not_verify_leaves_nothing() {
    let fixture = Fixture::new().await;
    let ca = fixture.authority.issuing_ca().unwrap();
    // The key was exchanged behind the authority's back.
    fixture.memory.keys.forget(&ca.record.key);
    let keys = &fixture.authority.ports().keys;
    keys.create(&ca.record.key, CaKeyAlgorithm::P256).await.unwrap();
    let error = fixture.issue_with(&request("a.example.com"), "t").await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), ("bad_signature", false));
    assert!(leaves(&fixture).await.is_empty());
    every_signature_is_known(&fixture).await;
}

/// While one call is at it, another with the same token waits its turn: one signature.
#[tokio::test]
async fn a_request_that_is_being_worked_on_is_not_signed_twice() {
    let fixture = Fixture::new().await;
    let request = request("a.example.com");
    let signatures = fixture.memory.keys.log().len();
    fixture
        .memory
        .faults
        .at("keys.sign", 1, Fault::Delay(Duration::from_millis(200)));
    let slow = fixture.issue_with(&request, "t");
    let quick = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        fixture.issue_with(&request, "t").await
    };
    let (slow, quick) = tokio::join!(slow, quick);
    assert_eq!(quick.unwrap_err(), IssueError::InProgress);
    fine(&fixture, &slow.unwrap());
    assert_eq!(fixture.memory.keys.log().len(), signatures + 1);
}

/// Two take up the same interrupted issuance: one completes it, and both have its certificate.
#[tokio::test]
async fn two_that_resume_one_intent_get_one_certificate() {
    let mut fixture = Fixture::new().await;
    let request = request("a.example.com");
    fixture.memory.faults.at("keys.sign", 1, Fault::DieBefore);
    fixture.issue_with(&request, "t").await.unwrap_err();
    fixture.restart().await;
    fixture.memory.clock.advance(61);
    let delay = Fault::Delay(Duration::from_millis(200));
    fixture.memory.faults.at("intents.complete", 1, delay);
    let (slow, quick) = tokio::join!(fixture.issue_with(&request, "t"), fixture.issue_with(&request, "t"));
    let (slow, quick) = (slow.unwrap(), quick.unwrap());
    assert_eq!(slow.record, quick.record);
    fine(&fixture, &slow);
    assert_eq!(leaves(&fixture).await.len(), 1);
}

/// Leaves so many intents open whose callers can come back.
async fn leave_open(fixture: &Fixture, profile: &str, count: usize) {
    for number in 0..count {
        fixture.memory.faults.at("keys.sign", 1, Fault::FailBefore);
        let mut request = request(&format!("{profile}{number}.example.com"));
        request.profile = Some(profile.to_owned());
        fixture
            .issue_with(&request, &format!("{profile}{number}"))
            .await
            .unwrap_err();
    }
}

#[tokio::test]
async fn a_sweep_comes_to_whoever_stands_behind_those_that_fail() {
    let fixture = Fixture::new().await;
    leave_open(&fixture, "tls-client", 130).await;
    fixture.memory.clock.advance(1);
    fixture.memory.faults.at("intents.complete", 1, Fault::FailBefore);
    let last = request("last.example.com");
    fixture.issue(&last).await.unwrap_err();
    fixture.memory.clock.advance(600);
    let ca = fixture.authority.issuing_ca().unwrap();
    fixture.memory.keys.forget(&ca.record.key);
    let calls = fixture.memory.faults.calls().len();
    let swept = fixture.authority.sweep().await.unwrap();
    assert_eq!(
        (swept.failed.len(), swept.lost.len(), swept.completed.len()),
        (130, 1, 0)
    );
    let calls = &fixture.memory.faults.calls()[calls..];
    let signing = calls.iter().filter(|call| **call == "keys.sign").count();
    assert_eq!(signing, 3, "a key that failed three times is left alone");
    // The key of the one that was given up is free again.
    let error = fixture.issue(&last).await.unwrap_err();
    assert_eq!(error.code(), "key_store", "it is refused for no other reason");
}

/// Its certificate would be valid at a time to come, and nobody can be at it: its key and its token are freed.
#[tokio::test]
async fn what_was_reserved_while_the_clock_was_ahead_is_given_up() {
    let fixture = Fixture::new().await;
    fixture.memory.clock.advance(100 * 86_400);
    let ahead = request("ahead.example.com");
    fixture.memory.faults.at("keys.sign", 1, Fault::FailBefore);
    fixture.issue_with(&ahead, "ahead").await.unwrap_err();
    leave_open(&fixture, "tls-client", 1).await;
    fixture.memory.clock.advance(-100 * 86_400);
    leave_open(&fixture, "tls-server", 1).await;
    let reported = fixture.issue_with(&ahead, "ahead").await.unwrap_err();
    assert_eq!(reported.code(), "unavailable", "{reported:?}");
    let swept = fixture.authority.sweep().await.unwrap();
    assert_eq!(
        (swept.lost.len(), swept.completed.len(), swept.failed.len()),
        (1, 0, 0),
        "the other one that is ahead, and not the one that somebody may be at"
    );
    assert_eq!(
        fixture
            .authority
            .ports()
            .ledger
            .monitoring()
            .counts()
            .await
            .unwrap()
            .open_intents,
        1
    );
    fine(&fixture, &fixture.issue_with(&ahead, "ahead").await.unwrap());
}

/// What would forbid to reserve an intent now forbids to complete it, where it came between.
#[tokio::test]
async fn a_renewal_whose_predecessor_is_revoked_meanwhile_is_not_taken_up() {
    let fixture = Fixture::new().await;
    let first = fixture.issue(&request("a.example.com")).await.unwrap().record;
    fixture.memory.faults.at("keys.sign", 1, Fault::FailBefore);
    let local = Principal::local("somebody");
    let token = Some(chancery_testing::token("renewal"));
    let renewing = fixture.authority.renew(first.id.serial, None, &local, token).await;
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
    let ledger = &fixture.authority.ports().ledger;
    ledger
        .revocations()
        .relist(&scope, &entry, first.not_after)
        .await
        .unwrap();
    fixture.memory.clock.advance(600);
    let signatures = fixture.memory.keys.log().len();
    let swept = fixture.authority.sweep().await.unwrap();
    assert_eq!((swept.lost.len(), swept.completed.len()), (1, 0));
    assert_eq!(swept.refused, [], "nobody wrote it who should not have");
    assert_eq!(fixture.memory.keys.log().len(), signatures);
}

#[tokio::test]
async fn a_code_is_good_for_a_week_and_each_day_has_a_key_of_its_own() {
    let fixture = Fixture::new().await;
    let keys = || fixture.memory.intent_keys.derived().len();
    let before = keys();
    leave_open(&fixture, "tls-client", 1).await;
    assert_eq!(keys(), before, "the first day's is known");
    fixture.memory.clock.advance(8 * DAY);
    leave_open(&fixture, "tls-server", 2).await;
    assert_eq!(keys(), before + 1);
    fixture.memory.clock.advance(7 * DAY);
    let swept = fixture.authority.sweep().await.unwrap();
    assert_eq!(
        (swept.completed.len(), swept.refused.len(), swept.failed.len()),
        (2, 1, 0)
    );
    let reason = swept.refused[0].1.to_string();
    assert!(reason.contains("older than 7 days"), "{reason}");
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
    let fixture = Fixture::with_profiles(config, profiles).await;
    leave_open(&fixture, "tls-client", 104).await;
    fixture.memory.clock.advance(1);
    leave_open(&fixture, "other", 2).await;
    fixture.memory.clock.advance(600);
    let cas = fixture.authority.cas();
    let failing = cas.iter().find(|ca| ca.name().as_str() == "chancery-issuing").unwrap();
    fixture.memory.keys.forget(&failing.record.key);
    let swept = fixture.authority.sweep().await.unwrap();
    assert_eq!((swept.failed.len(), swept.completed.len()), (104, 2));
}

#[tokio::test]
async fn an_invocation_without_a_token_of_its_caller_s_is_given_up_and_its_key_is_free() {
    let fixture = Fixture::new().await;
    let request = request("a.example.com");
    let invoke = async |id: &str| {
        fixture
            .authority
            .issue_tls_cert_for_invocation(&request, &chancery_testing::principal(), chancery_testing::token(id))
            .await
    };
    fixture.memory.faults.at("keys.sign", 1, Fault::FailBefore);
    invoke("request 1").await.unwrap_err();
    let held = invoke("request 2").await.unwrap_err();
    assert_eq!(
        held.code(),
        "key_in_use",
        "until the sweep, another invocation finds the key claimed"
    );
    fixture.memory.clock.advance(600);
    let swept = fixture.authority.sweep().await.unwrap();
    assert_eq!((swept.completed.len(), swept.lost.len()), (0, 1));
    let issued = invoke("request 2").await.unwrap();
    fine(&fixture, &issued);
    // The runtime's own retry of one invocation gets that one's certificate.
    assert_eq!(invoke("request 2").await.unwrap().record, issued.record);
    assert_eq!(leaves(&fixture).await.len(), 1);
}

#[tokio::test]
async fn intents_that_cannot_be_read_are_counted_and_stop_nothing() {
    let fixture = Fixture::new().await;
    fixture.memory.faults.at("keys.sign", 1, Fault::FailBefore);
    fixture.issue(&request("a.example.com")).await.unwrap_err();
    fixture.memory.ledger.damage_intents("row 7 of certificates: key");
    let swept = fixture.authority.sweep_older_than(0).await.unwrap();
    assert_eq!(swept.lost.len(), 1, "{swept:?}");
    assert!(swept.unreadable.iter().eq(["row 7 of certificates: key"]), "{swept:?}");
    assert_eq!(fixture.authority.unreadable_intents(), 1);
    assert_eq!(
        fixture.authority.find_unreadable_intents().await.unwrap(),
        swept.unreadable
    );
}
