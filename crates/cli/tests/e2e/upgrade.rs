//! A data folder that a former version left is opened, and goes on: `tests/upgrade/README.md` says what is in it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chancery_x509::crl::RevocationList;
use serde_json::{Value, json};

use crate::client::Client;
use crate::harness::{Folder, Server, has, succeeded, tool};

/// Intents that its server left open: those with an idempotency token, and all of them.
const OPEN_WITH_TOKEN: [&str; 7] = [
    "open-15", "open-33", "open-45", "open-1", "open-27", "open-41", "open-13",
];
const OPEN: usize = 14;

fn former(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/upgrade/local")).join(path)
}

/// Copies a folder for its owner alone: version control keeps no modes.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::write(&target, fs::read(entry.path()).unwrap()).unwrap();
            fs::set_permissions(&target, Permissions::from_mode(0o600)).unwrap();
        }
    }
}

fn folder() -> Folder {
    let folder = Folder::new();
    copy(&former("data"), &folder.data());
    copy(&former("held"), &folder.path("held"));
    folder
}

/// The decimal serial number of a certificate that a client holds.
fn serial(folder: &Folder, file: &str) -> String {
    let certificate = chancery_x509::certificate::Certificate::parse(&fs::read(folder.path(file)).unwrap());
    certificate.unwrap().serial().to_string()
}

/// Every serial number that its issuing CA's published CRLs list.
fn listed(folder: &Folder) -> Vec<String> {
    let names = [
        "chancery-issuing-ca.crl",
        "chancery-issuing-ca-0.crl",
        "chancery-issuing-ca-1.crl",
    ];
    let mut serials = Vec::new();
    for name in names {
        let der = fs::read(folder.public(name)).unwrap();
        let list = RevocationList::parse(&der).unwrap();
        serials.extend(list.entries().map(|entry| entry.unwrap().serial.to_string()));
    }
    serials
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !done() {
        assert!(Instant::now() < end, "{what} did not happen within a minute");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn client(server: &Server<'_>) -> Client {
    let token = fs::read_to_string(former("held/token")).unwrap();
    Client {
        agent: server.agent(),
        base: format!("{}/api/v1", server.https),
        token: token.trim().to_owned(),
    }
}

fn repeated(client: &Client, name: &str) -> (u16, Value) {
    let body = json!({
        "base64_csr_data": BASE64_STANDARD.encode(fs::read(former(&format!("held/{name}.csr"))).unwrap()),
        "common_name": name,
        "profile": "tls-client",
        "lifetime": 30000,
    });
    client.post_with("/certificates", &body, &[("idempotency-key", name)])
}

#[test]
fn a_folder_of_a_former_version_issues_revokes_and_publishes() {
    let folder = folder();
    let (kept, revoked) = (
        serial(&folder, "held/kept/cert.pem"),
        serial(&folder, "held/revoked/cert.pem"),
    );
    let before = listed(&folder);
    assert!(before.contains(&revoked) && before.len() == 2, "{before:?}");
    let root = fs::read(folder.public("chancery-root-ca.crt")).unwrap();
    assert_eq!(folder.json(&["check"])["open_intents"], OPEN);

    // What was issued under a token is answered again; what was under way is finished, or given up and listed.
    let server = folder.start();
    let client = client(&server);
    let (status, answer) = repeated(&client, "open-31");
    assert_eq!(status, 200, "{answer:#}");
    let issued = folder.json(&["list", "open-31"])["certificates"].clone();
    assert_eq!(issued.as_array().unwrap().len(), 1);
    assert_eq!(answer["CertificateInfo"]["SerialNumber"], issued[0]["serial_number"]);
    until("the end of the last open intent", || {
        folder.json(&["check"])["open_intents"] == 0
    });
    for name in OPEN_WITH_TOKEN {
        let (status, answer) = repeated(&client, name);
        assert_eq!(status, 200, "{name}: {answer:#}");
        let found = folder.json(&["list", name])["certificates"].clone();
        assert_eq!(found.as_array().unwrap().len(), 1, "{name}: {found:#}");
        assert_eq!(answer["CertificateInfo"]["SerialNumber"], found[0]["serial_number"]);
    }
    let given_up = OPEN - OPEN_WITH_TOKEN.len();
    until("the CRL with what was given up", || {
        listed(&folder).len() == before.len() + given_up
    });
    assert!(before.iter().all(|serial| listed(&folder).contains(serial)));
    assert!(server.stop().success());

    // The same CAs, and no other; their certificates are as they were.
    assert!(fs::read(folder.public("chancery-root-ca.crt")).unwrap() == root);
    folder.text(&["verify", "held/kept/cert.pem", "--chain", "held/kept/chain.pem"]);
    folder.text(&["request", "new.example.com", "--out", "new"]);
    folder.text(&["verify", "new/cert.pem", "--chain", "new/chain.pem"]);
    folder.text(&["revoke", "held/kept", "--reason", "superseded"]);
    assert!(listed(&folder).contains(&kept));
    folder.text(&["backup", "copy"]);
    assert!(folder.text(&["restore", "--check", "copy"]).contains("is sound"));
    assert_eq!(folder.json(&["check"])["problems"], json!([]));
}

#[test]
fn a_key_that_a_former_version_blocked_stays_blocked() {
    if !has("openssl") {
        return;
    }
    let folder = folder();
    let arguments = [
        "req",
        "-new",
        "-key",
        "held/compromised/key.pem",
        "-subj",
        "/CN=again",
        "-out",
        "again.csr",
    ];
    tool("openssl", &arguments, &folder.path(""));
    let complaint = folder.complaint(&["issue", "--csr", "again.csr", "--force", "--profile", "tls-client"]);
    assert!(complaint.contains("compromised"), "{complaint}");
}

#[test]
fn readers_that_we_did_not_write_accept_what_goes_on() {
    if !has("openssl") {
        return;
    }
    let folder = folder();
    succeeded(&folder.chancery(&["crl", "publish"]));
    folder.text(&["request", "new.example.com", "--out", "new"]);
    for certificate in ["new/cert.pem", "held/kept/cert.pem"] {
        let mut arguments = vec![
            "verify",
            "-CAfile",
            "data/public/chancery-root-ca.crt",
            "-extended_crl",
            "-crl_check_all",
        ];
        let files = [
            "data/public/chancery-root-ca.crl.pem",
            "data/public/chancery-issuing-ca-0.crl.pem",
            "data/public/chancery-issuing-ca-1.crl.pem",
        ];
        for file in files {
            arguments.extend(["-CRLfile", file]);
        }
        arguments.extend(["-untrusted", "data/public/chancery-issuing-ca.crt", certificate]);
        let printed = tool("openssl", &arguments, &folder.path(""));
        assert!(String::from_utf8_lossy(&printed).contains("OK"));
    }
}
