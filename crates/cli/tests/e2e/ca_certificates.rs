//! A CA's certificate is renewed for the same key, and a cross-certificate leads to another root.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chancery_x509::certificate::Certificate;
use serde_json::Value;

use crate::client::Client;
use crate::harness::{Folder, has};

const ISSUING: &str = "data/public/chancery-issuing-ca.crt";
const THEIR_ISSUING: &str = "data/public/theirs-issuing-ca.crt";
const THEIR_ROOT: &str = "data/public/theirs-root-ca.crt";
const ROOT: &str = "data/public/chancery-root-ca.crt";

fn certificate(folder: &Folder, file: &str) -> Certificate {
    Certificate::parse(&std::fs::read(folder.path(file)).unwrap()).unwrap()
}

/// Has OpenSSL look for a path from the leaf through those certificates to the trusted one.
fn verify(folder: &Folder, leaf: &str, through: &[&str], trusted: &str) -> bool {
    let mut arguments = vec!["verify", "-x509_strict", "-CAfile", trusted];
    for file in through {
        arguments.extend(["-untrusted", file]);
    }
    arguments.push(leaf);
    let output = std::process::Command::new("openssl")
        .args(&arguments)
        .current_dir(folder.path(""))
        .output()
        .unwrap();
    output.status.success()
}

fn listed(folder: &Folder, name: &str) -> Value {
    let cas = folder.json(&["ca", "list"])["cas"].as_array().unwrap().clone();
    cas.into_iter().find(|ca| ca["name"] == name).unwrap()
}

#[test]
fn a_ca_is_renewed_while_a_server_runs() {
    if !has("openssl") {
        return;
    }
    let folder = Folder::new();
    folder.text(&["init"]);
    folder.text(&["request", "before.example.com", "--out", "before"]);
    // A server that starts in the second in which a CA was made counts as older than it.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let server = folder.start();
    let client = Client::new(&server, "issue");
    let former = certificate(&folder, ISSUING);
    std::fs::copy(folder.path(ISSUING), folder.path("former.crt")).unwrap();

    // In the second in which it was made, a renewed one would not end later.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let said = folder.text(&["ca", "renew", "issuing-ca"]);
    assert!(said.contains("renewed for the same key"), "{said}");
    let renewed = certificate(&folder, ISSUING);
    assert_ne!(renewed.serial(), former.serial());
    assert_eq!(renewed.spki_der(), former.spki_der());
    assert_eq!(renewed.subject_key_identifier(), former.subject_key_identifier());
    let known = listed(&folder, "chancery-issuing-ca")["certificates"].clone();
    assert_eq!(known.as_array().unwrap().len(), 2, "{known}");

    // The server goes on, and the newest certificate is what it serves.
    let (status, answer) = client.issue("after.example.com");
    assert_eq!(status, 200, "{answer:#}");
    folder.text(&["request", "after.example.com", "--out", "after"]);
    for name in ["before", "after"] {
        let leaf = format!("{name}/cert.pem");
        for through in [ISSUING, "former.crt"] {
            assert!(verify(&folder, &leaf, &[through], ROOT), "{name} through {through}");
        }
    }
    let served = server
        .agent()
        .get(format!("{}/chancery-issuing-ca.crt", server.http))
        .call()
        .unwrap()
        .body_mut()
        .read_to_vec()
        .unwrap();
    assert_eq!(Certificate::parse(&served).unwrap().as_der(), renewed.as_der());
    folder.text(&["revoke", "before"]);
    assert_eq!(folder.json(&["check"])["problems"], serde_json::json!([]));
    // The key is the one that the server has had from the start.
    folder.text(&["ca", "activate", "issuing-ca"]);
    assert!(server.stop().success());

    let server = folder.start();
    assert!(server.stop().success());
    assert_eq!(
        certificate(&folder, ISSUING).as_der(),
        renewed.as_der(),
        "published as it is"
    );
}

