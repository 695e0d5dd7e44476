//! A CA's certificate is revoked by an administrator alone, and ends everything below it.

use axum::http::Method;
use chancery_authority::TokenScope;
use chancery_authority::port::ledger::IdempotencyToken;
use chancery_contract::{IssueTlsCert as _, TlsCertRequest};
use chancery_testing::memory::Fault;
use serde_json::json;

use crate::fixture::{Fixture, QUICK, csr, json as body_of};

#[tokio::test]
async fn nothing_is_issued_renewed_or_completed_under_a_revoked_ca() {
    let fixture = Fixture::new(QUICK).await;
    let request = |name: &str| json!({ "common_name": name, "base64_csr_data": csr(name) });
    let (status, leaf) = fixture.issue(&request("a.example")).await;
    assert_eq!(status, 200);
    // An issuance that was interrupted, whose caller can come back.
    fixture.memory.faults.at("keys.sign", 1, Fault::FailBefore);
    let interrupted = TlsCertRequest::from_value(&request("b.example")).unwrap();
    let principal = chancery_authority::Principal::token("issue");
    let token = || Some(IdempotencyToken("b".to_owned()));
    fixture
        .authority
        .issue_tls_cert(&interrupted, &principal, token())
        .await
        .unwrap_err();
    assert_eq!(fixture.open_intents().await, 1);

    let issuing = fixture.authority.issuing_ca().unwrap();
    let path = format!("/api/v1/certificates/{}/revoke", issuing.certificate().serial());
    let revoked = fixture.send(TokenScope::Revoke, Method::POST, &path, &json!({})).await;
    assert_eq!(revoked.status(), 403);
    assert_eq!(fixture.issue(&request("c.example")).await.0, 200);
    let revoked = fixture.send(TokenScope::Admin, Method::POST, &path, &json!({})).await;
    assert_eq!(revoked.status(), 200);

    let (status, answer) = fixture.issue(&request("d.example")).await;
    assert_eq!((status, &answer["code"]), (422, &json!("issuer_revoked")), "{answer}");
    let serial = leaf["CertificateInfo"]["SerialNumber"].as_str().unwrap();
    let path = format!("/api/v1/certificates/{serial}/renew");
    let renewal = json!({ "base64_csr_data": csr("a.example") });
    let renewed = fixture.send(TokenScope::Issue, Method::POST, &path, &renewal).await;
    assert_eq!(renewed.status(), 422);
    fixture.memory.clock.advance(1000);
    fixture
        .authority
        .issue_tls_cert(&interrupted, &principal, token())
        .await
        .unwrap_err();
    let swept = fixture.authority.sweep_older_than(0).await.unwrap();
    assert_eq!((swept.completed.len(), swept.lost.len()), (0, 1), "{swept:?}");

    let health = fixture.plain("/health", "*/*").await;
    assert_eq!(health.status(), 200, "its CRLs are served all the same");
    let health = body_of(health).await;
    assert_eq!(health["status"], "degraded");
    let problems = health["problems"].to_string();
    assert!(problems.contains("chancery-issuing-ca is revoked"), "{problems}");
}

#[tokio::test]
async fn a_revocation_by_another_process_is_known_at_once() {
    let fixture = Fixture::new(QUICK).await;
    let request = |name: &str| json!({ "common_name": name, "base64_csr_data": csr(name) });
    assert_eq!(fixture.issue(&request("a.example")).await.0, 200);
    let other = Fixture::beside(&fixture).await;
    let issuing = other.authority.issuing_ca().unwrap();
    let path = format!("/api/v1/certificates/{}/revoke", issuing.certificate().serial());
    assert_eq!(
        other
            .send(TokenScope::Admin, Method::POST, &path, &json!({}))
            .await
            .status(),
        200
    );
    assert_eq!(fixture.issue(&request("b.example")).await.0, 422);
    assert_eq!(fixture.open_intents().await, 0, "nothing was reserved");
}

/// What compromises a key revokes all of its certificates, a CA's among them.
#[tokio::test]
async fn a_token_that_revokes_leaves_revokes_no_ca_by_its_key() {
    use chancery_authority::port::ledger::{Completion, Ledger as _};
    let fixture = Fixture::new(QUICK).await;
    let issuing = fixture.authority.issuing_ca().unwrap();
    let mut leaf = chancery_testing::suite::intent(7);
    leaf.id.issuer = issuing.name().clone();
    leaf.key = issuing.issuer.public_key().fingerprint();
    leaf.common_name = issuing.certificate().subject().attributes().common_name.unwrap();
    leaf.allow_key_reuse = true;
    let completion = Completion {
        id: leaf.id.clone(),
        certificate: b"a leaf's".to_vec(),
        attempt: None,
        receipt: chancery_authority::port::Receipt("receipt".to_owned()),
        at: leaf.at,
    };
    let path = format!("/api/v1/certificates/{}/revoke", leaf.id.serial);
    fixture.memory.ledger.intents().reserve(leaf).await.unwrap();
    fixture.memory.ledger.intents().complete(completion).await.unwrap();
    let compromised = json!({ "reason": "keyCompromise" });
    let refused = fixture
        .send(TokenScope::Revoke, Method::POST, &path, &compromised)
        .await;
    assert_eq!(refused.status(), 403);
    let superseded = json!({ "reason": "superseded" });
    let revoked = fixture.send(TokenScope::Revoke, Method::POST, &path, &superseded).await;
    assert_eq!(revoked.status(), 200);
    assert!(
        !fixture
            .memory
            .ledger
            .issuers()
            .is_revoked(issuing.name())
            .await
            .unwrap()
    );
}
