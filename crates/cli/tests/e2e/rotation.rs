//! A second issuing CA is added while a server runs, takes over, and the first retires. Clients trust the root alone.

use serde_json::Value;

use crate::client::Client;
use crate::harness::{Folder, has, tool};

const FIRST: &str = "chancery-issuing-ca";
const SECOND: &str = "chancery-issuing-ca-2";

fn ca(folder: &Folder, name: &str) -> Value {
    let cas = folder.json(&["ca", "list"])["cas"].as_array().unwrap().clone();
    cas.into_iter().find(|ca| ca["name"] == name).unwrap()
}

/// A client that has the root, and what the certificate's holder sends.
fn verifies(folder: &Folder, certificate: &str) {
    let chain = format!("{certificate}/chain.pem");
    let leaf = format!("{certificate}/cert.pem");
    let root = "data/public/chancery-root-ca.crt";
    let printed = tool(
        "openssl",
        &["verify", "-CAfile", root, "-untrusted", &chain, &leaf],
        &folder.path(""),
    );
    assert!(String::from_utf8_lossy(&printed).contains("OK"));
}

fn issuer_of(client: &Client, name: &str) -> String {
    let (status, answer) = client.issue(name);
    assert_eq!(status, 200, "{answer:#}");
    let serial = answer["CertificateInfo"]["SerialNumber"].as_str().unwrap().to_owned();
    let (_, found) = client.get(&format!("/certificates/{serial}"));
    found["issuer"].as_str().unwrap().to_owned()
}

#[test]
fn a_second_issuing_ca_takes_over_while_a_server_runs() {
    if !has("openssl") {
        return;
    }
    let folder = Folder::new();
    folder.text(&["init"]);
    folder.text(&["request", "before.example.com", "--out", "before"]);
    let server = folder.start();
    let client = Client::new(&server, "issue");

    folder.text(&["ca", "add", "issuing-ca-2"]);
    let added = ca(&folder, SECOND);
    assert_eq!((&added["state"], &added["default"]), (&"pending".into(), &false.into()));
    assert_eq!(added["parent"], "chancery-root-ca");
    assert_eq!(added["id"].as_str().unwrap().len(), 64);
    assert_eq!(issuer_of(&client, "still-the-first"), FIRST);
    let again = folder.complaint(&["ca", "add", "issuing-ca-2"]);
    assert!(again.contains("already, and it is pending"), "{again}");

    // What cannot be made changes nothing.
    let config = std::fs::read(folder.data().join("chancery.toml")).unwrap();
    let below = folder.complaint(&["ca", "add", "sub-ca", "--parent", "issuing-ca"]);
    assert!(below.contains("path_len"), "{below}");
    assert!(std::fs::read(folder.data().join("chancery.toml")).unwrap() == config);

    let same = folder.complaint(&["ca", "add", "sub-ca", "--common-name", "CHANCERY  issuing CA"]);
    assert!(same.contains("give it another common name"), "{same}");
    assert!(std::fs::read(folder.data().join("chancery.toml")).unwrap() == config);

    // This server was started before there was the key.
    let refused = folder.complaint(&["ca", "activate", "issuing-ca-2"]);
    assert!(refused.contains("start it again first"), "{refused}");
    assert!(server.stop().success());
    let refused = folder.complaint(&["ca", "retire", FIRST]);
    assert!(
        refused.contains("make another CA the default issuer first"),
        "{refused}"
    );

    // Past the second in which the CA was made.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let server = folder.start();
    let client = Client::new(&server, "issue");
    assert_eq!(issuer_of(&client, "the-first-once-more"), FIRST);
    folder.text(&["ca", "activate", "issuing-ca-2"]);
    folder.text(&["ca", "retire", "issuing-ca"]);
    assert_eq!(ca(&folder, FIRST)["state"], "retiring");
    assert_eq!(issuer_of(&client, "the-second"), SECOND, "the server was not told");

    folder.text(&["request", "after.example.com", "--out", "after"]);
    for name in ["before", "after"] {
        verifies(&folder, name);
    }
    // What the first issued is revoked on its own CRL, which the server goes on serving.
    folder.text(&["revoke", "before", "--reason", "superseded"]);
    let crl = server
        .agent()
        .get(format!("{}/{FIRST}.crl", server.http))
        .call()
        .unwrap()
        .body_mut()
        .read_to_vec()
        .unwrap();
    let list = chancery_x509::crl::RevocationList::parse(&crl).unwrap();
    assert_eq!(list.entries().count(), 1);
    assert_eq!(folder.json(&["check"])["problems"], serde_json::json!([]));

    // Taken back into use, by its profile alone.
    folder.text(&["ca", "activate", FIRST, "--not-default"]);
    assert_eq!(ca(&folder, FIRST)["state"], "active");
    assert_eq!(issuer_of(&client, "the-second-again"), SECOND);
    let unknown = folder.complaint(&["ca", "retire", "no-such-ca"]);
    assert!(unknown.contains("there are chancery-root-ca"), "{unknown}");
    assert!(server.stop().success());

    // The configuration names the first, as `init` wrote it.
    let warnings = folder.json(&["check"])["warnings"].to_string();
    assert!(
        warnings.contains("names chancery-issuing-ca, and chancery-issuing-ca-2 was activated"),
        "{warnings}"
    );
}
