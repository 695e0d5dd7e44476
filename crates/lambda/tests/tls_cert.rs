//! `tls_cert`.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_deployment::failure::FailureKind;
use chancery_lambda::function::Function;
use chancery_lambda::state::Invocation;
use chancery_testing::memory::Fault;
use chancery_x509::certificate::Certificate;
use serde_json::{Value, json};
use support::{Deployment, ED25519, ISSUING, P256, P384, error, event, invocation, serial};

fn pem(answer: &Value, field: &str) -> String {
    String::from_utf8(STANDARD.decode(answer[field].as_str().unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn an_answer_has_every_field_of_the_contract() {
    let deployment = Deployment::with_cas(&[]).await;
    let mut request = event("a.example.com", P256);
    request["organization"] = json!("Acme, Inc.");
    request["passphrase"] = json!(true);
    let answer = deployment.ask(&request, "1").await.unwrap();
    let fields: Vec<&String> = answer.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        [
            "Base64CaChain",
            "Base64Certificate",
            "Base64IssuingCaCertificate",
            "Base64RootCaCertificate",
            "CertificateInfo",
            "Subject"
        ]
    );
    assert_eq!(answer["CertificateInfo"]["CommonName"], "a.example.com");
    assert_eq!(answer["CertificateInfo"]["Issued"], "2026-11-23 19:55:00");
    assert_eq!(answer["CertificateInfo"]["Expires"], "2026-12-23 20:00:00");
    assert!(answer["Subject"].as_str().unwrap().contains(r"O=Acme\, Inc."));
    let certificate = Certificate::parse(&STANDARD.decode(answer["Base64Certificate"].as_str().unwrap()).unwrap());
    assert_eq!(certificate.unwrap().serial().to_string(), serial(&answer));
    let chain = pem(&answer, "Base64CaChain");
    let (issuing, root) = (
        pem(&answer, "Base64IssuingCaCertificate"),
        pem(&answer, "Base64RootCaCertificate"),
    );
    assert_eq!(chain, format!("{}\n{}", issuing.trim(), root.trim()));
    assert_eq!(deployment.reported(), Vec::<&str>::new(), "nobody asked to be told");
    let measured = deployment.measured();
    let of_ca = measured.iter().find(|line| line.get("Issued").is_some()).unwrap();
    assert_eq!(
        (of_ca["Authority"].as_str(), of_ca["Issued"].as_f64()),
        (Some(ISSUING), Some(1.0))
    );
    assert!(of_ca["SigningLatency"].as_f64().is_some());

    let chain_only = deployment.ask(&json!({"ca_chain_only": true}), "2").await.unwrap();
    assert_eq!(chain_only.as_object().unwrap().len(), 3);
    assert_eq!(chain_only["Base64CaChain"], answer["Base64CaChain"]);

    let mut bundled = event("a.example.com", P256);
    bundled["cert_bundle"] = json!(true);
    bundled["force_issue"] = json!(true);
    let bundled = deployment.ask(&bundled, "3").await.unwrap();
    assert_eq!(
        pem(&bundled, "Base64Certificate").matches("BEGIN CERTIFICATE").count(),
        3
    );
}

#[tokio::test]
async fn a_misspelt_field_is_ignored_as_before_and_named() {
    let deployment = Deployment::with_cas(&[]).await;
    let mut request = event("a.example.com", P256);
    request["liftime"] = json!(3);
    let answer = deployment.ask(&request, "1").await.unwrap();
    assert_eq!(answer["CertificateInfo"]["Expires"], "2026-12-23 20:00:00");
    assert_eq!(
        answer["Warnings"],
        json!(["field \"liftime\" is not known and was ignored"])
    );
}

#[tokio::test]
async fn a_warm_issuance_makes_three_calls_and_one_conditional_read() {
    let deployment = Deployment::with_cas(&[]).await;
    deployment.files.put("tls.json", r#"[{"common_name":"a"}]"#);
    let function = deployment.function(Function::TlsCert);
    let ask = async |request: Value, id: &str| {
        let answer = function.answer(request.to_string().as_bytes(), &invocation(id)).await;
        serial(&answer.unwrap())
    };
    ask(event("a", P256), "1").await;
    let (calls, reads) = (
        deployment.memory.faults.calls().len(),
        deployment.files.reads.lock().unwrap().len(),
    );
    ask(event("b", P384), "2").await;
    assert_eq!(
        deployment.memory.faults.calls()[calls..],
        ["intents.reserve", "keys.sign", "intents.complete"]
    );
    assert_eq!(
        deployment.files.reads.lock().unwrap()[reads..],
        ["conditional tls.json"]
    );
    let mut decided = event("c", ED25519);
    decided["notify_issued"] = json!(false);
    decided["notify_expiry"] = json!(false);
    ask(decided, "3").await;
    assert_eq!(
        deployment.files.reads.lock().unwrap().len(),
        reads + 1,
        "nothing was left for the file to decide"
    );
}

#[tokio::test]
async fn what_is_in_tls_json_is_told_of_by_default() {
    let deployment = Deployment::with_cas(&[]).await;
    deployment.files.put(
        "tls.json",
        r#"[{"common_name":"a","organization":"Acme"},{"common_name":7}]"#,
    );
    let mut listed = event("a", P256);
    listed["organization"] = json!("Acme");
    let listed_serial = serial(&deployment.ask(&listed, "1").await.unwrap());
    assert_eq!(deployment.reported(), ["Certificate Issued"]);
    let mut other = event("a", P384);
    other["organization"] = json!("Other");
    deployment.ask(&other, "2").await.unwrap();
    let mut silent = event("a", ED25519);
    silent["notify_issued"] = json!(false);
    deployment.ask(&silent, "3").await.unwrap();
    assert_eq!(deployment.reported(), ["Certificate Issued"]);
    let records = deployment.memory.ledger.issued();
    let reminded: Vec<_> = records.iter().filter(|record| record.notify_expiry).collect();
    assert_eq!(
        reminded.len(),
        2,
        "the listed one and the one that is silent about its issuance alone"
    );
    assert!(
        reminded
            .iter()
            .any(|record| record.id.serial.to_string() == listed_serial)
    );
}

#[tokio::test]
async fn a_tls_json_that_cannot_be_read_costs_no_certificate() {
    let deployment = Deployment::with_cas(&[]).await;
    deployment.files.put("tls.json", "not JSON");
    serial(&deployment.ask(&event("a", P256), "1").await.unwrap());
    *deployment.files.down.lock().unwrap() = true;
    serial(&deployment.ask(&event("b", P384), "2").await.unwrap());
}

#[tokio::test]
async fn csr_files_come_from_the_internal_bucket() {
    let deployment = Deployment::with_cas(&[]).await;
    let list = |names: &[&str]| {
        json!(
            names
                .iter()
                .map(|name| json!({"common_name": name, "csr_file": "a.csr"}))
                .collect::<Vec<_>>()
        )
    };
    deployment.files.put("tls.json", list(&["a"]).to_string());
    let request = json!({"common_name": "a", "csr_file": "a.csr", "notify_issued": false});
    let answer = deployment.ask(&request, "1").await.unwrap();
    assert_eq!(error(&answer), "CSR file 'a.csr' not found in S3 bucket 'internal'");
    assert!(deployment.reported().is_empty());
    deployment.files.put("csrs/a.csr", P256);
    serial(&deployment.ask(&request, "2").await.unwrap());
    let answer = deployment.ask(&request, "3").await.unwrap();
    assert_eq!(error(&answer), "Certificate already issued");
    assert!(deployment.reported().is_empty(), "that is no news");
    let other = json!({"common_name": "b", "csr_file": "a.csr", "notify_issued": false});
    let answer = deployment.ask(&other, "4").await.unwrap();
    assert_eq!(
        error(&answer),
        "CSR file 'a.csr' not found in S3 bucket 'internal'",
        "it is a's"
    );
    assert!(deployment.reported().is_empty());
    deployment.files.put("tls.json", list(&["a", "b"]).to_string());
    let answer = deployment.ask(&other, "5").await.unwrap();
    assert_eq!(error(&answer), "Private key has already been used for a certificate");
    assert_eq!(deployment.reported(), ["Certificate Request Rejected"]);
    deployment.files.put("csrs/a.csr", vec![b'x'; 70_000]);
    let stranger = json!({"common_name": "c", "csr_file": "a.csr", "notify_issued": false});
    let answer = deployment.ask(&stranger, "6").await.unwrap();
    assert_eq!(error(&answer), "CSR file 'a.csr' not found in S3 bucket 'internal'");
    let answer = deployment.ask(&other, "7").await.unwrap();
    assert!(error(&answer).contains("70000 octets"), "{answer}");
    *deployment.files.down.lock().unwrap() = true;
    let failure = deployment.ask(&request, "6").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable);
}

#[tokio::test]
async fn a_repeated_invocation_answers_the_same_certificate() {
    let deployment = Deployment::with_cas(&[]).await;
    let first = deployment.ask(&event("a", P256), "1").await.unwrap();
    let again = deployment.ask(&event("a", P256), "1").await.unwrap();
    assert_eq!(first, again);
    let mut with_token = event("b", P384);
    with_token["idempotency_token"] = json!("order 17");
    let first = deployment.ask(&with_token, "2").await.unwrap();
    assert_eq!(first, deployment.ask(&with_token, "3").await.unwrap());
    let another = deployment.ask(&event("a", P256), "4").await.unwrap();
    assert_eq!(error(&another), "Private key has already been used for a certificate");
    let mut changed = event("c", ED25519);
    changed["idempotency_token"] = json!("order 17");
    let answer = deployment.ask(&changed, "5").await.unwrap();
    assert!(error(&answer).contains("idempotency token"), "{answer}");
    // A caller's own token never meets that of an invocation.
    let mut disguised = event("d", ED25519);
    disguised["idempotency_token"] = json!("1");
    serial(&deployment.ask(&disguised, "6").await.unwrap());
}

#[tokio::test]
async fn who_repeats_a_request_is_told_that_its_certificate_is_revoked() {
    let deployment = Deployment::with_cas(&[]).await;
    let mut once = event("a", P256);
    once["idempotency_token"] = json!("order 17");
    let first = deployment.ask(&once, "1").await.unwrap();
    let list = json!([{ "common_name": "a", "serial_number": serial(&first) }]);
    deployment.files.put("revoked.json", list.to_string());
    deployment.run(Function::IssuingCaCrl).await.unwrap();
    let again = deployment.ask(&once, "2").await.unwrap();
    assert_eq!(again["Base64Certificate"], first["Base64Certificate"]);
    let reported = again["Warnings"][0].as_str().unwrap();
    assert!(reported.contains("was revoked at 2026-11-23"), "{reported}");
}

#[tokio::test]
async fn tokens_of_direct_callers_are_not_the_state_machine_s() {
    let deployment = Deployment::with_cas(&[]).await;
    let ask = async |alias: &str, name: &str, csr: &str| {
        let mut event = event(name, csr);
        event["idempotency_token"] = json!("run-0");
        let direct = invocation("1");
        let invocation = Invocation {
            function_arn: format!("{}{alias}", direct.function_arn),
            ..direct
        };
        let tls_cert = deployment.function(Function::TlsCert);
        tls_cert.answer(event.to_string().as_bytes(), &invocation).await
    };
    serial(&ask("", "planted", P256).await.unwrap());
    let listed = ask(":state-machine", "listed", P384).await.unwrap();
    assert_eq!(listed["CertificateInfo"]["CommonName"], "listed");
    assert_eq!(ask(":state-machine", "listed", P384).await.unwrap(), listed);
    // To the state machine, an answer is an answer: what is none of this entry's is a failure.
    let failure = ask(":state-machine", "other", ED25519).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::TokenReused);
    assert_eq!(failure.kind.name(), "TokenReusedError");
    let answer = ask("", "other", ED25519).await.unwrap();
    assert!(error(&answer).contains("idempotency token"), "{answer}");
}

#[tokio::test]
async fn interrupted_anywhere_a_retry_gives_one_certificate() {
    for call in 1..8 {
        for fault in [Fault::FailBefore, Fault::FailAfter, Fault::DieBefore, Fault::DieAfter] {
            let deployment = Deployment::with_cas(&[]).await;
            deployment.memory.faults.at_call(call, fault);
            let first = deployment.ask(&event("a", P256), "1").await;
            if let Err(failure) = &first {
                assert!(
                    matches!(failure.kind, FailureKind::Unavailable | FailureKind::InProgress),
                    "{failure:?}, call {call}, {fault:?}"
                );
            }
            deployment.memory.faults.clear();
            deployment.memory.clock.advance(120);
            let second = deployment.ask(&event("a", P256), "1").await.unwrap();
            if let Ok(first) = first {
                assert_eq!(first, second, "call {call}, {fault:?}");
            }
            serial(&second);
            assert!(deployment.is_whole().await, "call {call}, {fault:?}");
            let leaves = deployment.memory.ledger.issued().len() - 2;
            assert_eq!(leaves, 1, "call {call}, {fault:?}");
        }
    }
}

#[tokio::test]
async fn without_a_ca_there_is_a_clear_answer() {
    let deployment = Deployment::new(&[]).await;
    let function = deployment.function(Function::TlsCert);
    let ask = async |event: Value| {
        function
            .answer(event.to_string().as_bytes(), &invocation("1"))
            .await
            .unwrap()
    };
    let missing = format!("CA {ISSUING} not found");
    assert_eq!(error(&ask(event("a", P256)).await), missing);
    assert_eq!(error(&ask(json!({"ca_chain_only": true})).await), missing);
    // The same process finds them once they are there.
    deployment.run(Function::CreateRootCa).await.unwrap();
    deployment.run(Function::CreateIssuingCa).await.unwrap();
    serial(&ask(event("a", P256)).await);
}

#[tokio::test]
async fn rejections_are_answered_told_and_counted() {
    let deployment = Deployment::with_cas(&[]).await;
    deployment.measured();
    let answer = deployment.ask(&event("", P256), "1").await.unwrap();
    assert_eq!(error(&answer), "CSR must include a Common Name");
    let mut short = event("a", P256);
    short["lifetime"] = json!(0);
    assert_eq!(error(&deployment.ask(&short, "2").await.unwrap()), "0 is too short");
    assert_eq!(deployment.reported(), ["Certificate Request Rejected"; 2]);
    let measured = deployment.measured();
    let reasons: Vec<_> = measured.iter().filter_map(|line| line["Reason"].as_str()).collect();
    assert_eq!(reasons, ["no_common_name", "lifetime_too_short"]);
    assert!(deployment.memory.ledger.issued().len() == 2 && deployment.is_whole().await);
}