#[test]
fn those_who_trust_either_root_verify_what_a_cross_certified_ca_issued() {
    if !has("openssl") {
        return;
    }
    let (ours, theirs) = (Folder::new(), Folder::new());
    ours.text(&["init"]);
    std::fs::write(
        theirs.path("their.toml"),
        "project = 'theirs'\n[[ca]]\nname = 'root-ca'\n[[ca]]\nname = 'issuing-ca'\nparent = 'root-ca'\n",
    )
    .unwrap();
    theirs.text(&["init", "--config", "their.toml"]);
    theirs.text(&["request", "www.example.com", "--out", "leaf"]);
    theirs.text(&["request", "www.example.org", "--out", "elsewhere"]);
    let their_root = theirs
        .path("data/public/theirs-root-ca.crt")
        .to_str()
        .unwrap()
        .to_owned();
    let refused = ours.complaint(&["ca", "cross-sign", &their_root, "--issuer", "root-ca"]);
    assert!(
        refused.contains("`--permit` (for example dns:example.com)"),
        "{refused}"
    );
    // Which of several certificates is meant cannot be known.
    let several = [ours.path(ROOT), theirs.path(THEIR_ROOT)].map(|file| std::fs::read(file).unwrap());
    std::fs::write(ours.path("several.pem"), several.concat()).unwrap();
    let refused = ours.complaint(&["ca", "cross-sign", "several.pem", "--issuer", "root-ca", "--any-name"]);
    assert!(
        refused.contains("holds 2 certificates") && refused.contains("file of its own"),
        "{refused}"
    );
    let made = ours.json(&[
        "ca",
        "cross-sign",
        &their_root,
        "--issuer",
        "root-ca",
        "--permit",
        "dns:example.com",
        "--days",
        "90",
        "--out",
        "cross.pem",
    ]);
    assert_eq!(
        (&made["kind"], &made["issuer"]),
        (&"cross_certificate".into(), &"chancery-root-ca".into())
    );
    std::fs::copy(ours.path("cross.pem"), theirs.path("cross.pem")).unwrap();
    std::fs::copy(ours.path(ROOT), theirs.path("our-root.crt")).unwrap();

    for trusted in [THEIR_ROOT, "our-root.crt"] {
        assert!(
            verify(&theirs, "leaf/cert.pem", &[THEIR_ISSUING, "cross.pem"], trusted),
            "{trusted}"
        );
    }
    assert!(!verify(&theirs, "leaf/cert.pem", &[THEIR_ISSUING], "our-root.crt"));
    assert!(verify(
        &theirs,
        "elsewhere/cert.pem",
        &[THEIR_ISSUING, "cross.pem"],
        THEIR_ROOT
    ));
    assert!(
        !verify(
            &theirs,
            "elsewhere/cert.pem",
            &[THEIR_ISSUING, "cross.pem"],
            "our-root.crt"
        ),
        "not permitted"
    );

    // It is found and revoked like every certificate.
    let serial = made["serial_number"].as_str().unwrap();
    let shown = ours.json(&["show", serial]);
    assert_eq!(shown["kind"], "cross_certificate");
    ours.text(&["revoke", serial, "--reason", "cessationOfOperation"]);
    let cross = certificate(&ours, "cross.pem").serial();
    let crl = std::fs::read(ours.path("data/public/chancery-root-ca.crl")).unwrap();
    let crl = chancery_x509::crl::RevocationList::parse(&crl).unwrap();
    assert!(crl.entries().any(|entry| entry.unwrap().serial == cross));
    assert_eq!(ours.json(&["check"])["problems"], serde_json::json!([]));
}

