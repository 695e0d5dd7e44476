//! `chancery plan`: what it says of a deployment is what the deployment's functions then do.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;
use chancery_local::keys::client::{ClientKey, ClientKeyAlgorithm};
use chancery_x509::certificate::Certificate;
use chancery_x509::crl::RevocationList;
use chancery_x509::name::Name;
use serde_json::{Value, json};

use super::create;
use super::sandbox::{Deployment, Sandbox};

/// What operators keep under review.
struct Checkout(tempfile::TempDir);

impl Checkout {
    fn new() -> Self {
        let checkout = Self(tempfile::tempdir().unwrap());
        fs::create_dir(checkout.path("csrs")).unwrap();
        checkout
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A CSR of a new key.
    fn csr(&self, name: &str) {
        let key = ClientKey::generate(ClientKeyAlgorithm::P256).unwrap();
        let csr = key
            .request(&Name::from_rfc4514("CN=from the CSR").unwrap(), &[])
            .unwrap();
        fs::write(self.path(&format!("csrs/{name}")), csr).unwrap();
    }

    fn list(&self, name: &str, entries: &Value) {
        fs::write(self.path(name), entries.to_string()).unwrap();
    }
}

fn plan(deployment: &Deployment<'_>, checkout: &Checkout, code: i32) -> Value {
    deployment.calls();
    let output = deployment.run(&["--json", "plan", checkout.0.path().to_str().unwrap()]);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // Whoever plans needs to read two tables and a function's environment, and nothing else.
    let settings = format!(
        "lambda.GET /2015-03-31/functions/{}-issuing-ca-crl-dev/configuration",
        deployment.project
    );
    let reads = ["dynamodb.GetItem", "dynamodb.BatchGetItem", "dynamodb.Query", &settings];
    for call in deployment.calls() {
        assert!(reads.contains(&call.as_str()), "{call}");
    }
    serde_json::from_slice(&output.stdout).unwrap()
}

fn items<'a>(report: &'a Value, list: &str) -> Vec<&'a Value> {
    let items = report["items"].as_array().unwrap().iter();
    items.filter(|item| item["list"] == list).collect()
}

fn verdicts<'a>(report: &'a Value, list: &str) -> Vec<&'a str> {
    let items = items(report, list).into_iter();
    items.map(|item| item["verdict"].as_str().unwrap()).collect()
}

/// Merges, has `tls-cert` answer every entry, and holds each answer against what was said of it.
fn merge(deployment: &Deployment<'_>, checkout: &Checkout, report: &Value) -> Vec<Value> {
    deployment.upload(checkout.0.path());
    let answers = deployment.answers(&checkout.path("tls.json"));
    let items = items(report, "tls.json");
    assert_eq!(items.len(), answers.len());
    for (item, answer) in items.iter().zip(&answers) {
        match item["verdict"].as_str().unwrap() {
            "issued" | "renewed" => {
                let pem = answer["Base64Certificate"].as_str();
                let pem = pem.unwrap_or_else(|| panic!("{item}: {answer}"));
                let certificate = Certificate::parse(&STANDARD.decode(pem).unwrap()).unwrap();
                let planned = &item["certificate"];
                assert_eq!(planned["subject"], certificate.subject().to_rfc4514());
                // A day may begin between the plan and the run; a minute does not matter.
                let end = certificate.not_after().to_string();
                assert_eq!(planned["not_after"].as_str().unwrap()[..10], end[..10]);
                assert_eq!(planned["sans"].as_array().unwrap().len(), certificate.alt_names().len());
            }
            "refused" => {
                let place = format!("S3 bucket '{}'", deployment.made["internal"].as_str().unwrap());
                let folder = format!("the folder {}", checkout.path("csrs").display());
                let reason = item["reason"].as_str().unwrap().replace(&folder, &place);
                assert_eq!(answer["error"], reason, "{item}");
            }
            "unchanged" => assert_eq!(answer["error"], item["reason"], "{item}"),
            "skipped" => assert!(
                answer.get("error").is_none() && answer.get("CertificateInfo").is_none(),
                "{answer}"
            ),
            other => panic!("{other}: {item}"),
        }
    }
    answers
}

fn serial(answer: &Value) -> &str {
    answer["CertificateInfo"]["SerialNumber"].as_str().unwrap()
}

/// Serial numbers on the published CRL.
fn listed(deployment: &Deployment<'_>) -> Vec<String> {
    let der = deployment.published(&format!("{}-issuing-ca-dev.crl", deployment.project));
    let crl = RevocationList::parse(&der).unwrap();
    let mut serials: Vec<String> = crl.entries().map(|entry| entry.unwrap().serial.to_string()).collect();
    serials.sort();
    serials
}

fn entry(name: &str, file: &str) -> Value {
    json!({"common_name": name, "csr_file": file, "lifetime": 400})
}

/// One with a new key, one that takes another's key, and whatever else is proposed in a day. `a` and `b` are the serial numbers
/// of those two.
fn propose_more(checkout: &Checkout, a: &str, b: &str) {
    for name in ["b2.csr", "c.csr"] {
        checkout.csr(name);
    }
    fs::write(checkout.path("csrs/junk.csr"), "junk").unwrap();
    checkout.list(
        "tls.json",
        &json!([
            entry("a.example.com", "a.csr"),
            entry("b.example.com", "b2.csr"),
            entry("thief.example.com", "a.csr"),
            entry("c.example.com", "c.csr"),
            entry("c.example.com", "c.csr"),
            entry("d.example.com", "c.csr"),
            entry("e.example.com", "missing.csr"),
            entry("e.example.com", "junk.csr"),
            entry("plan-root-ca-dev", "c.csr"),
            {"common_name": "e.example.com", "csr_file": "a.csr", "lifetime": 0},
            {"common_name": "a.example.com", "csr_file": "a.csr", "force_issue": true},
            {"ca_chain_only": true},
        ]),
    );
    checkout.list(
        "revoked.json",
        &json!([
            {"common_name": "b.example.com", "serial_number": b, "reason": "superseded"},
            {"common_name": "b.example.com", "serial_number": a},
            {"common_name": "nobody", "serial_number": "1"},
            {"common_name": "x", "serial_number": []},
        ]),
    );
    checkout.list(
        "revoked-root-ca.json",
        &json!([{"common_name": "a.example.com", "serial_number": a}]),
    );
}

