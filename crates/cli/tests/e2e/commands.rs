//! What commands say and leave behind where people are in another situation than the author was.

use std::fs;

use crate::harness::{Folder, chancery, has, succeeded, tool};

fn openssl_pkcs12(folder: &Folder, more: &[&str]) -> String {
    let mut arguments = vec!["pkcs12", "-in", "ada/identity.p12", "-passin", "file:pw", "-nodes"];
    arguments.extend(more);
    let output = std::process::Command::new("openssl")
        .args(&arguments)
        .current_dir(folder.path(""))
        .output()
        .unwrap();
    let output = succeeded(&output);
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_pkcs12_file_is_renewed_with_its_certificate_or_everything_stays() {
    if !has("openssl") {
        return;
    }
    let folder = Folder::new();
    folder.text(&["init"]);
    fs::write(folder.path("pw"), "correct horse\n").unwrap();
    for (flag, algorithm, mac) in [
        (None, "PBES2, PBKDF2, AES-256-CBC", "MAC: sha256"),
        (Some("--pkcs12-legacy"), "pbeWithSHA1And3-KeyTripleDES-CBC", "MAC: sha1"),
    ] {
        let mut request = vec!["request", "Ada", "--pkcs12", "pw", "--out", "ada", "--overwrite"];
        request.extend(flag);
        let printed = folder.text(&request);
        assert!(printed.contains("identity.p12"), "{printed}");
        let legacy = ["-info", "-legacy"];
        let info = &legacy[..if flag.is_some() { 2 } else { 1 }];
        let shown = openssl_pkcs12(&folder, info);
        assert!(shown.contains(algorithm) && shown.contains(mac), "{shown}");

        let content = || {
            ["key.pem", "cert.pem", "chain.pem", "identity.p12"]
                .map(|name| fs::read(folder.path("ada").join(name)).unwrap())
        };
        let before = content();
        let printed = folder.complaint(&["renew", "ada", "--new-key"]);
        assert!(printed.contains("--pkcs12 FILE"), "{printed}");
        assert!(content() == before, "a refused renewal leaves all files as they are");
        folder.text(&["renew", "ada", "--new-key", "--pkcs12", "pw"]);
        let after = content();
        assert!(after[0] != before[0] && after[1] != before[1] && after[3] != before[3]);
        let shown = openssl_pkcs12(&folder, info);
        assert!(shown.contains(algorithm), "it stays as it was protected: {shown}");
        let serial = |pem: &str| {
            fs::write(folder.path("one.pem"), pem).unwrap();
            tool(
                "openssl",
                &["x509", "-in", "one.pem", "-noout", "-serial"],
                &folder.path(""),
            )
        };
        let bundled = shown[shown.find("-----BEGIN CERTIFICATE").unwrap()..].to_owned();
        assert_eq!(serial(&bundled), serial(std::str::from_utf8(&after[1]).unwrap()));
    }
}

#[test]
fn a_key_that_is_certified_already_is_told_with_what_to_do() {
    let folder = Folder::new();
    folder.text(&["init"]);
    fs::write(
        folder.path("two.csr"),
        include_bytes!("../data/cases/names/two-names.csr"),
    )
    .unwrap();
    let issue = ["issue", "--csr", "two.csr", "--out", "cert.pem"];
    folder.text(&issue);
    let here = folder.complaint(&issue);
    let server = folder.start();
    let root = folder.public("chancery-root-ca.crt");
    let output = chancery()
        .env("CHANCERY_TOKEN", server.token("issue"))
        .args(["--url", &server.https, "--ca"])
        .arg(root)
        .args(["issue", "--csr"])
        .arg(folder.path("two.csr"))
        .arg("--out")
        .arg(folder.path("cert.pem"))
        .output()
        .unwrap();
    assert!(!output.status.success());
    let there = String::from_utf8(output.stderr).unwrap();
    for printed in [here, there] {
        for part in ["--force", "chancery renew", "new key"] {
            assert!(printed.contains(part), "{part}: {printed}");
        }
    }
    assert!(server.stop().success());
}

#[test]
fn a_ca_that_does_not_exist_is_told_with_those_that_do() {
    let folder = Folder::new();
    folder.text(&["init"]);
    let list = ["list", "--issuer", "issuing-ca"];
    let publish = ["crl", "publish", "--issuer", "issuing-ca"];
    let here = [folder.complaint(&list), folder.complaint(&publish)];
    // A CA that exists and has issued nothing is no mistake.
    let empty = folder.text(&["list", "--issuer", "chancery-issuing-ca"]);
    assert!(empty.contains("No certificates found."), "{empty}");
    let server = folder.start();
    let there = [list.as_slice(), &publish].map(|arguments| {
        let output = chancery()
            .env("CHANCERY_TOKEN", server.token("admin"))
            .args(["--url", &server.https, "--ca"])
            .arg(folder.public("chancery-root-ca.crt"))
            .args(arguments)
            .output()
            .unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    });
    for printed in here.iter().chain(&there) {
        assert!(
            printed.contains("there is no CA named issuing-ca; there are chancery-root-ca, chancery-issuing-ca"),
            "{printed}"
        );
    }
    assert!(server.stop().success());
}

/// Times say that they are UTC, and what is backdated is called what it is in the certificate and the CRL.
#[test]
fn times_are_told_as_what_they_are() {
    let folder = Folder::new();
    let made = folder.text(&["init"]);
    assert!(made.contains("EXPIRES (UTC)"), "{made}");
    let issued = folder.text(&["request", "a.example.com", "--out", "a"]);
    for label in ["Not before", "Not after"] {
        let line = issued.lines().find(|line| line.starts_with(label));
        assert!(line.is_some_and(|line| line.ends_with(" UTC")), "{issued}");
    }
    assert!(!issued.contains("Issued"), "{issued}");
    let crls = folder.text(&["crl", "status"]);
    assert!(
        crls.contains("THIS UPDATE (UTC)") && crls.contains("NEXT UPDATE (UTC)"),
        "{crls}"
    );
    for arguments in [["list"].as_slice(), &["ca", "list"], &["token", "list"]] {
        let listed = folder.text(arguments);
        assert!(listed.contains("EXPIRES (UTC)"), "{listed}");
    }

    let listed = folder.json(&["list", "a.example.com"]);
    let serial = listed["certificates"][0]["serial_number"].as_str().unwrap();
    let invalid = "2026-01-02T03:04:05Z";
    folder.text(&[
        "revoke",
        serial,
        "--reason",
        "keyCompromise",
        "--invalidity-date",
        invalid,
    ]);
    let shown = folder.text(&["show", serial]);
    let line = shown.lines().find(|line| line.starts_with("Invalidity date"));
    assert!(line.is_some_and(|line| line.ends_with(invalid)), "{shown}");
}

#[test]
fn holds_that_nothing_lifts_are_not_offered() {
    let folder = Folder::new();
    folder.text(&["init"]);
    folder.text(&["request", "a.example.com", "--out", "a"]);
    let help = folder.text(&["revoke", "--help"]);
    assert!(
        !help.contains("certificateHold") && help.contains("superseded"),
        "{help}"
    );
    let listed = folder.json(&["list", "a.example.com"]);
    let serial = listed["certificates"][0]["serial_number"].as_str().unwrap();
    let printed = folder.complaint(&["revoke", serial, "--reason", "certificateHold"]);
    assert!(printed.contains("is not a supported revocation reason"), "{printed}");
    assert!(!folder.text(&["openapi"]).contains("certificateHold"));
}

#[test]
fn a_proxy_that_does_not_answer_is_named() {
    let folder = Folder::new();
    folder.text(&["init"]);
    let root = folder.public("chancery-root-ca.crt");
    let output = chancery()
        .env("HTTPS_PROXY", "http://user:hush@127.0.0.1:9")
        .env("CHANCERY_TOKEN", "chy_none")
        .args(["--url", "https://pki.example.com:8443", "--ca"])
        .arg(root)
        .arg("list")
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stderr).unwrap();
    assert!(
        printed.contains("the proxy 127.0.0.1:9") && printed.contains("NO_PROXY=pki.example.com"),
        "{printed}"
    );
    assert!(!printed.contains("hush"), "{printed}");
}

