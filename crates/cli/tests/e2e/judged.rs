//! Requests from many hands in, certificates and CRLs past every judge out.

use std::path::{Path, PathBuf};

use crate::harness::{Folder, has, tool};
use crate::judge::{Python, openssl_text, openssl_verifies};

/// Requests made by OpenSSL, GnuTLS, Java and Python, committed with the commands that made them.
fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../x509/tests/data/csr");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "pem" || extension == "der" || extension == "csr")
    });
    files.sort();
    assert!(files.len() >= 8, "too few requests");
    files
}

#[test]
fn what_others_request_every_judge_accepts() {
    let folder = Folder::new();
    folder.text(&["init"]);
    // All under one name, whatever they say.
    let profile = "default_extended_key_usages = ['TLS_WEB_SERVER_AUTHENTICATION']\nrsa_key_encipherment = true\n\
                   subject_from = 'fields'\nreplace_common_name = true\n";
    std::fs::write(folder.data().join("profiles/renamed.toml"), profile).unwrap();
    let mut issued = Vec::new();
    for file in fixtures() {
        let out = folder.path(&format!("{}.crt", file.file_stem().unwrap().to_str().unwrap()));
        let output = folder.chancery(&[
            "issue",
            "--csr",
            file.to_str().unwrap(),
            "--common-name",
            "host.example.com",
            "--profile",
            "renamed",
            "--force",
            "--out",
            out.to_str().unwrap(),
        ]);
        if output.status.success() {
            issued.push(out);
        } else {
            // Only what the fixtures' names announce as refused may be.
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            let announced = ["unsupported", "weak"].iter().any(|word| name.contains(word));
            assert!(announced, "{name}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    folder.text(&["crl", "publish"]);
    for file in &issued {
        // OpenSSL before 3.5 knows no ML-DSA.
        if !file.to_string_lossy().contains("ml-dsa") {
            assert_ne!(openssl_verifies(&folder, file), Some(false), "{}", file.display());
        }
        assert_eq!(
            folder.json(&["inspect", file.to_str().unwrap()])["objects"][0]["findings"]
                .as_array()
                .map(Vec::len),
            Some(0),
            "{}",
            file.display()
        );
    }
    judge_all(&folder, &issued, None);
}

#[test]
fn every_ca_algorithm_past_every_judge() {
    for (root, issuing) in [
        ("p384", "p256"),
        ("p521", "p384"),
        ("rsa4096", "rsa2048"),
        ("rsa3072", "rsa3072"),
        ("ml-dsa-87", "ml-dsa-65"),
        ("ml-dsa-44", "p521"),
    ] {
        let folder = Folder::new();
        let config = format!(
            "[[ca]]\nname = \"root-ca\"\nalgorithm = \"{root}\"\n\n[[ca]]\nname = \"issuing-ca\"\nparent = \"root-ca\"\nalgorithm = \"{issuing}\"\n"
        );
        std::fs::write(folder.path("chancery.toml"), config).unwrap();
        folder.text(&["init", "--config", "chancery.toml"]);
        folder.text(&["request", "a.example.com", "--profile", "tls-server", "--out", "a"]);
        folder.text(&[
            "request",
            "b.example.com",
            "--profile",
            "tls-client",
            "--key",
            "rsa2048",
            "--out",
            "b",
        ]);
        let listed = folder.json(&["list", "b.example.com"]);
        folder.text(&[
            "revoke",
            listed["certificates"][0]["serial_number"].as_str().unwrap(),
            "--reason",
            "cessationOfOperation",
        ]);
        folder.text(&["crl", "publish"]);
        let certificates = [folder.path("a/cert.pem"), folder.path("b/cert.pem")];
        // OpenSSL before 3.5 knows no ML-DSA.
        if !root.starts_with("ml") && !issuing.starts_with("ml") {
            assert_ne!(
                openssl_verifies(&folder, &certificates[0]),
                Some(false),
                "{root} {issuing}"
            );
            assert_ne!(
                openssl_verifies(&folder, &certificates[1]),
                Some(true),
                "{root} {issuing}"
            );
        }
        let issuing_crl = folder.public("chancery-issuing-ca.crl");
        let root_crl = folder.public("chancery-root-ca.crl");
        let verify = |certificate: &Path| {
            let bundle = folder.public("chancery-ca-bundle.pem");
            folder.chancery(&[
                "verify",
                "--chain",
                bundle.to_str().unwrap(),
                "--crl",
                issuing_crl.to_str().unwrap(),
                "--crl",
                root_crl.to_str().unwrap(),
                certificate.to_str().unwrap(),
            ])
        };
        assert!(
            verify(&certificates[0]).status.success(),
            "{root} {issuing}: {:?}",
            verify(&certificates[0])
        );
        assert!(!verify(&certificates[1]).status.success(), "{root} {issuing}");
        judge_all(&folder, &certificates, Some((1, "cessationOfOperation")));
    }
}

/// Python's cryptography reads it all and agrees on who is revoked; pkilint finds nothing.
fn judge_all(folder: &Folder, certificates: &[PathBuf], revoked: Option<(usize, &str)>) {
    let Some(python) = Python::found() else { return };
    // The published bundle is root first; judges want the chain upwards.
    let chain = folder.path("chain.pem");
    let part = |name: &str| std::fs::read(folder.public(name)).unwrap();
    std::fs::write(
        &chain,
        [part("chancery-issuing-ca.crt"), part("chancery-root-ca.crt")].concat(),
    )
    .unwrap();
    let crls = ["chancery-root-ca.crl", "chancery-issuing-ca.crl"].map(|name| folder.public(name));
    let printed = python.cryptography(&chain, &crls, certificates);
    for (index, certificate) in printed["certificates"].as_array().unwrap().iter().enumerate() {
        let expected = revoked.filter(|(which, _)| *which == index).map(|(_, reason)| reason);
        assert_eq!(certificate["revoked"].as_str(), expected, "{certificate}");
    }
    for file in certificates
        .iter()
        .cloned()
        .chain(["chancery-root-ca.crt", "chancery-issuing-ca.crt"].map(|name| folder.public(name)))
    {
        python.lint_certificate(&file);
    }
    for crl in &crls {
        python.lint_crl(crl);
    }
}

#[test]
fn openssl_reads_what_was_meant() {
    if !has("openssl") {
        return;
    }
    let folder = Folder::new();
    folder.text(&["init"]);
    folder.text(&[
        "request",
        "www.example.com",
        "--profile",
        "tls-server",
        "--organization",
        "Acme, Inc.",
        "--country",
        "NO",
        "--san",
        "dns:*.example.com",
        "--san",
        "ip:2001:db8::1",
        "--days",
        "10",
        "--out",
        "www",
    ]);
    let text = openssl_text("x509", &folder.path("www/cert.pem")).unwrap();
    for expected in [
        "Subject: O=Acme\\, Inc.,C=NO,CN=www.example.com",
        "DNS:*.example.com",
        "IP Address:2001:DB8:0:0:0:0:0:1",
        "TLS Web Server Authentication",
        "X509v3 Key Usage: critical",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let crl = tool(
        "openssl",
        &[
            "crl",
            "-inform",
            "DER",
            "-in",
            folder.public("chancery-issuing-ca.crl").to_str().unwrap(),
            "-noout",
            "-text",
        ],
        Path::new("."),
    );
    assert!(String::from_utf8_lossy(&crl).contains("X509v3 CRL Number"));
    // PKCS #12 and the key: OpenSSL opens both.
    std::fs::write(folder.path("password"), "correct horse battery").unwrap();
    folder.text(&[
        "request",
        "phone.example.com",
        "--profile",
        "device",
        "--pkcs12",
        "password",
        "--out",
        "phone",
    ]);
    let opened = tool(
        "openssl",
        &[
            "pkcs12",
            "-in",
            "phone/identity.p12",
            "-passin",
            "file:password",
            "-nodes",
        ],
        &folder.path(""),
    );
    let opened = String::from_utf8_lossy(&opened);
    assert!(
        opened.contains("PRIVATE KEY") && opened.matches("BEGIN CERTIFICATE").count() == 3,
        "{opened}"
    );
}
