//! What a token may not have, and what whoever has none may not cost.

use axum::http::Method;
use chancery_authority::issue::ServerNameSet;
use chancery_authority::port::ledger::IdempotencyToken;
use chancery_authority::{Principal, TokenScope};
use chancery_contract::{IssueTlsCert as _, TlsCertRequest};
use chancery_x509::san::{AltName, AltNameType};
use chancery_x509::time::UnixTime;
use serde_json::{Value, json};

use crate::fixture::{self, Fixture, QUICK, csr};

fn server_names() -> ServerNameSet {
    ServerNameSet::new([
        AltName::parse(AltNameType::Dns, "ca.example.com").unwrap(),
        AltName::parse(AltNameType::Ip, "192.0.2.7").unwrap(),
    ])
}

#[tokio::test]
async fn nobody_gets_the_names_of_the_server_itself() {
    let fixture = Fixture::new(QUICK).await;
    // Issued before the server had that name: it is not renewed either.
    let before = json!({ "common_name": "ca.example.com", "base64_csr_data": csr("ca.example.com") });
    let (status, answer) = fixture.issue(&before).await;
    assert_eq!(status, 200, "{answer}");
    let until = UnixTime(i64::MAX);
    fixture
        .authority
        .reserve_server_names(server_names(), until)
        .await
        .unwrap();
    let asked: [(&str, Value); 6] = [
        ("ca.example.com", json!(null)),
        ("CA.Example.COM", json!(["other.example.org"])),
        ("192.0.2.7", json!(["other.example.org"])),
        ("other.example.org", json!(["ca.example.com"])),
        ("other.example.org", json!(["a.example.org", "*.example.com"])),
        (
            "other.example.org",
            json!([{ "type": "IP_ADDRESS", "value": "192.0.2.7" }]),
        ),
    ];
    for (common_name, sans) in asked {
        let body = json!({ "common_name": common_name, "sans": sans, "base64_csr_data": csr(common_name) });
        let (status, answer) = fixture.issue(&body).await;
        assert_eq!(
            (status, &answer["code"]),
            (422, &json!("reserved_name")),
            "{common_name} {sans}: {answer}"
        );
    }
    let serial = answer["CertificateInfo"]["SerialNumber"].as_str().unwrap();
    let path = format!("/api/v1/certificates/{serial}/renew");
    let renewal = json!({ "base64_csr_data": csr("ca.example.com") });
    let renewed = fixture.send(TokenScope::Issue, Method::POST, &path, &renewal).await;
    assert_eq!(renewed.status(), 422);
    assert_eq!(fixture::json(renewed).await["code"], "reserved_name");

    let other = json!({ "common_name": "other.example.com", "base64_csr_data": csr("other.example.com") });
    assert_eq!(fixture.issue(&other).await.0, 200);
    // The authority itself, and who runs the command on its folder, have the server's key anyway.
    for principal in [Principal::AUTHORITY, Principal::local("alice")] {
        let value = json!({ "common_name": "ca.example.com", "base64_csr_data": csr("ca.example.com") });
        let request = TlsCertRequest::from_value(&value).unwrap();
        let token = IdempotencyToken(principal.to_string());
        fixture
            .authority
            .issue_tls_cert(&request, &principal, Some(token))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn nobody_gets_what_a_wildcard_of_the_server_covers() {
    let fixture = Fixture::new(QUICK).await;
    let wildcard = ServerNameSet::new([AltName::parse(AltNameType::Dns, "*.example.com").unwrap()]);
    fixture
        .authority
        .reserve_server_names(wildcard, UnixTime(i64::MAX))
        .await
        .unwrap();
    for (common_name, sans) in [
        ("www.example.com", json!(null)),
        ("other.example.org", json!(["ca.example.com"])),
        ("other.example.org", json!(["*.example.com"])),
    ] {
        let body = json!({ "common_name": common_name, "sans": sans, "base64_csr_data": csr(common_name) });
        let (status, answer) = fixture.issue(&body).await;
        assert_eq!(
            (status, &answer["code"]),
            (422, &json!("reserved_name")),
            "{common_name} {sans}: {answer}"
        );
    }
    let beyond = json!({ "common_name": "a.b.example.com", "base64_csr_data": csr("a.b.example.com") });
    assert_eq!(fixture.issue(&beyond).await.0, 200);
}

#[tokio::test]
async fn health_and_metrics_read_the_ledger_once_for_everybody() {
    let fixture = Fixture::new(QUICK).await;
    let count = |operation: &str| {
        let calls = fixture.memory.faults.calls();
        calls.iter().filter(|call| **call == operation).count()
    };
    let before = (count("monitoring.counts"), count("crls.state_up_to"));
    let mut asking = Vec::new();
    for turn in 0..200 {
        let path = if turn % 2 == 0 { "/health" } else { "/api/v1/metrics" };
        let request = fixture.send(TokenScope::Read, Method::GET, path, &json!(null));
        asking.push(tokio::spawn(request));
    }
    for answer in asking {
        assert_eq!(answer.await.unwrap().status(), 200);
    }
    for _ in 0..50 {
        assert_eq!(fixture.plain("/health", "*/*").await.status(), 200);
    }
    // Twice, should the machine be so slow that what was read has become old meanwhile.
    let reads = (
        count("monitoring.counts") - before.0,
        count("crls.state_up_to") - before.1,
    );
    assert!(reads.0 <= 2 && reads.1 <= 4, "{reads:?}");
}
