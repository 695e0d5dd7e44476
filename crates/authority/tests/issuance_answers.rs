//! What a caller gets of an issuance, and what is reported of it.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_authority::issue::Refusal;
use chancery_authority::profile::Profiles;
use chancery_contract::{ChainAnswer, CsrSource, ErrorAnswer, IssueTlsCert as _, TlsCertAnswer, TlsCertRequest};
use chancery_testing::{Fixture, principal, request, request_with_names};
use chancery_x509::certificate::Certificate;
use chancery_x509::san::AltNameType;
use chancery_x509::time::UnixTime;
use serde_json::{Value, json};

fn from_base64(value: &Value) -> String {
    String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn the_answer_is_the_contract_s_json() {
    let fixture = Fixture::new().await;
    let request = request("server.example.com");
    let issued = fixture.issue(&request).await.unwrap();
    let answer = serde_json::to_value(TlsCertAnswer::new(&fixture.authority, &issued, &request)).unwrap();
    let keys: Vec<&String> = answer.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "Base64CaChain",
            "Base64Certificate",
            "Base64IssuingCaCertificate",
            "Base64RootCaCertificate",
            "CertificateInfo",
            "Subject"
        ]
    );
    assert_eq!(
        answer["CertificateInfo"],
        json!({
            "CommonName": "server.example.com", "SerialNumber": issued.record.id.serial.to_string(),
            "Issued": "2026-11-23 19:55:00", "Expires": "2026-12-23 20:00:00",
        })
    );
    assert_eq!(answer["Subject"], "CN=server.example.com");
    let pem = from_base64(&answer["Base64Certificate"]);
    assert_eq!(
        Certificate::parse(pem.as_bytes()).unwrap().as_der(),
        issued.record.certificate
    );

    let cas = fixture.authority.cas();
    let (root, issuing) = (cas[0].certificate().to_pem(), cas[1].certificate().to_pem());
    assert_eq!(from_base64(&answer["Base64IssuingCaCertificate"]), issuing);
    assert_eq!(from_base64(&answer["Base64RootCaCertificate"]), root);
    assert_eq!(
        from_base64(&answer["Base64CaChain"]),
        format!("{}\n{}", issuing.trim(), root.trim())
    );

    let chain =
        serde_json::to_value(ChainAnswer::new(&fixture.authority, &TlsCertRequest::default()).unwrap()).unwrap();
    assert_eq!(chain.as_object().unwrap().len(), 3);
    assert_eq!(chain["Base64CaChain"], answer["Base64CaChain"]);

    let mut bundle = request.clone();
    bundle.cert_bundle = true;
    let answer = serde_json::to_value(TlsCertAnswer::new(&fixture.authority, &issued, &bundle)).unwrap();
    assert_eq!(
        from_base64(&answer["Base64Certificate"]),
        format!("{pem}{issuing}{root}")
    );

    let error = ErrorAnswer {
        error: Refusal::KeyInUse.to_string(),
    };
    assert_eq!(
        serde_json::to_value(error).unwrap(),
        json!({ "error": "Private key has already been used for a certificate" })
    );
}

#[tokio::test]
async fn notices_are_the_contract_s_json() {
    let fixture = Fixture::new().await;
    let mut with_notice = request("server.example.com");
    with_notice.notify_issued = Some(true);
    let issued = fixture.issue(&with_notice).await.unwrap();
    let answer = serde_json::to_value(TlsCertAnswer::new(&fixture.authority, &issued, &with_notice)).unwrap();
    let notice = chancery_testing::notices(&fixture.memory).pop().unwrap();
    assert_eq!(notice.subject, "Certificate Issued");
    assert_eq!(
        notice.message,
        json!({
            "CertificateInfo": answer["CertificateInfo"], "Base64Certificate": answer["Base64Certificate"],
            "Subject": "CN=server.example.com",
        })
    );

    let mut refused = request("chancery-root-ca");
    refused.subject.common_name = Some("chancery-root-ca".into());
    let csr = STANDARD.encode(refused.csr.as_ref().unwrap().octets().unwrap());
    let refusal = fixture.refusal(&refused).await;
    let notice = chancery_testing::notices(&fixture.memory).pop().unwrap();
    assert_eq!(notice.subject, "Certificate Request Rejected");
    assert_eq!(
        notice.message,
        json!({
            "CSRInfo": { "CommonName": "chancery-root-ca", "Lifetime": null, "Purposes": [], "SANs": [] },
            "Base64CSR": csr, "Subject": "CN=chancery-root-ca", "Reason": refusal.to_string(),
        })
    );
}

