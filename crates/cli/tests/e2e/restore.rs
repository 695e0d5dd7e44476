//! What comes back with a backup, and what must not: revocations that were made since, tokens, and what somebody wrote into it.

use std::fmt::Write as _;
use std::fs;

use chancery_x509::crl::{RevocationList, RevocationReason};
use serde_json::Value;

use super::self_renewal::{certification_request, identified};
use crate::harness::Folder;

const ISSUING: &str = "chancery-issuing-ca.crl";
const ROOT: &str = "chancery-root-ca.crl";

/// An authority with a certificate, a token, and a backup; then a revocation of that certificate and of a newer one. Its folder
/// is lost, its published files are not. Answers the serial numbers.
fn lost(folder: &Folder) -> (String, String) {
    folder.text(&["init"]);
    folder.text(&["request", "old.example.com", "--profile", "tls-server", "--out", "old"]);
    folder.json(&["token", "create", "--scope", "admin", "--name", "robot"]);
    folder.text(&["backup", "copy"]);
    folder.text(&["request", "new.example.com", "--profile", "tls-server", "--out", "new"]);
    let serial = |name: &str| {
        let listed = folder.json(&["list", name]);
        listed["certificates"][0]["serial_number"].as_str().unwrap().to_owned()
    };
    let (old, new) = (serial("old.example.com"), serial("new.example.com"));
    folder.text(&["revoke", &old, "--reason", "affiliationChanged"]);
    folder.text(&["revoke", &new, "--reason", "superseded"]);
    folder.text(&["crl", "publish"]);
    fs::rename(folder.data(), folder.path("lost")).unwrap();
    (old, new)
}

fn restore<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["restore", "copy", "--root", "lost/public/chancery-root-ca.crt"];
    arguments.extend(more);
    arguments
}

const CRLS: [&str; 4] = [
    "--crl",
    "lost/public/chancery-issuing-ca.crl",
    "--crl",
    "lost/public/chancery-root-ca.crl.pem",
];

