//! Passphrases that are wrong or missing, and key files that are missing, damaged, or another CA's.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::snapshot::{START, Snapshot, refused, says, start_refused};
use crate::harness::{Folder, Server};

const REQUEST: [&str; 4] = ["request", "a.example.com", "--out", "a"];
const ROOT: &str = "chancery-root-ca";
const ISSUING: &str = "chancery-issuing-ca";

/// An authority that has its passphrase in a file beside the data folder.
fn sealed() -> (Folder, Snapshot) {
    let folder = Folder::new();
    fs::write(folder.path("passphrase"), "a passphrase of one's own").unwrap();
    folder.text(&["--passphrase-file", "passphrase", "init"]);
    folder.text(&[
        "--passphrase-file",
        "passphrase",
        "request",
        "before.example.com",
        "--out",
        "before",
    ]);
    let before = Snapshot::of(&folder);
    (folder, before)
}

fn with<'a>(passphrase: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
    [&["--passphrase-file", passphrase], arguments].concat()
}

fn open_intents(folder: &Folder) -> u64 {
    folder.json(&["check"])["open_intents"].as_u64().unwrap()
}

#[test]
fn a_wrong_passphrase_is_told_at_once_and_leaves_nothing_behind() {
    let (folder, before) = sealed();
    fs::write(folder.path("wrong"), "another passphrase").unwrap();
    let file = format!("{ISSUING}.key");
    for arguments in [&REQUEST[..], &START] {
        let printed = refused(&folder, &with("wrong", arguments));
        says(
            &printed,
            &["the passphrase does not open", &file, "give the one it was sealed with"],
        );
    }
    assert_eq!(open_intents(&folder), 0, "nothing is reserved that cannot be signed");
    assert!(!folder.path("a").exists(), "what was refused leaves no key behind");
    let output = folder.chancery(&with("wrong", &["crl", "publish"]));
    assert_eq!(output.status.code(), Some(1));
    says(
        &String::from_utf8_lossy(&output.stdout),
        &["the passphrase does not open"],
    );
    // What needs no key needs no passphrase.
    let serial = folder.json(&with("wrong", &["list", "before.example.com"]))["certificates"][0]["serial_number"]
        .as_str()
        .unwrap()
        .to_owned();
    says(&folder.text(&with("wrong", &["show", &serial])), &["BEGIN CERTIFICATE"]);
    before.is_kept(&folder);
    folder.text(&with("passphrase", &REQUEST));
}

#[test]
fn a_missing_passphrase_is_told_with_the_ways_to_give_it() {
    let (folder, before) = sealed();
    for arguments in [&REQUEST[..], &START] {
        says(
            &refused(&folder, arguments),
            &["no passphrase was given", "--passphrase-file", "CHANCERY_PASSPHRASE"],
        );
        says(
            &refused(&folder, &with("nowhere", arguments)),
            &["nowhere", "No such file"],
        );
    }
    assert_eq!(open_intents(&folder), 0);
    // Without a passphrase, too, everything that needs no key.
    before.is_kept(&folder);
    let serial = folder.json(&["list", "before.example.com"])["certificates"][0]["serial_number"]
        .as_str()
        .unwrap()
        .to_owned();
    says(&folder.text(&["show", &serial]), &["BEGIN CERTIFICATE"]);
    folder.text(&with("passphrase", &REQUEST));
}

#[test]
fn a_missing_or_damaged_key_of_the_issuing_ca_is_told_before_anything_is_reserved() {
    let folder = Folder::new();
    let before = Snapshot::new(&folder);
    let file = folder.data().join(format!("keys/{ISSUING}.key"));
    let sound = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    for arguments in [&REQUEST[..], &START] {
        says(
            &refused(&folder, arguments),
            &[
                "the key of chancery-issuing-ca cannot be used",
                "no key named",
                "backup",
            ],
        );
    }
    fs::write(&file, &sound[..sound.len() / 2]).unwrap();
    for arguments in [&REQUEST[..], &START] {
        says(
            &refused(&folder, arguments),
            &["the key of chancery-issuing-ca cannot be used", "damaged", "backup"],
        );
    }
    assert_eq!(open_intents(&folder), 0, "nothing is reserved that cannot be signed");
    fs::write(&file, &sound).unwrap();
    before.goes_on(&folder);
}

