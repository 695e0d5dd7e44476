//! Revoking: what it answers, what it leaves, what it refuses.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use crate::fixture;

use std::time::Duration;

use chancery_authority::Principal;
use chancery_authority::port::Ledger;
use chancery_authority::port::ledger::{
    CertificateIntent, Completion, IdempotencyToken, IntentId, REVOKED_TOGETHER, Reach, Revocation,
};
use chancery_authority::publish::PublishError;
use chancery_authority::revoke::{RevokeError, StillValid};
use chancery_contract::{IssueTlsCert as _, TlsCertAnswer};
use chancery_testing::memory::Fault;
use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use fixture::{Fixture, NOW, QUICK, ca_name, entries, principal};
use serde_json::json;

#[tokio::test]
async fn a_revocation_is_recorded_published_and_told() {
    let fixture = Fixture::new().await;
    let record = fixture.issue("a.example", None).await;
    let reason = RevocationReason::CessationOfOperation;
    let revoked = fixture
        .authority
        .revoke(record.id.serial, reason, None, &principal())
        .await
        .unwrap();
    assert!(!revoked.already && !revoked.notice_failed);
    let revocation = revoked.record.revocation.unwrap();
    assert_eq!(
        (revocation.at, revocation.reason, revocation.principal.as_str()),
        (NOW, reason, "token:tests")
    );
    assert_eq!(fixture.listed("chancery-issuing-ca.crl"), [record.id.serial]);
    let notice = chancery_testing::notices(&fixture.memory).pop().unwrap();
    assert_eq!(notice.subject, "Certificate Revoked");
    assert_eq!(notice.message["CommonName"], "a.example");
    assert_eq!(notice.message["SerialNumber"], record.id.serial.to_string());
    assert_eq!(notice.message["Revoked"], "2026-11-23 20:00:00");
    assert_eq!(notice.message["Subject"], "CN=a.example");
}

#[tokio::test]
async fn who_repeats_a_request_is_told_that_its_certificate_is_revoked() {
    let fixture = Fixture::new().await;
    let request = fixture::request("a.example");
    let by = principal();
    let ask = || {
        let token = Some(IdempotencyToken("once".to_owned()));
        fixture.authority.issue_tls_cert(&request, &by, token)
    };
    let first = ask().await.unwrap();
    assert_eq!(
        ask().await.unwrap().warnings,
        first.warnings,
        "as long as it is good, nothing is to be told"
    );
    fixture.revoke(first.record.id.serial).await;
    let again = ask().await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.record.certificate, first.record.certificate);
    let reported = again.warnings.last().unwrap();
    assert!(
        reported.contains("was revoked at 2026-11-23") && reported.contains("(superseded)"),
        "{reported}"
    );
    let answer = serde_json::to_value(TlsCertAnswer::new(&fixture.authority, &again, &request)).unwrap();
    assert_eq!(answer["Warnings"][again.warnings.len() - 1], json!(reported));
}

#[tokio::test]
async fn revoking_again_answers_the_first_and_makes_no_crl() {
    let mut fixture = Fixture::new().await;
    let serial = fixture.issue("a.example", None).await.id.serial;
    fixture.revoke(serial).await;
    fixture.memory.clock.advance(10);
    let signatures = fixture.memory.keys.log().len();
    let again = fixture
        .authority
        .revoke(serial, RevocationReason::Unspecified, None, &principal())
        .await
        .unwrap();
    assert!(
        again.already && again.crl.unwrap().is_ok(),
        "the published CRL lists it"
    );
    assert_eq!(again.record.revocation.unwrap().reason, RevocationReason::Superseded);
    assert_eq!(fixture.memory.keys.log().len(), signatures, "none is made for it");
    assert_eq!(chancery_testing::notices(&fixture.memory).len(), 1);

    fixture.restart().await;
    let again = fixture
        .authority
        .revoke(serial, RevocationReason::Unspecified, None, &principal())
        .await
        .unwrap();
    assert!(again.already && again.crl.unwrap().is_ok());
    assert_eq!(
        fixture.memory.keys.log().len(),
        signatures,
        "a new process reads it back"
    );

    let compromise = RevocationReason::KeyCompromise;
    let replaced = fixture
        .authority
        .revoke(serial, compromise, None, &principal())
        .await
        .unwrap();
    assert!(!replaced.already && replaced.crl.is_some());
    assert_eq!(entries(&fixture.crl("chancery-issuing-ca.crl"))[0].reason, compromise);
}

