//! The certificate that the server shows: its names are nobody else's, and a revoked one is replaced.

use std::time::{Duration, Instant};

use chancery_x509::certificate::Certificate;
use serde_json::{Value, json};

use crate::client::{Client, new_request};
use crate::harness::{Folder, Server};

/// The certificates of the server's name, the newest first.
fn own(folder: &Folder) -> Vec<Value> {
    folder.json(&["list", "localhost"])["certificates"]
        .as_array()
        .unwrap()
        .clone()
}

fn serial(certificate: &Value) -> &str {
    certificate["serial_number"].as_str().unwrap()
}

#[test]
fn a_token_gets_no_certificate_of_the_server_s_names() {
    let folder = Folder::new();
    let server = folder.start();
    let client = Client::new(&server, "issue");
    for name in ["localhost", "LocalHost", "127.0.0.1", "::1"] {
        let body = json!({ "common_name": name, "profile": "tls-server", "base64_csr_data": new_request(name),
            "sans": [{ "type": if name.contains("ost") { "DNS_NAME" } else { "IP_ADDRESS" }, "value": name }] });
        let (status, answer) = client.post("/certificates", &body);
        assert_eq!(
            (status, answer["code"].as_str()),
            (422, Some("reserved_name")),
            "{name}: {answer}"
        );
    }
    assert_eq!(client.issue("a.example.com").0, 200);
    // Whoever works on the folder has the server's key anyway. The command is another process, and knows all the same.
    let printed = folder.text(&["request", "localhost", "--profile", "tls-server", "--out", "own"]);
    assert!(printed.contains("authority's own server"), "{printed}");
}

/// Clients go on asking for the name that a server had before, and its certificate is still good.
#[test]
fn names_that_the_server_had_before_stay_its_own() {
    let folder = Folder::new();
    assert!(
        Server::start(&folder, &["--name", "first.example.com", "--name", "127.0.0.1"])
            .stop()
            .success()
    );
    let server = Server::start(&folder, &["--name", "second.example.com", "--name", "127.0.0.1"]);
    let client = Client::new(&server, "issue");
    for name in ["first.example.com", "second.example.com"] {
        let (status, answer) = client.issue(name);
        assert_eq!(
            (status, answer["code"].as_str()),
            (422, Some("reserved_name")),
            "{name}: {answer}"
        );
    }
    assert_eq!(client.issue("third.example.com").0, 200);
}

#[test]
fn a_server_replaces_its_own_certificate_once_that_is_revoked() {
    let folder = Folder::new();
    let server = folder.start();
    let first = own(&folder);
    assert_eq!(first.len(), 1);
    folder.text(&["revoke", serial(&first[0])]);
    assert!(server.stop().success());
    // At its start,
    let server = folder.start();
    let second = own(&folder);
    assert_eq!(second.len(), 2);
    assert_ne!(
        second[0]["key_sha256"], first[0]["key_sha256"],
        "its key may be somebody else's"
    );
    // and while it runs: it looks every minute.
    folder.text(&["revoke", serial(&second[0])]);
    let begun = Instant::now();
    while own(&folder).len() < 3 {
        assert!(
            begun.elapsed() < Duration::from_secs(90),
            "it goes on with a revoked certificate"
        );
        std::thread::sleep(Duration::from_secs(1));
    }
    let health = server.agent().get(format!("{}/health", server.https)).call().unwrap();
    assert_eq!(health.status(), 200);
}

#[test]
fn a_server_whose_issuing_ca_is_revoked_starts_and_serves_the_crl_that_says_so() {
    let folder = Folder::new();
    assert!(folder.start().stop().success());
    let pem = std::fs::read(folder.public("chancery-issuing-ca.crt")).unwrap();
    let issuing = Certificate::parse(&chancery_x509::pem::decode_all(&pem).unwrap()[0].der).unwrap();
    folder.text(&["revoke", &issuing.serial().to_string()]);
    // With the certificate that it has, and with none.
    for gone in [false, true] {
        if gone {
            std::fs::remove_file(folder.data().join("server/cert.pem")).unwrap();
        }
        let server = folder.start();
        let http = server.agent();
        let root = http.get(format!("{}/chancery-root-ca.crl", server.http)).call();
        assert_eq!(root.unwrap().status(), 200, "the root's CRL is served");
        let mut health = http.get(format!("{}/health", server.http)).call().unwrap();
        let health: Value = health.body_mut().read_json().unwrap();
        assert_eq!(health["status"], "degraded");
        let printed = health["problems"].to_string();
        let why = if gone {
            "is not there"
        } else {
            "is of a CA that is revoked"
        };
        assert!(
            printed.contains(&format!("the server's own certificate {why}")),
            "{printed}"
        );
        assert!(server.stop().success());
    }
}
