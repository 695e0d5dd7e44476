//! `chancery request`: nothing is asked for that cannot be delivered, and what was interrupted goes on.

use std::os::unix::fs::symlink;

use chancery_local::keys::client::{ClientKey, ClientKeyAlgorithm};
use chancery_x509::name::Name;

use crate::harness::{Folder, chancery};

/// How many certificates there are, those of the CAs among them.
fn issued(folder: &Folder) -> usize {
    folder.json(&["list"])["certificates"].as_array().unwrap().len()
}

fn copy(folder: &Folder, from: &str, to: &str) {
    std::fs::copy(folder.path(from), folder.path(to)).unwrap();
}

fn is_there(folder: &Folder, name: &str) -> bool {
    folder.path(name).symlink_metadata().is_ok()
}

#[test]
fn nothing_is_asked_for_that_cannot_be_delivered() {
    let folder = Folder::new();
    folder.text(&["init"]);
    let before = issued(&folder);
    std::fs::write(folder.path("a-file"), "").unwrap();
    std::fs::create_dir(folder.path("linked")).unwrap();
    symlink("/nowhere/key.pem", folder.path("linked/key.pem")).unwrap();
    std::fs::create_dir_all(folder.path("folders/cert.pem")).unwrap();
    std::fs::write(folder.path("nul"), "a password\0of two").unwrap();
    std::fs::write(folder.path("rat"), "a password, \u{1f400}").unwrap();
    for arguments in [
        vec!["--out", "/proc/x"],
        vec!["--out", "a-file/x"],
        vec!["--out", "a-file"],
        vec!["--out", "linked"],
        vec!["--out", "folders", "--overwrite"],
        vec!["--out", "x", "--pkcs12", "nul"],
        vec!["--out", "x", "--pkcs12", "rat"],
        vec!["--out", "x", "--pkcs12", "none"],
    ] {
        let mut request = vec!["request", "a.example.com"];
        request.extend(&arguments);
        folder.complaint(&request);
        assert_eq!(issued(&folder), before, "{arguments:?}");
    }
    assert!(!is_there(&folder, "x"), "nothing is left behind");

    // Nor by the others that write what they get, and what is there stays.
    folder.text(&["request", "a.example.com", "--out", "a"]);
    let csr = folder.path("csr.pem");
    let key = ClientKey::generate(ClientKeyAlgorithm::default()).unwrap();
    let der = key
        .request(&Name::from_rfc4514("CN=b.example.com").unwrap(), &[])
        .unwrap();
    std::fs::write(&csr, chancery_x509::pem::encode("CERTIFICATE REQUEST", &der)).unwrap();
    for out in ["a-file/x", "/proc/x", "folders"] {
        folder.complaint(&["issue", "--csr", "csr.pem", "--out", out]);
        assert_eq!(issued(&folder), before + 1, "{out}");
    }
    folder.text(&["issue", "--csr", "csr.pem", "--out", "b.pem"]);
}

#[test]
fn a_link_that_leads_nowhere_is_replaced_where_that_is_asked_for() {
    let folder = Folder::new();
    folder.text(&["init"]);
    std::fs::create_dir(folder.path("a")).unwrap();
    symlink("/nowhere/key.pem", folder.path("a/key.pem")).unwrap();
    folder.text(&["request", "a.example.com", "--out", "a", "--overwrite"]);
    assert!(folder.path("a/key.pem").symlink_metadata().unwrap().is_file());
}

