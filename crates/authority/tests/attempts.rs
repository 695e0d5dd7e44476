//! Attempts to sign: each is in the journal before it is made, with what became of it.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use chancery_authority::Principal;
use chancery_authority::issue::IssueError;
use chancery_authority::port::ledger::{AttemptRecord, AttemptSubject, IdempotencyToken, Outcome};
use chancery_authority::port::{KeyStoreError, Purpose};
use chancery_contract::IssueTlsCert as _;
use chancery_testing::memory::Fault;
use chancery_testing::{Fixture, request};

use crate::fixture::every_signature_has_its_attempt;

/// Those after `before`.
fn attempts(fixture: &Fixture, before: usize) -> Vec<AttemptRecord> {
    fixture.memory.ledger.attempts().split_off(before)
}

#[tokio::test]
async fn a_signature_is_accounted_for_by_its_receipt() {
    let fixture = Fixture::new().await;
    let before = fixture.memory.ledger.attempts().len();
    assert_eq!(
        before,
        fixture.memory.keys.log().len(),
        "CAs and CRLs were signed so far"
    );
    fixture.memory.invocation.set(Some("invocation 1"));
    fixture.memory.clock.advance(1);
    let issued = fixture.issue(&request("a.example.com")).await.unwrap();
    let made = attempts(&fixture, before);
    let [record] = &made[..] else { panic!("{made:?}") };
    let signature = fixture.memory.keys.log().pop().unwrap();
    let attempt = &record.attempt;
    assert_eq!(attempt.subject, AttemptSubject::Certificate(issued.record.id.clone()));
    assert_eq!(attempt.origin.id, signature.attempt, "the key store knows the attempt");
    assert_eq!(attempt.origin.key, signature.key);
    assert_eq!(attempt.origin.request_id.as_deref(), Some("invocation 1"));
    assert_eq!(attempt.signing_input, signature.input.as_bytes());
    assert_eq!(attempt.principal, Some(issued.record.principal.to_string()));
    let (outcome, _) = record.outcome.clone().unwrap();
    assert_eq!(outcome, Outcome::Signed(signature.receipt));

    fixture.memory.clock.advance(1);
    for (scope, outcome) in fixture.authority.publish_crls(None).await {
        assert!(outcome.is_ok(), "{scope:?}");
    }
    let crls = attempts(&fixture, before + 1);
    assert!(!crls.is_empty());
    for record in crls {
        assert_eq!(record.attempt.subject.purpose(), Purpose::Crl);
        assert_eq!(record.attempt.principal, None, "the authority itself");
        assert!(matches!(record.outcome, Some((Outcome::Signed(_), _))));
    }
}

/// A key store that fails is asked again as often as it says, and every time is recorded: what made a signature, and what may
/// have made one.
#[tokio::test]
async fn every_attempt_is_recorded_before_it_is_made() {
    for lost in [Fault::FailBefore, Fault::FailAfter] {
        let fixture = Fixture::new().await;
        let before = fixture.memory.ledger.attempts().len();
        fixture.memory.keys.allow_retries(3);
        fixture.memory.clock.advance(1);
        for nth in 1..=2 {
            fixture.memory.faults.at("keys.sign", nth, lost);
        }
        fixture.issue(&request("a.example.com")).await.unwrap();
        let mut made = attempts(&fixture, before);
        made.sort_by_key(|record| record.attempt.number);
        let numbers: Vec<_> = made.iter().map(|record| record.attempt.number).collect();
        assert_eq!(numbers, [1, 2, 3]);
        assert!(
            matches!(made[0].outcome, Some((Outcome::Unknown { .. }, _))),
            "{made:?}"
        );
        assert!(
            matches!(made[1].outcome, Some((Outcome::Unknown { .. }, _))),
            "{made:?}"
        );
        assert!(matches!(made[2].outcome, Some((Outcome::Signed(_), _))), "{made:?}");
        every_signature_has_its_attempt(&fixture.memory, "two attempts failed");
    }

    // As often as it says, and no more.
    let fixture = Fixture::new().await;
    let before = fixture.memory.ledger.attempts().len();
    fixture.memory.clock.advance(1);
    fixture.memory.keys.allow_retries(u32::MAX);
    for nth in 1..=9 {
        fixture.memory.faults.at("keys.sign", nth, Fault::FailBefore);
    }
    let failed = fixture.issue(&request("b.example.com")).await;
    assert!(matches!(failed, Err(IssueError::Unavailable { .. })));
    assert_eq!(attempts(&fixture, before).len(), 5, "there is an end to it");
}

