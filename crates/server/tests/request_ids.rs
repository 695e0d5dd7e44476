//! Every answer names its request, and so does the journal beside what was signed for it.

use axum::http::Method;
use chancery_authority::TokenScope;
use serde_json::json;

use crate::fixture::{Fixture, QUICK, csr};

#[tokio::test]
async fn the_journal_has_the_id_of_the_answer() {
    let fixture = Fixture::new(QUICK).await;
    let of_cas = fixture.memory.ledger.attempts();
    assert!(
        of_cas.iter().all(|record| record.attempt.origin.request_id.is_none()),
        "nobody asked for those"
    );
    let mut seen = Vec::new();
    for name in ["a.example", "b.example"] {
        fixture.memory.clock.advance(1);
        let body = json!({ "common_name": name, "base64_csr_data": csr(name) });
        let answer = fixture
            .send(TokenScope::Issue, Method::POST, "/api/v1/certificates", &body)
            .await;
        assert_eq!(answer.status(), 200);
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(id.len(), 32);
        let last = fixture.memory.ledger.attempts().pop().unwrap();
        assert_eq!(last.attempt.origin.request_id.as_ref(), Some(&id));
        assert!(!seen.contains(&id));
        seen.push(id);
    }
    let refused = fixture
        .send(TokenScope::Issue, Method::GET, "/api/v1/nowhere", &json!({}))
        .await;
    assert!(
        refused.headers().contains_key("x-request-id"),
        "answers without any effect, too"
    );
}
