//! The server against the description of the API, and against the types of which that is made.

use axum::http::Method;
use chancery_api::certificates::{CertificateEntry, CertificatePage, CertificateStatus};
use chancery_api::crls::Crls;
use chancery_api::issue::{
    AltNameValues, AltNames, CustomExtension, IssueAnswer, IssueRequest, ListedAltName, TypedAltName,
};
use chancery_api::problem::{ErrorCode, ProblemBody};
use chancery_api::revoke::{RevokeAnswer, RevokeRequest};
use chancery_authority::TokenScope;
use chancery_authority::issue::RequestedNames;
use chancery_contract as contract;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::fixture::{Fixture, QUICK, csr, json as body_of};

#[tokio::test]
async fn every_path_takes_the_methods_that_are_described_and_no_others() {
    let fixture = Fixture::new(QUICK).await;
    let description: Value = serde_json::from_str(&chancery_api::openapi::json()).unwrap();
    let paths = description["paths"].as_object().unwrap();
    assert!(paths.len() > 5);
    for (path, operations) in paths {
        let asked = path.replace("{serial_number}", "1").replace("{publication}", "1");
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = fixture.send(TokenScope::Read, method.clone(), &asked, &json!({})).await;
            let is_described = operations.get(method.as_str().to_lowercase()).is_some();
            assert_eq!(answer.status() != 405, is_described, "{method} {path}");
            let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
            let body = String::from_utf8_lossy(&body);
            assert!(!body.contains("there is no such path"), "{method} {path}: {body}");
        }
    }
}

/// What the type makes of the JSON is that JSON again: the type has all of it.
fn typed<T: DeserializeOwned + Serialize>(json: &Value) -> T {
    let typed: T = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(&serde_json::to_value(&typed).unwrap(), json);
    typed
}

#[tokio::test]
async fn answers_are_what_the_types_say() {
    let fixture = Fixture::new(QUICK).await;
    let request = IssueRequest {
        common_name: Some("www.example.com".to_owned()),
        purposes: Some(vec!["server_auth".to_owned(), "to_be_left_out".to_owned()]),
        base64_csr_data: Some(csr("www.example.com")),
        ..IssueRequest::default()
    };
    let request = serde_json::to_value(request).unwrap();
    let (status, answer) = fixture.issue(&request).await;
    assert_eq!(status, 200, "{answer}");
    let issued: IssueAnswer = typed(&answer);
    assert_eq!(issued.warnings.unwrap().len(), 1);
    let serial = issued.certificate_info.unwrap().serial_number;
    let (status, answer) = fixture.issue(&request).await;
    assert_eq!(status, 409, "{answer}");
    assert_eq!(typed::<ProblemBody>(&answer).code, ErrorCode::KeyInUse);
    let (_, chain) = fixture.issue(&json!({ "ca_chain_only": true })).await;
    assert_eq!(typed::<IssueAnswer>(&chain).base64_certificate, None);

    let ask = async |scope, method, path: &str, body: &Value| {
        let answer = fixture.send(scope, method, path, body).await;
        assert_eq!(answer.status(), 200, "{path}");
        body_of(answer).await
    };
    let revoke = RevokeRequest {
        reason: Some("superseded".to_owned()),
        ..RevokeRequest::default()
    };
    let path = format!("/api/v1/certificates/{serial}");
    let revoke = serde_json::to_value(revoke).unwrap();
    let answer = ask(TokenScope::Revoke, Method::POST, &format!("{path}/revoke"), &revoke).await;
    assert_eq!(
        typed::<RevokeAnswer>(&answer).certificate.status,
        CertificateStatus::Revoked
    );
    let entry: CertificateEntry = typed(&ask(TokenScope::Read, Method::GET, &path, &Value::Null).await);
    assert_eq!(entry.revocation.unwrap().reason, "superseded");
    let page = ask(
        TokenScope::Read,
        Method::GET,
        "/api/v1/certificates?limit=1",
        &Value::Null,
    )
    .await;
    assert!(typed::<CertificatePage>(&page).next.is_some());
    let crls = ask(TokenScope::Read, Method::GET, "/api/v1/crls", &Value::Null).await;
    assert_eq!(typed::<Crls>(&crls).crls.len(), 2);
}

#[test]
fn a_typed_request_is_read_as_it_was_meant() {
    let text = |text: &str| Some(text.to_owned());
    let (domain, address) = ("www.example.com".to_owned(), "192.0.2.1".to_owned());
    let listed = AltNames::List(vec![
        ListedAltName::Dns(domain.clone()),
        ListedAltName::Typed(TypedAltName {
            r#type: text("IP_ADDRESS"),
            value: address.clone(),
        }),
    ]);
    let by_type = AltNames::ByType(
        [
            ("DNS_NAME".to_owned(), AltNameValues::One(domain.clone())),
            ("IP_ADDRESS".to_owned(), AltNameValues::Many(vec![address])),
        ]
        .into(),
    );
    for (sans, count) in [(AltNames::One(domain), 1), (listed, 2), (by_type, 2)] {
        let request = IssueRequest {
            common_name: text("www.example.com"),
            country: text("DE"),
            state: text("Berlin"),
            locality: text("Berlin"),
            organization: text("Example"),
            organizational_unit: text("PKI"),
            email_address: text("pki@example.com"),
            no_common_name: None,
            lifetime: Some(30),
            purposes: Some(vec!["server_auth".to_owned()]),
            extended_key_usages: Some(vec!["1.3.6.1.5.5.7.3.4".to_owned()]),
            sans: Some(sans),
            sans_from_csr: Some(true),
            extensions: Some(vec![CustomExtension {
                oid: "1.2.3.4".to_owned(),
                value_b64: "BQA=".to_owned(),
                critical: Some(false),
            }]),
            base64_csr_data: Some(csr("www.example.com")),
            csr_file: None,
            profile: text("tls-server"),
            force_issue: Some(true),
            cert_bundle: Some(true),
            notify_expiry: Some(true),
            notify_issued: Some(true),
        };
        let read = contract::TlsCertRequest::from_value(&serde_json::to_value(request).unwrap()).unwrap();
        let subject = &read.subject;
        for field in [
            &subject.common_name,
            &subject.country,
            &subject.state,
            &subject.locality,
            &subject.organization,
            &subject.organizational_unit,
            &subject.email_address,
        ] {
            assert!(field.is_some(), "{subject:?}");
        }
        assert_eq!(read.lifetime_days, Some(30));
        assert_eq!((read.purposes.len(), read.extended_key_usages.len()), (1, 1));
        assert_eq!(read.profile.as_deref(), Some("tls-server"));
        assert!(
            matches!(&read.alt_names, RequestedNames::Listed(names) if names.len() == count),
            "{read:?}"
        );
        assert!(read.sans_from_csr && read.force_issue && read.cert_bundle && !read.no_common_name);
        assert_eq!((read.extensions.len(), read.csr.is_some()), (1, true));
        assert_eq!((read.notify_expiry, read.notify_issued), (Some(true), Some(true)));
        assert!(read.warnings.is_empty(), "{:?}", read.warnings);
    }
}