#[test]
fn an_interrupted_request_goes_on_with_the_same_command() {
    let folder = Folder::new();
    folder.text(&["init"]);
    let with_one = issued(&folder) + 1;
    std::fs::write(folder.path("pw"), "a password of one's own").unwrap();
    std::fs::write(folder.path("token"), "none").unwrap();
    let ca = folder.public("chancery-root-ca.crt");
    let request = ["request", "a.example.com", "--out", "deep/a", "--pkcs12", "pw"];
    // Nobody answers: whether somebody has heard it is not known.
    let lost = chancery()
        .current_dir(folder.path(""))
        .args(["--url", "https://127.0.0.1:1", "--token-file", "token", "--ca"])
        .arg(ca)
        .args(request)
        .output()
        .unwrap();
    assert!(!lost.status.success());
    let complaint = String::from_utf8(lost.stderr).unwrap();
    assert!(complaint.contains("the key is kept"), "{complaint}");
    let read = |name: &str| std::fs::read(folder.path(name)).unwrap();
    let (key, csr) = (read("deep/a/key.pem.new"), read("deep/a/csr.pem.new"));

    // Another request does not take the folder over.
    for other in [
        vec!["request", "b.example.com", "--out", "deep/a"],
        vec!["request", "a.example.com", "--out", "deep/a", "--key", "p384"],
    ] {
        let complaint = folder.complaint(&other);
        assert!(complaint.contains("interrupted"), "{complaint}");
        assert!(read("deep/a/key.pem.new") == key, "{other:?}");
    }

    folder.text(&request);
    assert_eq!(issued(&folder), with_one);
    assert!(read("deep/a/key.pem") == key);
    let all = ["key.pem", "cert.pem", "chain.pem", "identity.p12"];
    let certificate = read("deep/a/cert.pem");
    assert!(!is_there(&folder, "deep/a/key.pem.new") && !is_there(&folder, "deep/a/csr.pem.new"));

    // Wherever it is interrupted, the files are the same in the end, and there is one certificate.
    for written in 0..=all.len() {
        std::fs::create_dir(folder.path("again")).unwrap();
        std::fs::write(folder.path("again/csr.pem.new"), &csr).unwrap();
        // In the order in which they are written.
        for name in ["cert.pem", "chain.pem", "key.pem", "identity.p12"]
            .iter()
            .take(written)
        {
            copy(&folder, &format!("deep/a/{name}"), &format!("again/{name}"));
        }
        if written < 3 {
            std::fs::write(folder.path("again/key.pem.new"), &key).unwrap();
        }
        folder.text(&["request", "a.example.com", "--out", "again", "--pkcs12", "pw"]);
        assert!(
            read("again/key.pem") == key && read("again/cert.pem") == certificate,
            "{written}"
        );
        for name in all {
            assert!(is_there(&folder, &format!("again/{name}")), "{written}: {name}");
        }
        assert!(!is_there(&folder, "again/key.pem.new") && !is_there(&folder, "again/csr.pem.new"));
        assert_eq!(issued(&folder), with_one, "{written}");
        std::fs::remove_dir_all(folder.path("again")).unwrap();
    }
}

#[test]
fn an_existing_key_stays_until_the_certificate_of_the_next_one_is_there() {
    let folder = Folder::new();
    folder.text(&["init"]);
    folder.text(&["request", "a.example.com", "--out", "a"]);
    let read = |name: &str| std::fs::read(folder.path(name)).unwrap();
    let (key, certificate) = (read("a/key.pem"), read("a/cert.pem"));
    let refused = [
        "request",
        "a.example.com",
        "--out",
        "a",
        "--overwrite",
        "--profile",
        "nonsense",
    ];
    folder.complaint(&refused);
    assert!(read("a/key.pem") == key && read("a/cert.pem") == certificate);
    let mut left: Vec<_> = std::fs::read_dir(folder.path("a"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["cert.pem", "chain.pem", "key.pem"]);

    // The key of a renewal that was interrupted is not written over.
    copy(&folder, "a/key.pem", "a/key.pem.new");
    let complaint = folder.complaint(&["request", "a.example.com", "--out", "a", "--overwrite"]);
    assert!(complaint.contains("chancery renew"), "{complaint}");
    std::fs::remove_file(folder.path("a/key.pem.new")).unwrap();

    folder.text(&["request", "a.example.com", "--out", "a", "--overwrite"]);
    assert!(read("a/key.pem") != key && read("a/cert.pem") != certificate);
    assert!(folder.path("a/key.pem").is_file());
}