#[test]
fn a_key_that_is_not_its_certificate_s_is_told_and_signs_nothing() {
    let folder = Folder::new();
    let before = Snapshot::new(&folder);
    // Another authority's key, sealed with this one's passphrase, under the right name.
    let other = Folder::new();
    let passphrase = folder.data().join("keys/passphrase");
    other.text(&["--passphrase-file", passphrase.to_str().unwrap(), "init"]);
    let swap = |from: &Folder, to: &str| {
        for half in ["key", "pub"] {
            let name = format!("{ISSUING}.{half}");
            fs::copy(from.data().join("keys").join(&name), folder.path(to).join(name)).unwrap();
        }
    };
    fs::create_dir(folder.path("aside")).unwrap();
    swap(&folder, "aside");
    swap(&other, "data/keys");
    let log = fs::read(folder.data().join("keys/signatures.log")).unwrap();
    for arguments in [&REQUEST[..], &START] {
        says(
            &refused(&folder, arguments),
            &[
                "the key of chancery-issuing-ca cannot be used",
                "another one than its certificate has",
                "backup",
            ],
        );
    }
    assert_eq!(open_intents(&folder), 0);
    assert_eq!(
        fs::read(folder.data().join("keys/signatures.log")).unwrap(),
        log,
        "nothing was signed with it"
    );
    for half in ["key", "pub"] {
        let name = format!("{ISSUING}.{half}");
        fs::copy(folder.path("aside").join(&name), folder.data().join("keys").join(&name)).unwrap();
    }
    before.goes_on(&folder);
}

/// The root signs a CRL a day: that it cannot is told when the server starts, not when the day is over.
#[test]
fn what_is_wrong_with_the_root_s_key_is_told_before_the_server_is_ready() {
    let (folder, before) = sealed();
    let keys = folder.data().join("keys");
    let file = keys.join(format!("{ROOT}.key"));
    let sound = fs::read(&file).unwrap();
    let start = |parts: &[&str]| {
        let server = Server::start(&folder, &with("passphrase", &[]));
        let warning = server.warnings.join("\n");
        says(
            &warning,
            &[
                "the key of chancery-root-ca cannot be used",
                "signs nothing",
                "its CRL ends at 20",
            ],
        );
        says(&warning, parts);
        says(
            &folder.printed(),
            &["warning: the key of chancery-root-ca cannot be used"],
        );
        // Leaves come from the issuing CA, which is well.
        let client = crate::client::Client::new(&server, "issue");
        let (status, answer) = client.issue("a.example.com");
        assert_eq!(status, 200, "{answer}");
        assert!(server.stop().success());
    };
    // Sealed with another passphrase.
    let other = Folder::new();
    fs::write(other.path("own"), "quite another passphrase").unwrap();
    other.text(&["--passphrase-file", "own", "init"]);
    fs::copy(other.data().join(format!("keys/{ROOT}.key")), &file).unwrap();
    start(&["the passphrase does not open", "chancery-root-ca.key"]);
    // Gone.
    fs::remove_file(&file).unwrap();
    start(&["no key named chancery-root-ca", "backup"]);
    // Not to be read.
    fs::create_dir(&file).unwrap();
    start(&["chancery-root-ca.key", "it is no plain file"]);
    fs::remove_dir(&file).unwrap();
    fs::write(&file, &sound).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();

    let server = Server::start(&folder, &with("passphrase", &[]));
    assert_eq!(server.warnings, [""; 0]);
    assert!(server.stop().success());
    before.is_kept(&folder);
}

#[test]
fn without_its_passphrase_file_an_authority_does_not_start() {
    let folder = Folder::new();
    let before = Snapshot::new(&folder);
    let file = folder.data().join("keys/passphrase");
    let passphrase = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    says(
        &start_refused(&folder),
        &["no passphrase was given", "--passphrase-file"],
    );
    fs::write(&file, passphrase).unwrap();
    before.goes_on(&folder);
}