#[tokio::test]
async fn what_the_key_store_refuses_is_recorded_as_refused() {
    let fixture = Fixture::new().await;
    let before = fixture.memory.ledger.attempts().len();
    let ca = fixture.authority.issuing_ca().unwrap();
    fixture.memory.clock.advance(1);
    fixture.memory.keys.forget(&ca.record.key);
    fixture.memory.keys.allow_retries(3);
    let failed = fixture.issue(&request("a.example.com")).await;
    assert!(failed.is_err());
    let made = attempts(&fixture, before);
    let [record] = &made[..] else { panic!("{made:?}") };
    let detail = KeyStoreError::NotFound(ca.record.key.clone()).to_string();
    assert_eq!(
        record.outcome.clone().map(|(outcome, _)| outcome),
        Some(Outcome::Refused { detail })
    );
}

/// A further attempt that cannot be recorded is not made.
#[tokio::test]
async fn nothing_is_signed_that_the_journal_does_not_know() {
    for fault in [Fault::FailBefore, Fault::DieBefore] {
        let fixture = Fixture::new().await;
        fixture.memory.keys.allow_retries(3);
        let signed = fixture.memory.keys.log().len();
        fixture.memory.faults.at("keys.sign", 1, Fault::FailBefore);
        fixture.memory.faults.at("attempts.record", 1, fault);
        let failed = fixture.issue(&request("a.example.com")).await;
        assert!(failed.is_err());
        assert_eq!(
            fixture.memory.keys.log().len(),
            signed,
            "no second attempt without its record"
        );
    }
}

/// Two processes take up what a third one left: one signs, and the other one says that it is in progress.
#[tokio::test]
async fn an_interrupted_issuance_is_taken_up_once() {
    let fixture = Fixture::new().await;
    let before = fixture.memory.ledger.attempts().len();
    let token = || Some(IdempotencyToken("a token".to_owned()));
    let (request, principal) = (request("a.example.com"), Principal::token("t"));
    fixture.memory.clock.advance(1);
    fixture.memory.faults.at("keys.sign", 1, Fault::DieAfter);
    let died = fixture.authority.issue_tls_cert(&request, &principal, token()).await;
    assert!(died.is_err());
    fixture.memory.faults.clear();
    fixture.memory.clock.advance(10_000);
    // Every call lets the other one go on, so that both read the intent before either takes it up.
    fixture.memory.faults.pause_at_calls(true);
    let (one, other) = tokio::join!(
        fixture.authority.issue_tls_cert(&request, &principal, token()),
        fixture.authority.issue_tls_cert(&request, &principal, token()),
    );
    let outcomes = [one, other];
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        1,
        "{outcomes:?}"
    );
    assert!(
        outcomes
            .iter()
            .any(|outcome| matches!(outcome, Err(IssueError::InProgress))),
        "{outcomes:?}"
    );
    let made = attempts(&fixture, before);
    let facts: Vec<_> = made
        .iter()
        .map(|record| (record.attempt.number, record.outcome.is_some()))
        .collect();
    assert_eq!(facts, [(1, false), (2, true)], "what the dead process did is unknown");
    every_signature_has_its_attempt(&fixture.memory, "taken up");
}

/// While issuance is frozen, what waits for its caller goes on waiting, and nobody is alarmed of it.
#[tokio::test]
async fn a_sweep_leaves_alone_what_a_freeze_holds_up() {
    let fixture = Fixture::new().await;
    let token = || Some(IdempotencyToken("a token".to_owned()));
    let (request, principal) = (request("a.example.com"), Principal::token("t"));
    fixture.memory.faults.at("keys.sign", 1, Fault::DieBefore);
    let died = fixture.authority.issue_tls_cert(&request, &principal, token()).await;
    assert!(died.is_err());
    fixture.memory.faults.clear();
    fixture.memory.clock.advance(10_000);
    fixture.authority.freeze("a reason", &principal).await.unwrap();
    let swept = fixture.authority.sweep().await.unwrap();
    assert!(
        swept.completed.is_empty() && swept.lost.is_empty() && swept.failed.is_empty() && swept.refused.is_empty(),
        "{swept:?}"
    );
    fixture.authority.thaw("", true, &principal).await.unwrap();
    assert_eq!(fixture.authority.sweep().await.unwrap().completed.len(), 1);
}