#[tokio::test]
async fn a_ca_is_revoked_on_its_issuers_crl() {
    let fixture = Fixture::new().await;
    let issuing = fixture.authority.issuing_ca().unwrap().certificate().serial();
    let reason = RevocationReason::CaCompromise;
    fixture
        .authority
        .revoke(issuing, reason, None, &principal())
        .await
        .unwrap();
    assert_eq!(fixture.listed("chancery-root-ca.crl"), [issuing]);
    assert!(fixture.listed("chancery-issuing-ca.crl").is_empty());
}

#[tokio::test]
async fn what_cannot_be_revoked_is_refused() {
    let fixture = Fixture::new().await;
    let reason = RevocationReason::Superseded;
    let unknown: Serial = "77".parse().unwrap();
    let refused = fixture
        .authority
        .revoke(unknown, reason, None, &principal())
        .await
        .unwrap_err();
    assert_eq!(refused, RevokeError::NotFound(unknown));
    let root = fixture.authority.cas()[0].certificate().serial();
    let refused = fixture
        .authority
        .revoke(root, reason, None, &principal())
        .await
        .unwrap_err();
    assert_eq!(refused, RevokeError::Root(ca_name("chancery-root-ca")));
    let serial = fixture.issue("a.example", None).await.id.serial;
    let future = NOW.plus_seconds(1);
    let refused = fixture
        .authority
        .revoke(serial, reason, Some(future), &principal())
        .await
        .unwrap_err();
    assert_eq!(
        refused,
        RevokeError::InvalidityDate {
            invalidity_date: future
        }
    );
    let before = UnixTime::FIRST.plus_seconds(-1);
    let refused = fixture
        .authority
        .revoke(serial, reason, Some(before), &principal())
        .await
        .unwrap_err();
    assert_eq!(
        refused,
        RevokeError::NoInvalidityDate {
            invalidity_date: before
        }
    );
    assert_eq!(fixture.memory.ledger.monitoring().counts().await.unwrap().revoked, 0);
}

#[tokio::test]
async fn a_failed_publication_or_notice_undoes_nothing() {
    let fixture = Fixture::new().await;
    let serial = fixture.issue("a.example", None).await.id.serial;
    fixture.memory.faults.at("publication.put", 1, Fault::FailBefore);
    fixture.memory.faults.at("notices.notify", 1, Fault::FailBefore);
    let reason = RevocationReason::Superseded;
    let revoked = fixture
        .authority
        .revoke(serial, reason, None, &principal())
        .await
        .unwrap();
    assert!(matches!(revoked.crl, Some(Err(PublishError::Publication(_)))) && revoked.notice_failed);
    assert!(
        fixture
            .authority
            .certificate(serial)
            .await
            .unwrap()
            .unwrap()
            .revocation
            .is_some()
    );
    assert!(fixture.listed("chancery-issuing-ca.crl").is_empty());
    fixture::all_good(&fixture.authority.publish_due_crls().await);
    assert_eq!(fixture.listed("chancery-issuing-ca.crl"), [serial]);
}

#[tokio::test]
async fn publishing_at_once_can_be_switched_off() {
    let fixture = Fixture::with(&format!("{QUICK}\n[ca.crl]\npublish_on_revocation = false")).await;
    let serial = fixture.issue("a.example", None).await.id.serial;
    let reason = RevocationReason::Superseded;
    let revoked = fixture
        .authority
        .revoke(serial, reason, None, &principal())
        .await
        .unwrap();
    assert!(revoked.crl.is_none());
    assert!(fixture.listed("chancery-issuing-ca.crl").is_empty());
    let outcomes = fixture.authority.publish_due_crls().await;
    assert_eq!(outcomes.len(), 1, "only the CRL with the change is due");
    assert_eq!(fixture.listed("chancery-issuing-ca.crl"), [serial]);
}