#[test]
fn a_webhook_s_url_is_not_in_errors() {
    let folder = Folder::new();
    folder.text(&["init"]);
    for (settings, parts) in [
        (
            "[[webhook]]\nurl = \"https://hooks.example.com/S3CRET\"\nsecret_file = \"/nowhere/file\"\n",
            &["hooks.example.com", "/nowhere/file"][..],
        ),
        (
            "[[webhook]]\nurl = \"https://hooks.example.com/S3CRET\" bogus\n",
            &["local.toml", "line 2"],
        ),
    ] {
        fs::write(folder.data().join("local.toml"), settings).unwrap();
        let printed = folder.complaint(&["list"]);
        for part in parts {
            assert!(printed.contains(part), "{part}: {printed}");
        }
        assert!(!printed.contains("S3CRET"), "{printed}");
    }
}

#[test]
fn no_program_is_loaded_from_the_data_folder() {
    let folder = Folder::new();
    folder.text(&["init"]);
    let module = folder.data().join("csrs/module.so");
    fs::write(&module, "not even one").unwrap();
    fs::write(
        folder.data().join("local.toml"),
        format!("[keys]\nstore = \"pkcs11\"\nmodule = {module:?}\ntoken = \"t\"\n"),
    )
    .unwrap();
    let printed = folder.complaint(&["list"]);
    assert!(printed.contains("inside the data folder"), "{printed}");
}

/// A running server holds keys: the kernel writes none of its memory to a disk.
#[test]
fn a_server_leaves_no_core_dump() {
    let folder = Folder::new();
    let server = folder.start();
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.process())).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let numbers: Vec<&str> = line
        .split_whitespace()
        .filter(|word| word.parse::<u64>().is_ok())
        .collect();
    assert_eq!(numbers, ["0", "0"], "{line}");
}

#[test]
fn a_constrained_authority_s_server_is_told_how_to_name_itself() {
    let folder = Folder::new();
    fs::write(
        folder.path("constrained.toml"),
        include_str!("../data/cases/name-constraints/permitted.toml"),
    )
    .unwrap();
    folder.text(&["init", "--config", "constrained.toml"]);
    let printed = folder.complaint(&["start", "--https", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    assert!(printed.contains("--name") && printed.contains("localhost"), "{printed}");
}