#[tokio::test]
async fn malformed_requests_leave_their_record_and_notice_too() {
    let fixture = Fixture::new().await;
    let value = json!({ "common_name": "a.example.com", "lifetime": 0, "base64_csr_data": "YQ==" });
    let malformed = TlsCertRequest::from_value(&value).unwrap_err();
    fixture
        .authority
        .record_malformed(&value, &malformed, &principal())
        .await;
    let recorded = fixture
        .authority
        .ports()
        .ledger
        .rejections()
        .latest(1)
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert_eq!(
        (recorded.code.as_str(), recorded.reason.as_str()),
        ("lifetime_too_short", "0 is too short")
    );
    assert_eq!(recorded.common_name.as_deref(), Some("a.example.com"));
    assert_eq!(
        chancery_testing::notices(&fixture.memory).pop().unwrap().message["Reason"],
        "0 is too short"
    );
}

#[tokio::test]
async fn requests_over_budget_are_refused_before_the_work() {
    let fixture = Fixture::new().await;
    let long = TlsCertRequest {
        csr: Some(CsrSource::Inline(vec![0x30; 65 * 1024])),
        ..TlsCertRequest::default()
    };
    assert_eq!(fixture.refusal(&long).await.code(), "over_budget");
    let names: Vec<String> = (0..257).map(|index| format!("h{index}.example.com")).collect();
    let names: Vec<_> = names.iter().map(|name| (AltNameType::Dns, name.as_str())).collect();
    assert_eq!(
        fixture
            .refusal(&request_with_names("a.example.com", &names))
            .await
            .code(),
        "over_budget"
    );
}

#[tokio::test]
async fn an_authority_without_cas_says_so_inside_and_not_outside() {
    let memory = chancery_testing::memory::MemoryPorts::new(UnixTime(0));
    let config = chancery_authority::config::Config::from_toml("").unwrap();
    let authority = chancery_authority::Authority::open(memory.ports(), config, Profiles::built_in())
        .await
        .unwrap();
    let error = authority
        .issue_tls_cert(&request("a.example.com"), &principal(), None)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "no_ca");
    assert!(!error.is_retryable());
    assert!(error.detail().unwrap().contains("chancery-issuing-ca"));
    assert!(!error.to_string().contains("chancery-issuing-ca"));
    assert!(ChainAnswer::new(&authority, &TlsCertRequest::default()).is_none());
}

#[tokio::test]
async fn what_was_looked_up_is_no_part_of_a_request() {
    let fixture = crate::fixture::Fixture::new().await;
    let mut request = request("a.example");
    let token = || Some(chancery_authority::port::ledger::IdempotencyToken("a token".to_owned()));
    let principal = principal();
    let first = fixture
        .authority
        .issue_tls_cert(&request, &principal, token())
        .await
        .unwrap();
    assert!(!first.record.notify_expiry);
    // The list that decides what the request does not say was changed meanwhile.
    request.notices_by_default = true;
    let again = fixture
        .authority
        .issue_tls_cert(&request, &principal, token())
        .await
        .unwrap();
    assert!(again.replayed);
    assert_eq!(again.record, first.record);
    // What the request itself says is a part of it.
    request.notify_expiry = Some(true);
    assert!(
        fixture
            .authority
            .issue_tls_cert(&request, &principal, token())
            .await
            .is_err()
    );

    let mut by_default = crate::fixture::request("b.example");
    by_default.notices_by_default = true;
    let issued = fixture
        .authority
        .issue_tls_cert(&by_default, &principal, None)
        .await
        .unwrap();
    assert!(issued.record.notify_expiry);
}