#[tokio::test]
async fn a_revocation_that_was_not_published_is_with_the_next_try() {
    // The caller was gone, or the process, after the revocation was recorded; also where another process takes it up.
    for restart in [false, true] {
        let mut fixture = Fixture::new().await;
        let serial = fixture.issue("a.example", None).await.id.serial;
        let reason = RevocationReason::Superseded;
        {
            let reserve = fixture.memory.faults.calls().len();
            let revoking = fixture.authority.revoke(serial, reason, None, &PRINCIPAL);
            // Dropped as soon as it is recorded.
            fixture
                .memory
                .faults
                .at("crls.state_up_to", 1, Fault::Delay(Duration::from_mins(1)));
            let dropped = tokio::time::timeout(Duration::from_millis(50), revoking).await;
            assert!(dropped.is_err());
            assert!(fixture.memory.faults.calls().len() > reserve);
        }
        assert!(fixture.listed("chancery-issuing-ca.crl").is_empty());
        if restart {
            fixture.restart().await;
        }
        let again = fixture
            .authority
            .revoke(serial, reason, None, &principal())
            .await
            .unwrap();
        assert!(again.already && again.crl.unwrap().is_ok());
        assert_eq!(fixture.listed("chancery-issuing-ca.crl"), [serial]);
    }
}

#[tokio::test]
async fn published_is_said_of_what_was_seen_in_what_was_published() {
    let fixture = Fixture::new().await;
    let serial = fixture.issue("a.example", None).await.id.serial;
    // The ledger forgets what it was just told: the CRL gets out, and does not list it.
    fixture.memory.ledger.forget_next();
    let revoked = fixture
        .authority
        .revoke(serial, RevocationReason::Superseded, None, &principal())
        .await
        .unwrap();
    assert!(
        matches!(revoked.crl, Some(Err(PublishError::NotListed { number: 2, .. }))),
        "{:?}",
        revoked.crl
    );
    assert_eq!(fixture.crl("chancery-issuing-ca.crl").number(), Some(2));
}

static PRINCIPAL: Principal = Principal::AUTHORITY;

#[tokio::test]
async fn a_compromised_key_takes_its_family_with_it_onto_every_crl() {
    let fixture = Fixture::with(&format!(
        "public_url = 'http://pki.example.com'\n{QUICK}\n[ca.crl]\nshards = 4"
    ))
    .await;
    let first = fixture.issue("a.example", None).await;
    let holder = Principal::certificate(first.id.to_string());
    fixture.memory.clock.set(first.not_after.plus_seconds(-60));
    let mut line = vec![first.id.clone()];
    for _ in 0..6 {
        let last = line.last().unwrap();
        let renewed = fixture
            .authority
            .renew(last.serial, None, &Principal::local("o"), None)
            .await;
        line.push(renewed.unwrap().record.id);
    }
    let compromise = RevocationReason::KeyCompromise;
    let revoked = fixture
        .authority
        .revoke(first.id.serial, compromise, None, &principal())
        .await
        .unwrap();
    assert_eq!(revoked.others.len(), 6);
    assert!(revoked.others.iter().all(|other| other.same_key));
    assert_eq!(revoked.still_valid, Some(StillValid::default()));
    assert!(!revoked.notice_failed);
    assert!(revoked.crl.as_ref().is_some_and(Result::is_ok));
    assert!(revoked.other_crls.iter().all(|(_, crl)| crl.is_ok()));
    let mut listed: Vec<Serial> = Vec::new();
    for shard in 0..4 {
        listed.extend(fixture.listed(&format!("chancery-issuing-ca-{shard}.crl")));
    }
    listed.sort();
    let mut wanted: Vec<Serial> = line.iter().map(|id| id.serial).collect();
    wanted.sort();
    assert_eq!(
        listed, wanted,
        "every CRL that lists one of them is published by the same call"
    );
    let reported = chancery_testing::notices(&fixture.memory);
    let reported = reported
        .iter()
        .filter(|notice| notice.subject == "Certificate Revoked")
        .count();
    assert_eq!(reported, 7, "each is told");
    for id in &line {
        let renewed = fixture
            .authority
            .renew(id.serial, None, &holder, None)
            .await
            .unwrap_err();
        assert_eq!(renewed.code(), "revoked");
    }
}

/// A clock that is ahead takes the family for over: it is revoked all the same, and on the CRL once the clock is right.
#[tokio::test]
async fn no_clock_decides_what_a_compromised_key_takes_with_it() {
    let fixture = Fixture::with(&format!("{QUICK}\n[ca.crl]\npublish_on_revocation = false")).await;
    let first = fixture.issue("a.example", None).await;
    let local = Principal::local("o");
    let renewed = fixture.authority.renew(first.id.serial, None, &local, None).await;
    let renewed = renewed.unwrap().record;
    fixture.memory.clock.set(first.not_after.plus_days(1000));
    let compromise = RevocationReason::KeyCompromise;
    let revoking = fixture.authority.revoke(first.id.serial, compromise, None, &local);
    let others = revoking.await.unwrap().others;
    assert_eq!(others.iter().map(|other| &other.id).collect::<Vec<_>>(), [&renewed.id]);
    let reported = chancery_testing::notices(&fixture.memory);
    let reported = reported.iter().filter(|notice| notice.subject == "Certificate Revoked");
    assert_eq!(
        reported.count(),
        1,
        "no notice for what ended long ago, unless it was asked for"
    );
}