/// Whoever has the key of a cross-certified CA can sign a manifest, and its chain leads to this authority's root.
#[test]
fn a_backup_that_a_cross_certified_ca_signed_is_refused() {
    let (ours, theirs) = (Folder::new(), Folder::new());
    ours.text(&["init"]);
    std::fs::write(
        theirs.path("their.toml"),
        "project = 'theirs'\n[[ca]]\nname = 'root-ca'\n[[ca]]\nname = 'issuing-ca'\nparent = 'root-ca'\n",
    )
    .unwrap();
    theirs.text(&["init", "--config", "their.toml"]);
    theirs.text(&["backup", "copy"]);
    let their_root = theirs.path(THEIR_ROOT).to_str().unwrap().to_owned();
    for names in [["--permit", "dns:example.com"].as_slice(), &["--any-name"]] {
        let out = format!("cross{}.pem", names.len());
        let cross = ["ca", "cross-sign", &their_root, "--issuer", "root-ca", "--out", &out];
        ours.text(&[cross.as_slice(), names].concat());
        let file = theirs.path("copy/manifest.sig");
        let mut signature: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let encoded = |certificate: Certificate| BASE64_STANDARD.encode(certificate.as_der());
        let chain = signature["chain"].as_array_mut().unwrap();
        chain.truncate(1);
        chain.push(encoded(certificate(&ours, &out)).into());
        chain.push(encoded(certificate(&ours, ROOT)).into());
        std::fs::write(&file, serde_json::to_vec(&signature).unwrap()).unwrap();
        std::fs::copy(ours.path(ROOT), theirs.path("our-root.crt")).unwrap();
        let refused = theirs.complaint(&["restore", "--check", "copy", "--root", "our-root.crt"]);
        assert!(refused.contains("has a cross-certificate"), "{refused}");
    }
}

/// The way on after a compromise.
#[test]
fn a_ca_is_added_in_the_place_of_a_compromised_one() {
    let folder = Folder::new();
    std::fs::write(
        folder.path("my.toml"),
        "[[ca]]\nname = 'root-ca'\n[[ca]]\nname = 'issuing-ca'\nparent = 'root-ca'\n",
    )
    .unwrap();
    folder.text(&["init", "--config", "my.toml"]);
    folder.text(&["revoke", ISSUING, "--reason", "keyCompromise"]);
    folder.text(&["ca", "add", "issuing-ca-2"]);
    folder.text(&["ca", "activate", "issuing-ca-2"]);
    folder.text(&["request", "after.example.com", "--out", "after"]);
    let refused = folder.complaint(&["ca", "cross-sign", ISSUING, "--issuer", "root-ca", "--days", "0"]);
    assert!(refused.contains("0 is not in"), "{refused}");
}

/// What takes a CA's place is limited as that one was.
#[test]
fn a_ca_that_is_added_is_like_the_one_beside_it() {
    let folder = Folder::new();
    std::fs::write(
        folder.path("my.toml"),
        "[[ca]]\nname = 'root-ca'\n[[ca]]\nname = 'issuing-ca'\nparent = 'root-ca'\nlifetime_days = 1000\n[ca.subject]\norganization = 'Example'\n\
         common_name = 'Example Issuing CA'\n[ca.name_constraints]\npermitted = ['dns:example.com']\n",
    )
    .unwrap();
    folder.text(&["init", "--config", "my.toml"]);
    let said = folder.text(&["ca", "add", "issuing-ca-2"]);
    assert!(said.contains("O=Example"), "{said}");
    let [former, added] = [ISSUING, "data/public/chancery-issuing-ca-2.crt"].map(|file| certificate(&folder, file));
    assert_eq!(added.name_constraints().unwrap(), former.name_constraints().unwrap());
    assert_eq!(added.basic_constraints(), former.basic_constraints());
    assert_eq!(
        added.not_after().0 - added.not_before().0,
        former.not_after().0 - former.not_before().0
    );
    assert_ne!(added.spki_der(), former.spki_der());
    folder.text(&["ca", "activate", "issuing-ca-2"]);
    assert!(
        folder
            .complaint(&["request", "www.example.org", "--out", "no"])
            .contains("name constraints")
    );
    let above = folder.complaint(&["ca", "retire", "root-ca"]);
    assert!(
        above.contains("is above chancery-issuing-ca, which has not been retired"),
        "{above}"
    );

    // Where no CA is written down.
    let folder = Folder::new();
    std::fs::write(folder.path("tiny.toml"), "project = 'tiny'\n").unwrap();
    folder.text(&["init", "--config", "tiny.toml"]);
    let before = folder.json(&["ca", "list"]);
    folder.text(&["ca", "add", "issuing-ca-2"]);
    let after = folder.json(&["ca", "list"]);
    assert_eq!(after["cas"][0], before["cas"][0]);
    assert_eq!(after["cas"].as_array().unwrap().len(), 3);
    assert_eq!(folder.json(&["check"])["problems"], serde_json::json!([]));
}
