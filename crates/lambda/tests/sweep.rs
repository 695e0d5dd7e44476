//! `sweep`.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support;

use chancery_authority::port::Ledger as _;
use chancery_deployment::failure::FailureKind;
use chancery_lambda::function::Function::{CreateIssuingCa, CreateRootCa, Sweep};
use chancery_testing::memory::Fault;
use chancery_x509::time::UnixTime;
use serde_json::json;
use support::{Deployment, P256, P384, event, invocation, serial};

#[tokio::test]
async fn what_was_interrupted_is_taken_up() {
    let deployment = Deployment::with_cas(&[]).await;
    deployment.memory.faults.at("keys.sign", 1, Fault::DieAfter);
    let mut event = event("a", P256);
    event["idempotency_token"] = json!("mine");
    deployment.ask(&event, "1").await.unwrap_err();
    deployment.memory.faults.clear();
    let nothing = json!({"completed": 0, "lost": 0, "failed": 0});
    assert_eq!(
        deployment.run(Sweep).await,
        Ok(nothing.clone()),
        "it may still be at work"
    );
    deployment.memory.clock.advance(600);
    assert_eq!(
        deployment.run(Sweep).await,
        Ok(json!({"completed": 1, "lost": 0, "failed": 0}))
    );
    assert!(deployment.is_whole().await);
    let swept = &deployment.memory.ledger.issued()[2];
    let retried = deployment.ask(&event, "2").await.unwrap();
    assert_eq!(serial(&retried), swept.id.serial.to_string());
    assert_eq!(deployment.run(Sweep).await, Ok(nothing));
}

#[tokio::test]
async fn whoever_cannot_come_back_gets_the_key_back_instead() {
    let deployment = Deployment::with_cas(&[]).await;
    deployment.memory.faults.at("keys.sign", 1, Fault::DieAfter);
    deployment.ask(&event("a", P256), "1").await.unwrap_err();
    deployment.memory.faults.clear();
    deployment.memory.clock.advance(600);
    assert_eq!(
        deployment.run(Sweep).await,
        Ok(json!({"completed": 0, "lost": 1, "failed": 0}))
    );
    // Another invocation, which knows nothing of the first.
    let issued = deployment.ask(&event("a", P256), "2").await.unwrap();
    assert!(issued["error"].is_null(), "{issued}");
    assert!(deployment.is_whole().await);
}

#[tokio::test]
async fn a_process_from_before_there_was_a_ca_gives_nothing_up() {
    let deployment = Deployment::new(&[]).await;
    let sweep = deployment.function(Sweep);
    let nothing = json!({"completed": 0, "lost": 0, "failed": 0});
    assert_eq!(sweep.answer(b"{}", &invocation("before")).await, Ok(nothing));
    for function in [CreateRootCa, CreateIssuingCa] {
        deployment.run(function).await.unwrap();
    }
    deployment.memory.faults.at("keys.sign", 1, Fault::DieAfter);
    let mut event = event("a", P256);
    event["idempotency_token"] = json!("mine");
    deployment.ask(&event, "1").await.unwrap_err();
    deployment.memory.faults.clear();
    // Less than what is known of the CAs is kept for.
    deployment.memory.clock.advance(400);
    let swept = sweep.answer(b"{}", &invocation("after")).await;
    assert_eq!(swept, Ok(json!({"completed": 1, "lost": 0, "failed": 0})));
}

#[tokio::test]
async fn what_cannot_be_taken_up_yet_is_a_failure() {
    let deployment = Deployment::with_cas(&[]).await;
    deployment.memory.faults.at("keys.sign", 1, Fault::FailBefore);
    let mut event = event("a", P384);
    event["idempotency_token"] = json!("mine");
    deployment.ask(&event, "1").await.unwrap_err();
    deployment.memory.clock.advance(600);
    deployment.memory.faults.at("keys.sign", 1, Fault::FailBefore);
    let failure = deployment.run(Sweep).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable);
    deployment.run(Sweep).await.unwrap();
    assert!(deployment.is_whole().await);
}

#[tokio::test]
async fn a_ca_s_intent_is_left_to_who_makes_the_ca() {
    let deployment = Deployment::new(&[]).await;
    deployment.run(CreateRootCa).await.unwrap();
    deployment.memory.faults.at("keys.sign", 1, Fault::DieAfter);
    deployment.run(CreateIssuingCa).await.unwrap_err();
    deployment.memory.faults.clear();
    deployment.memory.clock.advance(600);
    let open = deployment
        .memory
        .ledger
        .intents()
        .list_open(None, UnixTime(i64::MAX), 10)
        .await
        .unwrap()
        .intents;
    // The role of this function may not write of CAs.
    let nothing = json!({"completed": 0, "lost": 0, "failed": 0});
    assert_eq!(deployment.run(Sweep).await, Ok(nothing));
    assert_eq!(
        deployment
            .memory
            .ledger
            .intents()
            .list_open(None, UnixTime(i64::MAX), 10)
            .await
            .unwrap()
            .intents,
        open
    );
    deployment.run(CreateIssuingCa).await.unwrap();
    let made = &deployment.memory.ledger.issued()[1];
    assert_eq!(made.id, open[0].id, "and is taken up there");
    assert!(deployment.is_whole().await);
}

#[tokio::test]
async fn what_cannot_be_read_is_counted_and_told_at_every_run() {
    let deployment = Deployment::with_cas(&[]).await;
    for number in 0..2 {
        deployment
            .memory
            .ledger
            .damage_intents(&format!("item intent#{number} -: NotAfter is missing"));
    }
    for _ in 0..2 {
        deployment.measured();
        let failure = deployment.run(Sweep).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Incomplete);
        let reported = deployment.measured();
        let counted = reported.iter().find_map(|line| line.get("UnreadableIntents"));
        assert_eq!(counted, Some(&json!(2.0)), "{reported:?}");
    }
}
