//! A second issuing CA beside the contract's: made by its function, taken into use by an operator, and served by the same
//! functions.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use crate::support;

use chancery_authority::issuer::ISSUERS_FRESH;
use chancery_authority::port::ledger::{CrlScope, IssuerState};
use chancery_authority::port::{Clock as _, KeyName, KeyStore as _, Ledger as _, Publication as _, PublishedName};
use chancery_authority::{Authority, CaName, Principal};
use chancery_deployment::failure::FailureKind;
use chancery_lambda::function::Function::{CreateIssuingCa, CreateRootCa, IssuingCaCrl, Sweep, TlsCert};
use chancery_testing::memory::Fault;
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::crl::{RevocationList, RevocationReason, RevokedEntry};
use serde_json::{Value, json};
use support::{Deployment, ED25519, ISSUING, P256, P384, event, invocation, serial, settings};

const SECOND: &str = "serverless-issuing-ca-2-dev";

const SETTINGS: (&str, &str) = (
    "ISSUING_CAS",
    r#"{"issuing-ca-2":{"info":{"commonName":"Second Issuing CA"}}}"#,
);

fn ca_name(name: &str) -> CaName {
    CaName::new(name).unwrap()
}

/// What Terraform adds to a deployment: a key, and settings.
async fn configured(mut deployment: Deployment) -> Deployment {
    let key = KeyName(SECOND.into());
    deployment.memory.keys.create(&key, CaKeyAlgorithm::P384).await.unwrap();
    deployment.settings = settings(&[SETTINGS]);
    deployment
}

/// A deployment with its two CAs, to which a second issuing CA was added.
async fn with_second() -> Deployment {
    let deployment = configured(Deployment::with_cas(&[]).await).await;
    deployment.run(CreateIssuingCa).await.unwrap();
    deployment
}

/// What an operator has: the ledger, and the settings of the functions.
async fn operator(deployment: &Deployment) -> Authority {
    let (config, profiles) = (deployment.settings.config().unwrap(), deployment.settings.profiles());
    Authority::open(deployment.memory.ports(), config, profiles)
        .await
        .unwrap()
}

async fn activate(deployment: &Deployment, name: &str) {
    let operator = operator(deployment).await;
    let principal = Principal::local("operator");
    operator
        .activate_issuer(&ca_name(name), true, &principal)
        .await
        .unwrap();
}

async fn retire(deployment: &Deployment, name: &str) {
    let operator = operator(deployment).await;
    let principal = Principal::local("operator");
    operator.retire_issuer(&ca_name(name), &principal).await.unwrap();
}

async fn state(deployment: &Deployment, name: &str) -> IssuerState {
    let cas = deployment.memory.ledger.issuers().list().await.unwrap();
    let ca = cas.iter().find(|ca| ca.ca_name.as_str() == name);
    ca.unwrap().status.state
}

/// Serial numbers on a CA's published CRL, which its own key signed.
async fn published(deployment: &Deployment, name: &str) -> Option<(u64, Vec<String>)> {
    let file = PublishedName::new(format!("{name}.crl")).unwrap();
    let (_, der) = deployment.memory.publication.read(&file).await.unwrap()?;
    let crl = RevocationList::parse(&der).unwrap();
    let operator = operator(deployment).await;
    let ca = operator.ca(&ca_name(name)).unwrap();
    assert!(crl.is_signed_by(ca.issuer.public_key()));
    let entries = crl.entries().map(|entry| entry.unwrap().serial.to_string());
    Some((crl.number().unwrap(), entries.collect()))
}

fn issuer(answer: &Value, deployment: &Deployment) -> String {
    let serial = serial(answer);
    let issued = deployment.memory.ledger.issued();
    let record = issued.iter().find(|record| record.id.serial.to_string() == serial);
    record.unwrap().id.issuer.to_string()
}

