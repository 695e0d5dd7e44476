//! Callers that go away: at every place where a handler waits, its connection's task is dropped, as hyper drops it when the
//! client is gone. What was begun is ended all the same.

use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::Method;
use chancery_authority::TokenScope;
use chancery_authority::port::Ledger as _;
use chancery_server::changes::LONGEST;
use chancery_testing::memory::Fault;
use chancery_x509::crl::RevocationList;
use chancery_x509::serial::Serial;
use serde_json::json;

use crate::fixture::{Fixture, QUICK, csr};

/// Polls so many times, with a turn of everybody else's after each, and goes away; whether the answer came before.
async fn leave_after<T>(polls: usize, answer: impl Future<Output = T>) -> bool {
    let mut answer = pin!(answer);
    for _ in 0..polls {
        let poll = |context: &mut Context<'_>| Poll::Ready(answer.as_mut().poll(context).is_ready());
        if std::future::poll_fn(poll).await {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

async fn ends(fixture: &Fixture) {
    assert!(fixture.state.changes().wait_for_end(Duration::from_secs(30)).await);
    fixture.memory.faults.pause_at_calls(false);
}

async fn issued(fixture: &Fixture, name: &str) -> Serial {
    let body = json!({ "common_name": name, "base64_csr_data": csr(name) });
    let answer = fixture
        .send(TokenScope::Issue, Method::POST, "/api/v1/certificates", &body)
        .await;
    assert_eq!(answer.status(), 200);
    let certificates = fixture.memory.ledger.issued();
    certificates.last().unwrap().id.serial
}

#[tokio::test]
async fn a_revocation_is_published_whenever_its_caller_goes_away() {
    let (mut polls, mut answered) = (1, false);
    while !answered {
        let fixture = Fixture::new(QUICK).await;
        let serial = issued(&fixture, "a.example").await;
        fixture.memory.faults.pause_at_calls(true);
        let path = format!("/api/v1/certificates/{serial}/revoke");
        let revoking = fixture.send(
            TokenScope::Revoke,
            Method::POST,
            &path,
            &json!({ "reason": "superseded" }),
        );
        answered = leave_after(polls, revoking).await;
        ends(&fixture).await;
        let record = fixture.authority.certificate(serial).await.unwrap().unwrap();
        assert!(record.revocation.is_some(), "after {polls} polls: it is not revoked");
        let crl = fixture.memory.publication.content("chancery-issuing-ca.crl").unwrap();
        let crl = RevocationList::parse(&crl).unwrap();
        let listed = crl.entries().any(|entry| entry.unwrap().serial == serial);
        assert!(listed, "after {polls} polls: its CRL does not list it");
        polls += 1;
    }
    assert!(polls > 10, "there are places to go away at: {polls}");
}

#[tokio::test]
async fn an_issuance_is_complete_whenever_its_caller_goes_away() {
    let (mut polls, mut answered) = (1, false);
    while !answered {
        let fixture = Fixture::new(QUICK).await;
        fixture.memory.faults.pause_at_calls(true);
        let body = json!({ "common_name": "a.example", "base64_csr_data": csr("a.example") });
        let issuing = fixture.send(TokenScope::Issue, Method::POST, "/api/v1/certificates", &body);
        answered = leave_after(polls, issuing).await;
        ends(&fixture).await;
        assert_eq!(
            fixture.open_intents().await,
            0,
            "after {polls} polls: an intent is open"
        );
        let certificates = fixture.memory.ledger.issued();
        let named = certificates.iter().filter(|record| record.common_name == "a.example");
        assert_eq!(named.count(), 1, "after {polls} polls");
        polls += 1;
    }
    assert!(polls > 5, "there are places to go away at: {polls}");
}

#[tokio::test]
async fn a_refusal_is_recorded_whenever_its_caller_goes_away() {
    let (mut polls, mut answered) = (1, false);
    while !answered {
        let fixture = Fixture::new(QUICK).await;
        fixture.memory.faults.pause_at_calls(true);
        let body = json!({ "common_name": "a.example", "base64_csr_data": "bm8gQ1NS" });
        let asking = fixture.send(TokenScope::Issue, Method::POST, "/api/v1/certificates", &body);
        answered = leave_after(polls, asking).await;
        ends(&fixture).await;
        assert_eq!(
            fixture.memory.ledger.rejections().latest(10).await.unwrap().len(),
            1,
            "after {polls} polls"
        );
        polls += 1;
    }
}

/// A store that does not answer keeps no place for ever: the ledger says how far the work came, and the sweeper goes on.
#[tokio::test(start_paused = true)]
async fn work_that_does_not_end_is_dropped_in_its_time_and_the_ledger_decides() {
    let fixture = Fixture::new(QUICK).await;
    let hangs = Fault::Delay(LONGEST * 100);
    fixture.memory.faults.at("keys.sign", 1, hangs);
    let body = json!({ "common_name": "a.example", "base64_csr_data": csr("a.example") });
    let issuing = fixture.send(TokenScope::Issue, Method::POST, "/api/v1/certificates", &body);
    assert!(!leave_after(50, issuing).await);
    tokio::time::sleep(LONGEST.saturating_sub(Duration::from_secs(1))).await;
    assert_eq!(fixture.open_intents().await, 1);
    assert!(
        !fixture.state.changes().wait_for_end(Duration::from_millis(100)).await,
        "it is in work"
    );
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(
        fixture.state.changes().wait_for_end(Duration::from_secs(1)).await,
        "its time is over"
    );
    // Nobody can come back for it: the key is free again.
    fixture.memory.clock.advance(86_400);
    fixture.authority.sweep().await.unwrap();
    assert_eq!(fixture.open_intents().await, 0);
    assert_eq!(fixture.memory.ledger.lost_intents().len(), 1);
}
