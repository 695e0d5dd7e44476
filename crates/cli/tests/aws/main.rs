//! `chancery --aws`: the real command against a deployment whose functions really run, in `sandbox/`.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs)] // tests

mod adopt;
mod plan;
mod sandbox;

use chancery_x509::certificate::Certificate;
use chancery_x509::crl::{RevocationList, RevocationReason};
use serde_json::Value;

use sandbox::Sandbox;

const CSR: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../x509/tests/data/csr/openssl-ed25519.pem"
);

fn create(deployment: &sandbox::Deployment<'_>) {
    for function in ["create-root-ca", "root-ca-crl", "create-issuing-ca", "issuing-ca-crl"] {
        deployment.step(function);
    }
}

fn serial(answer: &Value) -> String {
    answer["CertificateInfo"]["SerialNumber"].as_str().unwrap().to_owned()
}

#[test]
fn a_deployment_is_worked_with_from_the_command_line() {
    let Some(sandbox) = Sandbox::start() else { return };
    let deployment = sandbox.deploy("cmd", true);
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();

    // Before there are CAs, the deployment says so.
    let early = deployment.refused(&["request", "early.example.com", "--out", &out("early")]);
    assert!(early.contains("cmd-issuing-ca-dev"), "{early}");
    assert!(
        !folder.path().join("early").exists(),
        "a refused request leaves nothing behind"
    );
    create(&deployment);

    let www = out("www");
    let issued = deployment.ask(&["request", "www.example.com", "--purpose", "server_auth", "--out", &www]);
    let certificate = std::fs::read(format!("{www}/cert.pem")).unwrap();
    let certificate = Certificate::parse(&certificate).unwrap();
    assert_eq!(certificate.serial().to_string(), serial(&issued));
    let key = std::fs::read(format!("{www}/key.pem")).unwrap();
    let key = chancery_local::keys::client::ClientKey::from_pem(&key, None).unwrap();
    assert_eq!(key.public_key().as_der(), certificate.spki_der());
    let chain = std::fs::read_to_string(format!("{www}/chain.pem")).unwrap();
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2);

    // The same token is the same certificate; the same key without it is refused in the deployment's own words.
    let issue = ["issue", "--csr", CSR, "--common-name", "device", "--days", "9"];
    let by_token = [&issue[..], &["--idempotency-token", "t-1"]].concat();
    let first = deployment.ask(&by_token);
    assert_eq!(serial(&deployment.ask(&by_token)), serial(&first));
    let reused = deployment.refused(&issue);
    assert!(
        reused.contains("Private key has already been used for a certificate"),
        "{reused}"
    );

    // The ledger is read, not asked for.
    let listed = deployment.ask(&["list"]);
    let mut names: Vec<&str> = listed["certificates"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["kind"] == "leaf")
        .map(|entry| entry["common_name"].as_str().unwrap())
        .collect();
    // Those of one second are in the order of their serial numbers, which are random.
    names.sort_unstable();
    assert_eq!(names, ["device", "www.example.com"]);
    let found = deployment.ask(&["list", "www*", "--unrevoked"]);
    assert_eq!(found["certificates"].as_array().unwrap().len(), 1);
    let shown = deployment.ask(&["show", &serial(&issued)]);
    assert_eq!(shown["issuer"], "cmd-issuing-ca-dev");
    assert_eq!(shown["status"], "valid");
    let missing = deployment.refused(&["show", "12345"]);
    assert!(missing.contains("CmdCADev"), "{missing}");

    revoke(&deployment, &serial(&issued), &serial(&first));
    let inspected = deployment.ask(&["inspect", "cmd-issuing-ca-dev.crt"]);
    assert_eq!(inspected["objects"][0]["kind"], "certificate");
    let nowhere = deployment.refused(&["inspect", "no-such-file"]);
    assert!(nowhere.contains("cmd-ca-internal-dev-abcde"), "{nowhere}");
}

