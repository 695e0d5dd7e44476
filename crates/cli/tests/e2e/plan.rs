//! `chancery plan` without anybody to ask: no data folder, no AWS, no network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};

use crate::harness::{Folder, chancery, succeeded};

/// A checkout with what operators keep under review.
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

    fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// One of the CSRs that OpenSSL made.
    fn csr(&self, name: &str, kind: &str) {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../x509/tests/data/csr");
        fs::copy(
            data.join(format!("openssl-{kind}.pem")),
            self.path(&format!("csrs/{name}")),
        )
        .unwrap();
    }

    fn list(&self, name: &str, entries: &Value) {
        self.put(name, entries.to_string());
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = chancery();
        // Nobody's data folder is looked at.
        command
            .env("CHANCERY_DIR", "/nonexistent")
            .env_remove("CHANCERY_PROJECT")
            .env_remove("CHANCERY_ENV");
        command.arg("plan").arg(self.0.path()).args(arguments).output().unwrap()
    }

    fn json(&self, arguments: &[&str], code: i32) -> Value {
        let output = self.run(&[&["--json"], arguments].concat());
        assert_eq!(
            output.status.code(),
            Some(code),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// Verdict and code of each item.
fn verdicts(report: &Value) -> Vec<(&str, &str)> {
    let items = report["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| {
            (
                item["verdict"].as_str().unwrap(),
                item["code"].as_str().unwrap_or_default(),
            )
        })
        .collect()
}

fn good() -> Checkout {
    let checkout = Checkout::new();
    checkout.csr("www.csr", "p256");
    checkout.csr("db.csr", "ed25519");
    checkout.list(
        "tls.json",
        &json!([
            {"common_name": "www.example.com", "csr_file": "www.csr", "lifetime": 900, "purposes": ["server_auth"]},
            {"common_name": "db.example.com", "csr_file": "db.csr"},
        ]),
    );
    checkout
}

#[test]
fn what_is_in_order_is_told_for_people_programs_and_pull_requests() {
    let checkout = good();
    checkout.list(
        "revoked.json",
        &json!([{"common_name": "old.example.com", "serial_number": "4711", "reason": "superseded"}]),
    );
    let report = checkout.json(&[], 0);
    assert_eq!(verdicts(&report), [("issued", ""), ("issued", ""), ("revoked", "")]);
    assert_eq!(report["counts"]["issued"], 2);
    assert_eq!(report["issued_is_known"], false);
    let certificate = &report["items"][0]["certificate"];
    assert_eq!(certificate["issuer"], "serverless-issuing-ca-dev");
    assert_eq!(
        (&certificate["key"], &certificate["lifetime_days"]),
        (&json!("P-256"), &json!(365))
    );
    assert_eq!(certificate["sans"][0]["value"], "www.example.com");
    assert!(report["items"][0]["warnings"][0].as_str().unwrap().contains("900 days"));

    let output = checkout.run(&[]);
    let text = String::from_utf8(succeeded(&output).stdout.clone()).unwrap();
    for part in [
        "www.example.com",
        "P-256",
        "Offline",
        "1 revoked, 2 issued",
        "900 days are asked for",
        "4711",
        "superseded",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(text.matches("Offline").count(), 1, "it is said once");
    let output = checkout.run(&["--markdown"]);
    let text = String::from_utf8(succeeded(&output).stdout.clone()).unwrap();
    assert!(
        text.starts_with("<!-- chancery plan -->\n### Certificates: 1 revoked, 2 issued\n"),
        "{text}"
    );
    let end = certificate["not_after"].as_str().unwrap();
    let row = format!(
        "| `tls.json 0` | `www.example.com` | `P-256` `365 days, to {}` `server_auth` `profile tls` \
         `serverless-issuing-ca-dev` `DNS_NAME www.example.com` |",
        &end[..10]
    );
    assert!(text.contains(&row), "{row}: {text}");
}

#[test]
fn what_is_refused_is_an_answer_of_its_own() {
    let checkout = good();
    checkout.csr("twin.csr", "p256");
    checkout.put("csrs/junk.csr", "junk");
    checkout.put("csrs/forgotten.csr", "");
    checkout.list(
        "tls.json",
        &json!([
            {"common_name": "www.example.com", "csr_file": "www.csr"},
            {"common_name": "twin.example.com", "csr_file": "twin.csr"},
            {"common_name": "x", "csr_file": "missing.csr"},
            {"common_name": "x", "csr_file": "junk.csr"},
            {"common_name": "serverless-root-ca-dev", "csr_file": "db.csr"},
            {"common_name": "x", "csr_file": "db.csr", "extensions": [{"oid": "1.3.6.1.4.1.99999.1", "value_b64": "BQA="}]},
            "x",
        ]),
    );
    checkout.put("revoked.json", "[{]");
    let report = checkout.json(&[], 1);
    assert_eq!(
        verdicts(&report),
        [
            ("issued", ""),
            ("refused", "key_in_use"),
            ("refused", "csr_file_not_found"),
            ("refused", "bad_csr"),
            ("refused", "reserved_name"),
            ("refused", "extension_not_allowed"),
            ("refused", "malformed_request"),
            ("refused", "no_list"),
        ]
    );
    assert!(report["warnings"][0].as_str().unwrap().contains("forgotten.csr"));
    for arguments in [&[][..], &["--markdown"]] {
        assert_eq!(checkout.run(arguments).status.code(), Some(1));
    }
}

#[test]
fn settings_are_those_that_are_given() {
    let checkout = good();
    checkout.list(
        "tls.json",
        &json!([{"common_name": "prod-root-ca", "csr_file": "www.csr", "lifetime": 30,
            "extensions": [{"oid": "1.3.6.1.4.1.99999.1", "value_b64": "BQA="}]}]),
    );
    let flags = ["--max-cert-lifetime", "7", "--allow-extension", "1.3.6.1.4.1.99999.1"];
    let report = checkout.json(&flags, 0);
    assert_eq!(report["items"][0]["certificate"]["lifetime_days"], 7);
    assert_eq!(
        report["items"][0]["certificate"]["custom_extensions"][0],
        "1.3.6.1.4.1.99999.1"
    );
    let named = [&flags[..], &["--project", "prod", "--env", "prd"]].concat();
    assert_eq!(verdicts(&checkout.json(&named, 1)), [("refused", "reserved_name")]);

    let config = checkout.path("ca.toml");
    fs::write(
        &config,
        "max_cert_lifetime = 5\ncustom_extension_allowlist = [\"1.3.6.1.4.1.99999.1\"]\n",
    )
    .unwrap();
    let report = checkout.json(&["--config", config.to_str().unwrap()], 0);
    assert_eq!(report["items"][0]["certificate"]["lifetime_days"], 5);
    assert_eq!(report["items"][0]["certificate"]["issuer"], "chancery-issuing-ca");
}

#[test]
fn real_cas_may_stand_in() {
    let own = Folder::new();
    own.text(&["init"]);
    own.text(&["request", "own", "--out", "own"]);
    let checkout = good();
    let bundle = own.public("chancery-ca-bundle.pem");
    let config = own.data().join("chancery.toml");
    let flags = [
        "--ca-bundle",
        bundle.to_str().unwrap(),
        "--config",
        config.to_str().unwrap(),
    ];
    let report = checkout.json(&flags, 0);
    assert_eq!(report["items"][0]["certificate"]["issuer"], "chancery-issuing-ca");
    // Files of certificates that are none of these CAs'.
    let leaf = own.path("own/cert.pem");
    let wrong = checkout.run(&["--ca-bundle", leaf.to_str().unwrap()]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&wrong.stderr).contains("serverless-root-ca-dev"),
        "{wrong:?}"
    );
}

#[test]
fn against_a_base_only_the_change_is_told() {
    let (base, head) = (good(), good());
    head.csr("new.csr", "p384");
    head.list(
        "tls.json",
        &json!([
            {"csr_file": "db.csr", "common_name": "db.example.com"},
            {"common_name": "new.example.com", "csr_file": "new.csr"},
        ]),
    );
    let report = head.json(&["--base", base.path("").to_str().unwrap()], 0);
    assert_eq!(report["items"].as_array().unwrap().len(), 1);
    assert_eq!(report["items"][0]["common_name"], "new.example.com");
    assert_eq!(report["compared"]["equal"], 1);
    assert_eq!(report["compared"]["removed"][0]["common_name"], "www.example.com");
    let output = head.run(&["--markdown", "--base", base.path("").to_str().unwrap()]);
    let text = String::from_utf8(succeeded(&output).stdout.clone()).unwrap();
    assert!(
        text.contains("revokes no certificate") && text.contains("`www.example.com` of `tls.json`"),
        "{text}"
    );
    assert!(!text.contains("db.example.com"), "{text}");
}

/// Whoever opens a pull request may put links into it.
#[cfg(unix)]
#[test]
fn links_lead_nowhere_else() {
    use std::os::unix::fs::symlink;
    let checkout = good();
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), r#"[{"common_name": "secret"}]"#).unwrap();
    symlink(outside.path(), checkout.path("revoked.json")).unwrap();
    symlink(outside.path(), checkout.path("csrs/link.csr")).unwrap();
    symlink(checkout.path("csrs/www.csr"), checkout.path("csrs/inside.csr")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, checkout.path("csrs/pipe.csr"), rustix::fs::Mode::RWXU).unwrap();
    checkout.list(
        "tls.json",
        &json!([
            {"common_name": "a", "csr_file": "link.csr"},
            {"common_name": "b", "csr_file": "inside.csr"},
            {"common_name": "c", "csr_file": "pipe.csr"},
        ]),
    );
    let report = checkout.json(&[], 1);
    assert_eq!(
        verdicts(&report),
        [
            ("refused", "unreadable"),
            ("issued", ""),
            ("refused", "unreadable"),
            ("refused", "unreadable")
        ]
    );
    assert!(!report.to_string().contains("secret"), "{report}");
}

#[test]
fn what_it_cannot_do_it_says() {
    let checkout = good();
    let printed = |arguments: &[&str]| {
        let output = checkout.run(arguments);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(printed(&["--json", "--markdown"]).contains("--markdown"));
    assert!(printed(&["--max-cert-lifetime", "0"]).contains("max_cert_lifetime"));
    assert!(printed(&["--config", "/nonexistent"]).contains("/nonexistent"));
    assert!(printed(&["--base", "/nonexistent"]).contains("/nonexistent"));
    let output = chancery().args(["plan", "/nonexistent"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nonexistent"));
    let output = chancery()
        .args(["--url", "https://localhost:1", "plan", "."])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("--url"));
}

#[test]
fn a_folder_without_lists_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let output = chancery().arg("plan").arg(folder.path()).output().unwrap();
    assert!(!output.status.success());
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(printed.contains("there is no tls.json"), "{printed}");
}