#[test]
fn what_is_planned_is_what_the_functions_do() {
    let Some(sandbox) = Sandbox::start() else { return };
    let deployment = sandbox.deploy("plan", true);
    let checkout = Checkout::new();
    for name in ["a.csr", "b.csr"] {
        checkout.csr(name);
    }
    checkout.list(
        "tls.json",
        &json!([entry("a.example.com", "a.csr"), entry("b.example.com", "b.csr")]),
    );
    checkout.list("revoked.json", &json!([{"common_name": "a", "serial_number": "1"}]));
    // Before there are CAs, there is nothing to decide by.
    let early = plan(&deployment, &checkout, 1);
    assert_eq!(
        items(&early, "tls.json")[0]["reason"],
        "CA plan-issuing-ca-dev not found"
    );
    create(&deployment);

    let first = plan(&deployment, &checkout, 0);
    assert_eq!(verdicts(&first, "tls.json"), ["issued", "issued"]);
    assert_eq!(verdicts(&first, "revoked.json"), ["skipped"]);
    assert_eq!(first["issued_is_known"], true);
    let issued = merge(&deployment, &checkout, &first);

    let (a, b) = (serial(&issued[0]), serial(&issued[1]));
    propose_more(&checkout, a, b);
    let second = plan(&deployment, &checkout, 1);
    assert_eq!(
        verdicts(&second, "tls.json"),
        [
            "unchanged",
            "renewed",
            "refused",
            "issued",
            "unchanged",
            "refused",
            "refused",
            "refused",
            "refused",
            "refused",
            "issued",
            "skipped",
        ]
    );
    assert_eq!(items(&second, "tls.json")[1]["existing"]["serial_number"], b);
    assert_eq!(
        verdicts(&second, "revoked.json"),
        ["revoked", "skipped", "skipped", "refused"]
    );
    assert_eq!(verdicts(&second, "revoked-root-ca.json"), ["skipped"]);
    merge(&deployment, &checkout, &second);
    deployment.step("root-ca-crl");
    // One entry was refused.
    deployment.step_failing("issuing-ca-crl", "IncompleteError");
    assert_eq!(listed(&deployment), [b]);

    // Done is done; what is to be done again says so.
    let third = plan(&deployment, &checkout, 1);
    let changes = items(&third, "tls.json")
        .into_iter()
        .filter(|item| item["certificate"] != Value::Null);
    let changes: Vec<_> = changes.map(|item| item["entry"].as_u64().unwrap()).collect();
    assert_eq!(changes, [10], "{third}");
    assert_eq!(verdicts(&third, "revoked.json")[0], "unchanged");

    let reported = deployment.run(&["plan", "--markdown", checkout.0.path().to_str().unwrap()]);
    let reported = String::from_utf8(reported.stdout).unwrap();
    assert!(
        reported.contains("decided by `the deployment plan-dev`") && !reported.contains("Offline"),
        "{reported}"
    );
    let nowhere = deployment.refused(&["plan", "--max-cert-lifetime", "7", "."]);
    assert!(nowhere.contains("--aws"), "{nowhere}");
}

/// Rows that are not adopted are as good as others.
#[test]
fn rows_of_the_python_ca_are_known() {
    let Some(sandbox) = Sandbox::start() else { return };
    let deployment = sandbox.deploy("old", false);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../aws/tests/aws/python_ca.py");
    let old = sandbox.script(script, &["old", "dev"]);
    let checkout = Checkout::new();
    let csr = STANDARD.decode(old["csr"].as_str().unwrap()).unwrap();
    fs::write(checkout.path("csrs/old.csr"), csr).unwrap();
    checkout.csr("new.csr");
    checkout.list(
        "tls.json",
        &json!([
            {"common_name": "server", "csr_file": "new.csr"},
            {"common_name": "server", "csr_file": "old.csr"},
            // The Python CA looked for a key under its own name alone: what it certified, nobody claims for another.
            {"common_name": "other", "csr_file": "old.csr"},
        ]),
    );
    checkout.list(
        "revoked.json",
        &json!([{"common_name": "server", "serial_number": old["leaf"]}]),
    );
    let report = plan(&deployment, &checkout, 0);
    assert_eq!(verdicts(&report, "tls.json"), ["renewed", "unchanged", "issued"]);
    assert_eq!(
        items(&report, "tls.json")[0]["existing"]["serial_number"],
        old["second"]
    );
    assert_eq!(items(&report, "tls.json")[1]["existing"]["serial_number"], old["leaf"]);
    assert_eq!(verdicts(&report, "revoked.json"), ["revoked"]);
    merge(&deployment, &checkout, &report);
    // There is a row whose serial number nobody can read.
    deployment.step_failing("issuing-ca-crl", "IncompleteError");
    assert!(listed(&deployment).contains(&old["leaf"].as_str().unwrap().to_owned()));
}