#[tokio::test]
async fn a_second_issuing_ca_takes_the_place_of_the_first() {
    let deployment = with_second().await;
    assert_eq!(state(&deployment, SECOND).await, IssuerState::Pending);
    let bundle = deployment.memory.publication.content("serverless-ca-bundle-dev.pem");
    let bundle = String::from_utf8(bundle.unwrap().to_vec()).unwrap();
    assert_eq!(bundle.matches("BEGIN CERTIFICATE").count(), 3);
    assert!(
        deployment
            .memory
            .publication
            .content(&format!("{SECOND}.crt"))
            .is_some()
    );

    // A process that goes on, and knows of nothing.
    let tls_cert = deployment.function(TlsCert);
    let ask = async |name: &str, csr: &str| {
        let event = event(name, csr).to_string();
        tls_cert.answer(event.as_bytes(), &invocation(name)).await.unwrap()
    };
    let first = ask("first", P256).await;
    assert_eq!(issuer(&first, &deployment), ISSUING, "it is not in use yet");
    activate(&deployment, SECOND).await;
    deployment.memory.clock.advance(ISSUERS_FRESH);
    let second = ask("second", P384).await;
    assert_eq!(issuer(&second, &deployment), SECOND, "without a new process");
    retire(&deployment, ISSUING).await;
    let chain_only = json!({"ca_chain_only": true}).to_string();
    let chain = tls_cert
        .answer(chain_only.as_bytes(), &invocation("chain"))
        .await
        .unwrap();
    assert_eq!(
        chain["Base64IssuingCaCertificate"], second["Base64IssuingCaCertificate"],
        "callers who ask for the chain get that of the CA that issues"
    );
    assert_ne!(
        first["Base64IssuingCaCertificate"],
        second["Base64IssuingCaCertificate"]
    );

    // One list for both; each revocation is on the CRL of the CA that issued the certificate.
    let [a, b] = [&first, &second].map(serial);
    let list = json!([
        {"common_name": "first", "serial_number": a},
        {"common_name": "second", "serial_number": b},
    ]);
    deployment.files.put("revoked.json", list.to_string());
    for number in 1..=2 {
        assert_eq!(deployment.run(IssuingCaCrl).await, Ok(Value::Null));
        assert_eq!(published(&deployment, ISSUING).await, Some((number, vec![a.clone()])));
        assert_eq!(published(&deployment, SECOND).await, Some((number, vec![b.clone()])));
    }
    assert_eq!(deployment.reported().len(), 2, "each once");
    let measured = deployment.measured();
    let aged = |name: &str| {
        measured
            .iter()
            .any(|line| line["Authority"] == name && line["CrlAge"] == 0.0)
    };
    assert!(aged(ISSUING) && aged(SECOND), "{measured:?}");
    assert!(deployment.run(Sweep).await.is_ok());
}

#[tokio::test]
async fn interrupted_anywhere_a_second_ca_never_issues_by_itself() {
    for call in 1..40 {
        for fault in [Fault::DieBefore, Fault::DieAfter] {
            let deployment = configured(Deployment::with_cas(&[]).await).await;
            deployment.memory.faults.at_call(call, fault);
            let _ = deployment.run(CreateIssuingCa).await;
            deployment.memory.faults.clear();
            deployment.run(CreateIssuingCa).await.unwrap();
            assert_eq!(
                state(&deployment, SECOND).await,
                IssuerState::Pending,
                "call {call}, {fault:?}"
            );
            let file = format!("{SECOND}.crt");
            assert!(deployment.memory.publication.content(&file).is_some(), "call {call}");
        }
    }
}

#[tokio::test]
async fn a_ca_that_cannot_be_made_stops_nothing_else() {
    let deployment = configured(Deployment::with_cas(&[]).await).await;
    deployment.memory.keys.forget(&KeyName(SECOND.into()));
    deployment.memory.publication.remove(&format!("{ISSUING}.crt"));
    let failure = deployment.run(CreateIssuingCa).await.unwrap_err();
    assert!(failure.message.contains(SECOND), "{failure}");
    assert!(
        deployment
            .memory
            .publication
            .content(&format!("{ISSUING}.crt"))
            .is_some()
    );
    let issued = deployment.ask(&event("a", P256), "1").await.unwrap();
    assert_eq!(issuer(&issued, &deployment), ISSUING);
    deployment.run(IssuingCaCrl).await.unwrap();
    assert!(published(&deployment, ISSUING).await.is_some());
}

#[tokio::test]
async fn a_crl_that_fails_stops_no_other_ca_s() {
    for (nth, failing, other) in [(1, ISSUING, SECOND), (3, SECOND, ISSUING)] {
        let deployment = with_second().await;
        deployment.memory.faults.at("publication.put", nth, Fault::FailBefore);
        let failure = deployment.run(IssuingCaCrl).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable, "{failure}");
        assert!(published(&deployment, other).await.is_some(), "{other}");
        assert_eq!(published(&deployment, failing).await, None, "{failing}");
        deployment.run(IssuingCaCrl).await.unwrap();
        assert!(published(&deployment, failing).await.is_some(), "{failing}");
    }
}

/// Each CA has its share of the time, and only the last one all that is left.
#[tokio::test]
async fn a_crl_that_hangs_stops_no_other_ca_s() {
    let deployment = with_second().await;
    let hour = std::time::Duration::from_hours(1);
    deployment.memory.faults.at("keys.sign", 1, Fault::Delay(hour));
    let mut bounded = invocation("run");
    bounded.until = Some(std::time::Instant::now() + std::time::Duration::from_secs(4));
    let failure = deployment
        .function(IssuingCaCrl)
        .answer(b"{}", &bounded)
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unavailable, "{failure}");
    assert!(failure.message.contains(ISSUING), "{failure}");
    assert!(published(&deployment, SECOND).await.is_some());
}