fn revoke(deployment: &sandbox::Deployment<'_>, serial: &str, other: &str) {
    deployment.notices();
    let revoked = deployment.ask(&["revoke", serial, "--reason", "keyCompromise"]);
    assert_eq!(revoked["already_revoked"], false);
    assert_eq!(revoked["crl_problem"], Value::Null, "{revoked}");
    let by = revoked["certificate"]["revocation"]["requested_by"].as_str().unwrap();
    assert!(by.starts_with("aws:arn:aws:"), "{by}");
    // Who looks at the published CRL sees it at once.
    let output = deployment.run(&["inspect", "cmd-issuing-ca-dev.crl"]);
    let reported = String::from_utf8(output.stdout).unwrap();
    assert!(reported.contains("keyCompromise"), "{reported}");
    let notices = deployment.notices();
    let [(subject, message)] = notices.as_slice() else {
        panic!("{notices:?}")
    };
    assert_eq!(
        (subject.as_str(), message["SerialNumber"].as_str()),
        ("Certificate Revoked", Some(serial))
    );

    // Once more changes nothing, and makes sure of the CRL.
    let again = deployment.ask(&["revoke", serial]);
    assert_eq!(again["already_revoked"], true);
    assert_eq!(again["certificate"]["revocation"]["reason"], "keyCompromise");
    assert_eq!(deployment.notices().len(), 0);
    let listed = deployment.ask(&["list", "--revoked"]);
    assert_eq!(listed["certificates"][0]["serial_number"], serial);

    // Where the CRL's function fails, the revocation stands, and the next run lists it.
    deployment.fault("kms", "Sign", "failed", 1000);
    let unpublished = deployment.ask(&["revoke", other, "--reason", "superseded"]);
    deployment.clear_faults();
    let problem = unpublished["crl_problem"].as_str().unwrap();
    assert!(problem.contains("cmd-issuing-ca-crl-dev"), "{problem}");
    let crls = deployment.ask(&["crl", "publish", "--issuer", "cmd-issuing-ca-dev"]);
    assert_eq!(crls["crls"][0]["entries"], 2, "{crls}");
    for command in [
        ["list", "--issuer", "nobody"].as_slice(),
        &["crl", "publish", "--issuer", "nobody"],
    ] {
        let refused = deployment.refused(command);
        assert!(
            refused.contains("there is no CA named nobody; there are") && refused.contains("cmd-issuing-ca-dev"),
            "{refused}"
        );
    }
    let der = deployment.published("cmd-issuing-ca-dev.crl");
    let crl = RevocationList::parse(&der).unwrap();
    let reasons: Vec<_> = crl.entries().map(|entry| entry.unwrap().reason).collect();
    assert!(reasons.contains(&RevocationReason::Superseded), "{reasons:?}");

    let root = deployment.ask(&["list"]);
    let root = root["certificates"].as_array().unwrap().iter();
    let root = root
        .filter(|entry| entry["issuer"] == "cmd-root-ca-dev")
        .map(|entry| entry["serial_number"].as_str());
    let refused = deployment.refused(&["revoke", root.flatten().next_back().unwrap()]);
    assert!(refused.contains("is a root"), "{refused}");
}

#[test]
fn keys_may_come_from_kms() {
    let Some(sandbox) = Sandbox::start() else { return };
    let deployment = sandbox.deploy("keys", true);
    create(&deployment);
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();

    let open = out("open");
    deployment.ask(&["request", "a.example.com", "--key-kms", "--key", "p384", "--out", &open]);
    let certificate = Certificate::parse(&std::fs::read(format!("{open}/cert.pem")).unwrap()).unwrap();
    let key = std::fs::read(format!("{open}/key.pem")).unwrap();
    let key = chancery_local::keys::client::ClientKey::from_pem(&key, None).unwrap();
    assert_eq!(key.public_key().as_der(), certificate.spki_der());

    // Sealed, it is nowhere in the open; KMS opens it, and it is the certificate's.
    let sealed = out("sealed");
    deployment.ask(&[
        "request",
        "b.example.com",
        "--key-kms",
        "--kms-sealed",
        "--out",
        &sealed,
    ]);
    assert!(!folder.path().join("sealed/key.pem").exists());
    let certificate = Certificate::parse(&std::fs::read(format!("{sealed}/cert.pem")).unwrap()).unwrap();
    let sealed = std::fs::read(format!("{sealed}/key.kms")).unwrap();
    let opened = deployment.decrypt(&sealed, "b.example.com");
    let key = chancery_local::keys::client::ClientKey::from_pkcs8(opened.into()).unwrap();
    assert_eq!(key.public_key().as_der(), certificate.spki_der());

    let other = deployment.refused(&["request", "c", "--key-kms", "--key", "ml-dsa-65", "--out", &out("c")]);
    assert!(other.contains("KMS generates"), "{other}");
    let missing = deployment.refused(&["request", "c", "--key-kms=alias/none", "--out", &out("c")]);
    assert!(missing.contains("alias/none"), "{missing}");
}

#[test]
fn what_is_not_there_is_named() {
    let Some(sandbox) = Sandbox::start() else { return };
    let deployment = sandbox.deploy("errors", false);
    let mut command = deployment.bare();
    let output = command.args(["--aws", "--project", "other", "list"]).output().unwrap();
    let reported = String::from_utf8(output.stderr).unwrap();
    assert!(
        reported.contains("OtherCADev") && reported.contains("apply the Terraform module"),
        "{reported}"
    );
    let mut command = deployment.bare();
    let output = command
        .args(["--aws", "--project", "other", "issue", "--csr", CSR])
        .output()
        .unwrap();
    let reported = String::from_utf8(output.stderr).unwrap();
    assert!(
        reported.contains("there is no function other-tls-cert-dev in eu-west-2"),
        "{reported}"
    );
    let mut command = deployment.bare();
    let output = command
        .env_remove("AWS_REGION")
        .args(["--aws", "list"])
        .output()
        .unwrap();
    let reported = String::from_utf8(output.stderr).unwrap();
    assert!(reported.contains("AWS_REGION"), "{reported}");
    let with_folder = deployment.refused(&["--dir", "x", "list"]);
    assert!(with_folder.contains("--dir"), "{with_folder}");
    let local = deployment.refused(&["check"]);
    assert!(local.contains("data folder"), "{local}");
}
