//! The real `bootstrap` as a process that speaks to a Lambda Runtime API, with AWS on this machine behind it.
//!
//! `CHANCERY_BOOTSTRAP` names another binary than the one that was built for the tests: that of the zip, to measure it.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

mod deployment;
mod runtime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_testing::sandbox::Sandbox;
use chancery_x509::certificate::Certificate;
use chancery_x509::crl::RevocationList;
use serde_json::{Value, json};

use deployment::Deployed;

const P256: &str = include_str!("../../../x509/tests/data/csr/openssl-p256.pem");
const P384: &str = include_str!("../../../x509/tests/data/csr/openssl-p384.pem");
const ED25519: &str = include_str!("../../../x509/tests/data/csr/openssl-ed25519.pem");

fn event(common_name: &str, csr: &str) -> Value {
    json!({"common_name": common_name, "base64_csr_data": STANDARD.encode(csr)})
}

fn serial(answer: &Value) -> &str {
    let serial = answer["CertificateInfo"]["SerialNumber"].as_str();
    serial.unwrap_or_else(|| panic!("no certificate: {answer}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_lives_through_its_functions() {
    let Some(sandbox) = Sandbox::start() else { return };
    let deployed = Deployed::new(&sandbox).await;
    let ca_name = |ca: &str| format!("{}-{ca}-dev", deployed.names.project());
    let mut tls_cert = deployed.start("tls_cert", &[]);
    let answer = tls_cert.ask(&event("a.example.com", P256)).unwrap();
    assert_eq!(answer["error"], format!("CA {} not found", ca_name("issuing-ca")));
    for function in [
        "create_root_ca",
        "root_ca_crl",
        "create_issuing_ca",
        "issuing_ca_crl",
        "create_root_ca",
    ] {
        assert_eq!(
            deployed.start(function, &[]).ask(&json!({})),
            Ok(Value::Null),
            "{function}"
        );
    }
    let bundle = deployed
        .published(&format!("{}-ca-bundle-dev.pem", deployed.names.project()))
        .await;
    assert_eq!(String::from_utf8_lossy(&bundle).matches("BEGIN CERTIFICATE").count(), 2);

    deployed
        .put_internal(
            "tls.json",
            br#"[{"common_name":"a.example.com"},{"common_name":"c","csr_file":"c.csr"}]"#,
        )
        .await;
    deployed.put_internal("csrs/c.csr", ED25519.as_bytes()).await;
    let first = tls_cert.ask(&event("a.example.com", P256)).unwrap();
    let der = STANDARD.decode(first["Base64Certificate"].as_str().unwrap()).unwrap();
    assert_eq!(Certificate::parse(&der).unwrap().serial().to_string(), serial(&first));
    deployed.take_calls();
    let second = tls_cert.ask(&event("b.example.com", P384)).unwrap();
    let calls = deployed.take_calls();
    let expected = [("dynamodb", 2), ("kms", 1), ("s3", 1)].map(|(service, count)| (service.to_owned(), count));
    assert_eq!(calls, expected.into(), "a warm issuance");
    let refused = tls_cert.ask(&event("b.example.com", P384)).unwrap();
    assert_eq!(refused["error"], "Private key has already been used for a certificate");
    let by_file = json!({"common_name": "c", "csr_file": "c.csr"});
    serial(&tls_cert.ask(&by_file).unwrap());
    assert_eq!(tls_cert.ask(&by_file).unwrap()["error"], "Certificate already issued");
    let missing = tls_cert.ask(&json!({"common_name": "c", "csr_file": "d.csr"})).unwrap();
    let place = format!("CSR file 'd.csr' not found in S3 bucket '{}'", deployed.internal);
    assert_eq!(missing["error"], place);

    let revoked = json!([{"common_name": "b.example.com", "serial_number": serial(&second), "reason": "superseded"}]);
    deployed
        .put_internal("revoked.json", revoked.to_string().as_bytes())
        .await;
    let mut crl = deployed.start("issuing_ca_crl", &[]);
    assert_eq!(crl.ask(&json!({})), Ok(Value::Null));
    let published = deployed.published(&format!("{}.crl", ca_name("issuing-ca"))).await;
    let published = RevocationList::parse(&published).unwrap();
    assert_eq!(published.number(), Some(2));
    let entries: Vec<_> = published
        .entries()
        .map(|entry| entry.unwrap().serial.to_string())
        .collect();
    assert_eq!(entries, [serial(&second)]);
    assert!(
        crl.lines().iter().any(|line| line["CrlSize"].is_number()),
        "metrics are written"
    );

    assert_eq!(deployed.start("expiry", &[]).ask(&json!({})), Ok(Value::Null));
    let swept = deployed.start("sweep", &[]).ask(&json!({})).unwrap();
    assert_eq!(swept, json!({"completed": 0, "lost": 0, "failed": 0}));
    let lines = tls_cert.lines();
    assert!(
        lines
            .iter()
            .any(|line| line["message"] == "certificate issued" && line["span"]["requestId"].is_string())
    );
    let csr = STANDARD.encode(P256);
    assert!(
        !lines.iter().any(|line| line.to_string().contains(&csr[40..80])),
        "no CSR is logged"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_says_so() {
    let Some(sandbox) = Sandbox::start() else { return };
    let deployed = Deployed::new(&sandbox).await;
    let error = deployed
        .start("tls_cert", &[("PROJECT", "")])
        .ask(&json!({}))
        .unwrap_err();
    assert_eq!(error["errorType"], "ConfigurationError");
    assert!(error["errorMessage"].as_str().unwrap().contains("PROJECT"), "{error}");
    let error = deployed.start("no_such", &[]).ask(&json!({})).unwrap_err();
    assert_eq!(error["errorType"], "ConfigurationError");
    let answer = deployed.start("sweep", &[("JOURNAL_TABLE", "none")]).ask(&json!({}));
    assert_eq!(answer, Ok(Value::Null), "there is nothing to sweep yet");
    let mut throttled = deployed.start("create_root_ca", &[]);
    sandbox.fault("kms", "Sign", "throttled", 1000);
    let error = throttled.ask(&json!({})).unwrap_err();
    sandbox.clear_faults();
    assert_eq!(error["errorType"], "UnavailableError", "{error}");
    assert!(
        throttled
            .lines()
            .iter()
            .any(|line| line["Throttles"].as_f64() >= Some(1.0)),
        "throttling is counted"
    );
    assert_eq!(throttled.ask(&json!({})), Ok(Value::Null), "the next one takes it up");
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_go_to_slack() {
    let Some(sandbox) = Sandbox::start() else { return };
    let deployed = Deployed::new(&sandbox).await;
    let slack = runtime::Slack::start();
    let secret = deployed.secret("xoxb-token").await;
    let variables = [
        ("SLACK_SECRET_ARN", secret.as_str()),
        ("SLACK_CHANNELS", "pki,alerts"),
        ("SLACK_API_URL", slack.url.as_str()),
    ];
    let mut notify = deployed.start("notify", &variables);
    let message = json!({"CommonName": "a", "SerialNumber": "1", "Revoked": "2026-01-01 00:00:00", "Subject": "CN=a"});
    let event = json!({"Records": [{"Sns": {"Subject": "Certificate Revoked", "Message": message.to_string()}}]});
    assert_eq!(notify.ask(&event), Ok(Value::Null));
    let posted = slack.posted();
    let channels: Vec<_> = posted
        .iter()
        .map(|(_, body)| body["channel"].as_str().unwrap())
        .collect();
    assert_eq!(channels, ["pki", "alerts"]);
    assert_eq!(posted[0].0, "Bearer xoxb-token");
    assert!(
        !notify.lines().iter().any(|line| line.to_string().contains("xoxb-")),
        "no token is logged"
    );
}