/// A key of more certificates than one call of the ledger takes; whoever revoked it was gone after the first call.
#[tokio::test]
async fn a_family_whose_revocation_was_interrupted_is_finished_by_whoever_looks() {
    let fixture = Fixture::with(&format!("{QUICK}\n[ca.crl]\npublish_on_revocation = false")).await;
    let first = fixture.issue("a.example", None).await;
    let ledger = &fixture.authority.ports().ledger;
    let more = u32::try_from(REVOKED_TOGETHER).unwrap() + 5;
    for number in 1..=more {
        let made = chancery_testing::suite::intent(number);
        let intent = CertificateIntent {
            id: IntentId {
                issuer: first.id.issuer.clone(),
                serial: made.id.serial,
            },
            key: first.key,
            common_name: first.common_name.clone(),
            allow_key_reuse: true,
            not_after: first.not_after,
            ..made
        };
        let completion = Completion {
            id: intent.id.clone(),
            certificate: first.certificate.clone(),
            attempt: None,
            receipt: first.receipt.clone(),
            at: NOW,
        };
        ledger.intents().reserve(intent).await.unwrap();
        ledger.intents().complete(completion).await.unwrap();
    }
    let revocation = Revocation {
        at: NOW,
        reason: RevocationReason::KeyCompromise,
        invalidity_date: None,
        principal: "who died".to_owned(),
    };
    // The process dies after its first call.
    let died = ledger
        .revocations()
        .revoke(&first.id.issuer, first.id.serial, revocation.clone(), Reach::Key);
    assert!(died.await.unwrap().has_more);
    let finish = async |of: Option<&str>| {
        let of = of.map(ca_name);
        fixture.authority.finish_revocations(of.as_ref()).await.unwrap()
    };
    assert_eq!(finish(None).await, [], "somebody may be at it");
    fixture.memory.clock.set(NOW.plus_seconds(600));
    assert_eq!(finish(Some("root-ca")).await, [], "it is another CA's");
    let finished = finish(Some(first.id.issuer.as_str())).await;
    assert_eq!(finished.len(), 5);
    let record = ledger
        .certificates()
        .get(None, finished[0].id.serial)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.revocation, Some(revocation), "as the first ones were");
    assert_eq!(finish(None).await, [], "nothing is left");
    assert_eq!(ledger.revocations().related(&first.id, NOW, 10).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_left_valid_is_told() {
    let fixture = Fixture::new().await;
    let first = fixture.issue("a.example", None).await;
    let local = Principal::local("o");
    let second = fixture
        .authority
        .renew(first.id.serial, None, &local, None)
        .await
        .unwrap()
        .record;
    let third = fixture
        .authority
        .renew(second.id.serial, None, &local, None)
        .await
        .unwrap()
        .record;
    let reaching = async |reason, reach| {
        fixture
            .authority
            .revoke_reaching(first.id.serial, reason, None, &principal(), reach)
            .await
            .unwrap()
    };
    let superseded = reaching(RevocationReason::Superseded, Reach::Key).await;
    assert!(superseded.others.is_empty());
    let left = superseded.still_valid.unwrap();
    let serials: Vec<Serial> = left.certificates.iter().map(|left| left.id.serial).collect();
    assert_eq!(serials.len(), 2);
    assert!(serials.contains(&second.id.serial) && serials.contains(&third.id.serial));
    let only = reaching(RevocationReason::KeyCompromise, Reach::Certificate).await;
    assert!(!only.already && only.others.is_empty());
    assert_eq!(only.still_valid.unwrap().certificates.len(), 2);
    // What the ledger cannot say is no reason to fail what is done.
    fixture.memory.faults.at("revocations.related", 1, Fault::FailBefore);
    let all = reaching(RevocationReason::KeyCompromise, Reach::Key).await;
    assert_eq!((all.already, all.others.len(), all.still_valid), (true, 2, None));
}