#[test]
fn a_restore_revokes_what_the_newest_crls_list() {
    let folder = Folder::new();
    let (old, new) = lost(&folder);
    let restored = folder.json(&restore(&CRLS));
    let taken: Vec<(&str, u64, u64)> = restored["crls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|crl| {
            (
                crl["authority"].as_str().unwrap(),
                crl["entries"].as_u64().unwrap(),
                crl["newly_revoked"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(taken, [("chancery-issuing-ca", 2, 2), ("chancery-root-ca", 0, 0)]);
    assert_eq!(restored["tokens"][0]["name"], "robot");
    assert_eq!(restored["tokens"][0]["kept"], false);

    let before = fs::read(folder.path("lost/public").join(ISSUING)).unwrap();
    let before = RevocationList::parse(&before).unwrap();
    folder.text(&["crl", "publish"]);
    let after = RevocationList::parse(&fs::read(folder.public(ISSUING)).unwrap()).unwrap();
    assert!(after.number() > before.number());
    for (serial, reason) in [
        (&old, RevocationReason::AffiliationChanged),
        (&new, RevocationReason::Superseded),
    ] {
        let serial = serial.parse().unwrap();
        let entry = after.find(&serial).unwrap().unwrap();
        assert_eq!(entry.reason, reason);
        assert_eq!(entry.revoked_at, before.find(&serial).unwrap().unwrap().revoked_at);
    }
    assert_eq!(folder.json(&["check"])["problems"], serde_json::json!([]));
    assert_eq!(folder.json(&["show", &old])["status"], "revoked");
    let tokens = folder.json(&["token", "list"]);
    assert!(tokens["tokens"][0]["revoked_at"].is_string(), "{tokens}");
    // A second backup holds what was taken over, and can be restored in its turn.
    folder.text(&["backup", "second"]);
    fs::rename(folder.data(), folder.path("again")).unwrap();
    folder.text(&[
        "restore",
        "second",
        "--root",
        "again/public/chancery-root-ca.crt",
        "--without-crl",
    ]);
    folder.text(&["crl", "publish"]);
    let again = RevocationList::parse(&fs::read(folder.public(ISSUING)).unwrap()).unwrap();
    assert_eq!(again.entries().count(), 2);
}

/// Keys that are compromised stay blocked: of a certificate in the backup at once, of another as soon as it is shown.
#[test]
fn a_restore_blocks_the_keys_that_are_compromised() {
    let folder = Folder::new();
    folder.text(&["init"]);
    folder.text(&["request", "old", "--profile", "device", "--out", "old"]);
    folder.text(&["request", "twice", "--profile", "device", "--out", "twice"]);
    let serial = |name: &str| {
        let listed = folder.json(&["list", name]);
        listed["certificates"][0]["serial_number"].as_str().unwrap().to_owned()
    };
    // Revoked before the backup for another reason, which became worse.
    folder.text(&["revoke", &serial("twice"), "--reason", "superseded"]);
    folder.text(&["backup", "copy"]);
    folder.text(&["request", "new", "--profile", "device", "--out", "new"]);
    let new = serial("new");
    for name in ["old", "twice", "new"] {
        folder.text(&["revoke", &serial(name), "--reason", "keyCompromise"]);
    }
    folder.text(&["crl", "publish"]);
    fs::rename(folder.data(), folder.path("lost")).unwrap();
    let restored = folder.json(&restore(&CRLS));
    assert_eq!(
        restored["crls"][0]["unknown_compromised_keys"],
        serde_json::json!([new])
    );
    let again = |name: &str| {
        let csr = certification_request(&folder.path(name).join("key.pem"), name);
        fs::write(folder.path("again.csr"), csr).unwrap();
        folder.chancery(&["issue", "--csr", "again.csr", "--profile", "device", "--force"])
    };
    let refused = |name: &str| {
        let output = again(name);
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && printed.contains("compromised"),
            "{name}: {printed}"
        );
    };
    refused("old");
    refused("twice");
    // Its holder, or a thief, shows it.
    let server = folder.start();
    let shown = identified(&server, &folder.path("new"));
    let url = format!("{}/api/v1/certificates/{new}/renew", server.https);
    assert_eq!(shown.post(url).send_empty().unwrap().status(), 403);
    refused("new");
}

#[test]
fn a_restore_asks_for_every_crl_or_for_the_word() {
    let folder = Folder::new();
    lost(&folder);
    let other = Folder::new();
    other.text(&["init"]);
    let foreign = other.public(ISSUING).display().to_string();
    for (more, parts) in [
        (&[][..], &["--crl FILE", "--without-crl"][..]),
        (&CRLS[..2], &["newest published", ROOT, "--crl FILE"]),
        (&CRLS[2..], &["newest published", ISSUING]),
        (
            &["--crl", &foreign, CRLS[2], CRLS[3]],
            &["no CA of the backup signed it"],
        ),
    ] {
        let printed = folder.complaint(&restore(more));
        for part in parts {
            assert!(printed.contains(part), "{part}: {printed}");
        }
        assert!(!folder.data().exists(), "{printed}");
    }
    let printed = folder.text(&restore(&["--without-crl", "--keep-tokens"]));
    assert!(
        printed.contains("what was revoked since then is valid again"),
        "{printed}"
    );
    assert!(
        printed.contains("1 API token goes on") && printed.contains("robot"),
        "{printed}"
    );
}

#[test]
fn an_older_crl_than_the_backup_s_own_is_refused() {
    let folder = Folder::new();
    folder.text(&["init"]);
    fs::copy(folder.public(ISSUING), folder.path("first.crl")).unwrap();
    fs::copy(folder.public(ROOT), folder.path("root.crl")).unwrap();
    folder.text(&["crl", "publish"]);
    folder.text(&["backup", "copy"]);
    fs::rename(folder.data(), folder.path("lost")).unwrap();
    let printed = folder.complaint(&restore(&[
        "--crl",
        "first.crl",
        "--crl",
        "lost/public/chancery-root-ca.crl",
    ]));
    assert!(
        printed.contains("first.crl has CRL number") && printed.contains("newest CRL"),
        "{printed}"
    );
}

#[test]
fn the_crls_of_all_shards_are_asked_for_and_taken_from_one_file() {
    let folder = Folder::new();
    fs::write(
        folder.path("shards.toml"),
        include_str!("../data/cases/shards/authority.toml"),
    )
    .unwrap();
    folder.text(&["init", "--config", "shards.toml"]);
    folder.text(&["request", "a.corp.example", "--profile", "tls-server", "--out", "a"]);
    folder.text(&["backup", "copy"]);
    let listed = folder.json(&["list", "a.corp.example"]);
    let serial = listed["certificates"][0]["serial_number"].as_str().unwrap().to_owned();
    folder.text(&["revoke", &serial, "--reason", "superseded"]);
    folder.text(&["crl", "publish"]);
    fs::rename(folder.data(), folder.path("lost")).unwrap();
    let mut all = Vec::new();
    for name in fs::read_dir(folder.path("lost/public")).unwrap() {
        let path = name.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.ends_with(".crl.pem") {
            all.push((name, fs::read_to_string(path).unwrap()));
        }
    }
    let write = |skipped: &str| {
        let texts = all
            .iter()
            .filter(|(name, _)| name != skipped)
            .map(|(_, text)| text.as_str());
        fs::write(folder.path("all.pem"), texts.collect::<String>()).unwrap();
    };
    write("chancery-issuing-ca-1.crl.pem");
    let printed = folder.complaint(&restore(&["--crl", "all.pem"]));
    assert!(printed.contains("chancery-issuing-ca-1.crl is missing"), "{printed}");
    write("");
    let restored = folder.json(&restore(&["--crl", "all.pem"]));
    let new: u64 = restored["crls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|crl| crl["newly_revoked"].as_u64().unwrap())
        .sum();
    assert_eq!(new, 1, "{restored}");
}

/// A CRL that nobody publishes any more, and that no certificate names, is asked of nobody.
#[test]
fn the_crl_of_a_shard_that_is_gone_is_not_asked_for() {
    let folder = Folder::new();
    let shards = include_str!("../data/cases/shards/authority.toml");
    fs::write(folder.path("shards.toml"), shards).unwrap();
    folder.text(&["init", "--config", "shards.toml"]);
    let config = folder.data().join("chancery.toml");
    fs::write(&config, shards.replace("shards = 3", "shards = 0")).unwrap();
    folder.text(&["request", "a.corp.example", "--profile", "tls-server", "--out", "a"]);
    folder.text(&["crl", "publish"]);
    folder.text(&["backup", "copy"]);
    fs::rename(folder.data(), folder.path("lost")).unwrap();
    let printed = folder.complaint(&restore(&CRLS[2..]));
    assert!(
        printed.contains("newest published") && printed.contains(ISSUING),
        "{printed}"
    );
    folder.text(&restore(&CRLS));
}

/// Whoever has the key of a CA that was revoked for that can sign any ledger.
#[test]
fn a_backup_by_a_ca_that_is_revoked_is_refused_and_the_next_one_is_by_a_ca_that_stands() {
    let revoked_for = |reason: &str| {
        let folder = Folder::new();
        folder.text(&["init"]);
        folder.text(&["request", "a.example.com", "--profile", "tls-server", "--out", "a"]);
        folder.text(&["backup", "copy"]);
        let listed = folder.json(&["list", "Chancery Issuing CA"]);
        let serial = listed["certificates"][0]["serial_number"].as_str().unwrap().to_owned();
        // The time of a revocation is in seconds.
        std::thread::sleep(std::time::Duration::from_millis(1100));
        folder.text(&["revoke", &serial, "--reason", reason]);
        folder.text(&["crl", "publish"]);
        folder
    };
    let folder = revoked_for("cACompromise");
    let second = folder.json(&["backup", "second"]);
    assert!(second["signed_by"].as_str().unwrap().contains("Root CA"), "{second}");
    fs::rename(folder.data(), folder.path("lost")).unwrap();
    let printed = folder.complaint(&restore(&CRLS));
    for part in ["cACompromise", "Issuing CA", "--unsigned"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert!(!folder.data().exists());
    let printed = folder.text(&restore(&[&CRLS[..], &["--unsigned"]].concat()));
    assert!(printed.contains("Nobody signed this backup"), "{printed}");
    fs::rename(folder.data(), folder.path("unsigned")).unwrap();
    let root = "lost/public/chancery-root-ca.crt";
    let printed = folder.text(&[&["restore", "second", "--root", root][..], &CRLS].concat());
    assert!(printed.contains("Signed by CN="), "{printed}");

    // Whoever only has a new CA kept the key of the old one.
    let folder = revoked_for("superseded");
    fs::rename(folder.data(), folder.path("lost")).unwrap();
    let printed = folder.text(&restore(&CRLS));
    assert!(printed.contains("Signed by CN="), "{printed}");
}

/// Writes a file of the backup anew, and its hash into the manifest: what whoever can write the backup can do.
fn forge(folder: &Folder, name: &str, content: &str) {
    let file = folder.path("copy").join(name);
    fs::write(&file, content).unwrap();
    let path = folder.path("copy/manifest.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content.as_bytes());
    let mut sha256 = String::new();
    for octet in digest.as_ref() {
        let _ = write!(sha256, "{octet:02x}");
    }
    let entry = manifest["files"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .find(|entry| entry["name"] == name)
        .unwrap();
    entry["size"] = content.len().into();
    entry["sha256"] = sha256.into();
    fs::write(&path, serde_json::to_vec_pretty(&manifest).unwrap()).unwrap();
}

#[test]
fn a_backup_that_somebody_changed_is_not_restored() {
    let folder = Folder::new();
    lost(&folder);
    let word = ["--without-crl"];
    let module = folder.path("data/keys/evil.so").display().to_string();
    let pkcs11 = |module: &str| format!("[keys]\nstore = \"pkcs11\"\nmodule = {module:?}\ntoken = \"t\"\n");
    forge(&folder, "local.toml", &pkcs11(&module));
    let printed = folder.complaint(&restore(&word));
    assert!(
        printed.contains("this backup cannot be trusted") && printed.contains("manifest.json is not what"),
        "{printed}"
    );
    let printed = folder.complaint(&["restore", "--check", "copy"]);
    assert!(printed.contains("this backup cannot be trusted"), "{printed}");
    // Another authority's signature, over the same octets or not, is none.
    let other = Folder::new();
    other.text(&["init"]);
    other.text(&["backup", "copy"]);
    fs::copy(other.path("copy/manifest.sig"), folder.path("copy/manifest.sig")).unwrap();
    let printed = folder.complaint(&restore(&word));
    assert!(
        printed.contains("does not chain to the root that was given"),
        "{printed}"
    );
    fs::remove_file(folder.path("copy/manifest.sig")).unwrap();
    let printed = folder.complaint(&restore(&word));
    assert!(
        printed.contains("this backup is not signed") && printed.contains("--unsigned"),
        "{printed}"
    );
    let printed = folder.text(&["restore", "--check", "copy"]);
    assert!(printed.contains("Nobody signed it"), "{printed}");

    // Where any is to be taken, a module is still confirmed, and never one among the data.
    let unsigned = ["--without-crl", "--unsigned"];
    for module in [module.as_str(), "/nowhere/module.so"] {
        forge(&folder, "local.toml", &pkcs11(module));
        let expected = if module.starts_with("/nowhere") {
            "confirm it with --pkcs11-module"
        } else {
            "inside the data folder"
        };
        let printed = folder.complaint(&restore(&unsigned));
        assert!(printed.contains(expected), "{printed}");
    }
    let printed = folder.complaint(&restore(
        &[&unsigned[..], &["--pkcs11-module", "/nowhere/else.so"]].concat(),
    ));
    assert!(
        printed.contains("names the PKCS #11 module /nowhere/module.so"),
        "{printed}"
    );
    assert!(!folder.data().exists());
    let printed = folder.text(&restore(
        &[&unsigned[..], &["--pkcs11-module", "/nowhere/module.so"]].concat(),
    ));
    assert!(printed.contains("Nobody signed this backup"), "{printed}");
    assert!(
        printed.contains("1 API token has ended") && printed.contains("robot"),
        "{printed}"
    );
}

#[test]
fn a_restore_trusts_the_root_that_it_is_given_and_no_other() {
    let folder = Folder::new();
    lost(&folder);
    let printed = folder.complaint(&["restore", "copy", "--without-crl"]);
    assert!(printed.contains("--root FILE"), "{printed}");
    // The issuing CA, and a leaf, are no roots.
    for file in ["lost/public/chancery-issuing-ca.crt", "old/cert.pem"] {
        let printed = folder.complaint(&["restore", "copy", "--without-crl", "--root", file]);
        assert!(printed.contains("is no root to be trusted"), "{file}: {printed}");
    }
    let other = Folder::new();
    other.text(&["init"]);
    let root = other.public("chancery-root-ca.crt").display().to_string();
    let printed = folder.complaint(&["restore", "copy", "--without-crl", "--root", &root]);
    assert!(
        printed.contains("does not chain to the root that was given"),
        "{printed}"
    );
    let printed = folder.text(&["restore", "--check", "copy"]);
    assert!(printed.contains("That root came with the backup"), "{printed}");
    let printed = folder.text(&restore(&["--without-crl"]));
    assert!(printed.contains("Signed by CN="), "{printed}");
}

#[test]
fn what_is_signed_of_a_backup_stands_in_the_ledger() {
    let folder = Folder::new();
    folder.text(&["init"]);
    folder.text(&["backup", "copy"]);
    let manifest = fs::read(folder.path("copy/manifest.json")).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &manifest);
    let ledger = chancery_local::ledger::SqliteLedger::open(folder.data().join("ledger.sqlite3")).unwrap();
    let backups = chancery_local::block_on(ledger.backups(10)).unwrap();
    assert_eq!(backups.len(), 1);
    assert_eq!(backups[0].1[..], *digest.as_ref());
    // Without the CA's key there is no signature, and nothing is left of the attempt.
    fs::rename(folder.data().join("keys/passphrase"), folder.path("passphrase")).unwrap();
    let printed = folder.complaint(&["backup", "second"]);
    assert!(printed.contains("--unsigned"), "{printed}");
    assert!(!folder.path("second").exists());
    assert!(
        folder
            .text(&["backup", "second", "--unsigned"])
            .contains("Nobody signed it")
    );
}