/// Whoever issues under one CA may write to its list: that says nothing of what another issued.
#[tokio::test]
async fn what_another_ca_lists_is_not_taken_for_revoked() {
    let deployment = with_second().await;
    let a = deployment.ask(&event("a", P256), "1").await.unwrap();
    let record = deployment.memory.ledger.issued().pop().unwrap();
    let scope = CrlScope {
        issuer: ca_name(SECOND),
        shard: None,
    };
    let entry = RevokedEntry {
        serial: record.id.serial,
        revoked_at: deployment.memory.clock.now(),
        reason: RevocationReason::Unspecified,
        invalidity_date: None,
    };
    let ledger = deployment.memory.ledger.revocations();
    ledger.relist(&scope, &entry, record.not_after).await.unwrap();
    let list = json!([{"common_name": "a", "serial_number": serial(&a)}]);
    deployment.files.put("revoked.json", list.to_string());
    deployment.run(IssuingCaCrl).await.unwrap();
    assert_eq!(published(&deployment, ISSUING).await, Some((1, vec![serial(&a)])));
}

#[tokio::test]
async fn a_retiring_ca_ends_with_its_last_certificate() {
    let deployment = with_second().await;
    let leaf = deployment.ask(&event("a", P256), "1").await.unwrap();
    activate(&deployment, SECOND).await;
    retire(&deployment, ISSUING).await;
    let list = json!([{"common_name": "a", "serial_number": serial(&leaf)}]);
    deployment.files.put("revoked.json", list.to_string());
    let end = deployment.memory.ledger.issued().pop().unwrap().not_after;
    for (at, expected) in [
        (end.plus_days(-1), IssuerState::Retiring),
        (end.plus_days(5), IssuerState::Retiring),
        // Its certificate's use of the CRL is recorded in spans of 30 days, and its entry stays a while.
        (end.plus_days(40), IssuerState::Retired),
    ] {
        deployment.memory.clock.set(at);
        // What is listed is needed. An entry is left out once the CRL before was made after its certificate's end.
        for _ in 0..2 {
            deployment.run(IssuingCaCrl).await.unwrap();
        }
        deployment.run(CreateIssuingCa).await.unwrap();
        assert_eq!(state(&deployment, ISSUING).await, expected, "at {at}");
    }
    assert_eq!(state(&deployment, SECOND).await, IssuerState::Active);
    let (number, _) = published(&deployment, ISSUING).await.unwrap();
    let (before, _) = published(&deployment, SECOND).await.unwrap();
    deployment.run(IssuingCaCrl).await.unwrap();
    assert_eq!(
        published(&deployment, ISSUING).await.unwrap().0,
        number,
        "it goes on no more"
    );
    assert_eq!(published(&deployment, SECOND).await.unwrap().0, before + 1);
    let issued = deployment.ask(&event("b", ED25519), "2").await.unwrap();
    assert_eq!(issuer(&issued, &deployment), SECOND);
}

#[tokio::test]
async fn a_process_from_before_a_further_ca_gives_nothing_up() {
    let deployment = configured(Deployment::with_cas(&[]).await).await;
    let sweep = deployment.function(Sweep);
    let nothing = json!({"completed": 0, "lost": 0, "failed": 0});
    assert_eq!(sweep.answer(b"{}", &invocation("before")).await, Ok(nothing));
    deployment.run(CreateIssuingCa).await.unwrap();
    activate(&deployment, SECOND).await;
    deployment.memory.faults.at("keys.sign", 1, Fault::DieAfter);
    let mut event = event("a", P256);
    event["idempotency_token"] = json!("mine");
    deployment.ask(&event, "1").await.unwrap_err();
    deployment.memory.faults.clear();
    deployment.memory.clock.advance(400);
    let swept = sweep.answer(b"{}", &invocation("after")).await;
    assert_eq!(swept, Ok(json!({"completed": 1, "lost": 0, "failed": 0})));
}

/// Its keys are there as long as its CRL is needed.
#[tokio::test]
async fn a_ca_without_settings_has_its_crl_published_as_long_as_it_has_one() {
    let mut deployment = with_second().await;
    deployment.settings = settings(&[]);
    deployment.run(IssuingCaCrl).await.unwrap();
    assert!(published_by_name(&deployment, SECOND).await);
}

async fn published_by_name(deployment: &Deployment, name: &str) -> bool {
    let file = PublishedName::new(format!("{name}.crl")).unwrap();
    deployment.memory.publication.read(&file).await.unwrap().is_some()
}

/// No item says so, and no operator: it is the first one, whatever is configured beside it.
#[tokio::test]
async fn the_contract_s_ca_issues_until_another_is_activated() {
    let deployment = configured(Deployment::new(&[]).await).await;
    for function in [CreateRootCa, CreateIssuingCa] {
        deployment.run(function).await.unwrap();
    }
    let issued = deployment.ask(&event("a", P256), "1").await.unwrap();
    assert_eq!(issuer(&issued, &deployment), ISSUING);
    let cas = deployment.memory.ledger.issuers().list().await.unwrap();
    assert!(cas.iter().all(|ca| !ca.status.is_default));
}
