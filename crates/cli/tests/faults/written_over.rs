//! What somebody with a hand on the data folder took away, or wrote into the ledger: nothing is made anew over an authority
//! that exists, and nothing is issued or left unrevoked for it.

use std::fs;
use std::path::Path;

use super::snapshot::{START, Snapshot, ended, refused, says};
use crate::harness::{Folder, chancery, succeeded};

/// Writes into the ledger as any program with SQLite can.
pub(crate) fn write_over(folder: &Folder, sql: &str) {
    let ledger = rusqlite::Connection::open(folder.data().join("ledger.sqlite3")).unwrap();
    ledger
        .execute_batch(&format!("PRAGMA foreign_keys = off; {sql}"))
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// One value of the ledger.
fn read(folder: &Folder, sql: &str) -> rusqlite::types::Value {
    let ledger = rusqlite::Connection::open(folder.data().join("ledger.sqlite3")).unwrap();
    ledger.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Every plain file of the folder but the ledger's log and the lock.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            let within = contents(&entry.path()).into_iter();
            found.extend(within.map(|(file, octets)| (format!("{name}/{file}"), octets)));
        } else if name != ".lock" && !name.ends_with("-wal") && !name.ends_with("-shm") {
            found.push((name, fs::read(entry.path()).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_lost_configuration_is_asked_for_and_nothing_is_made_in_its_place() {
    let folder = Folder::new();
    let before = Snapshot::new(&folder);
    let settings = folder.data().join("local.toml");
    let own = format!(
        "{}\n[limits]\nbody_seconds = 7\n",
        fs::read_to_string(&settings).unwrap()
    );
    fs::write(&settings, own).unwrap();
    let config = folder.data().join("chancery.toml");
    let kept = fs::read(&config).unwrap();
    fs::remove_file(&config).unwrap();
    // Under its former name, too, settings stay.
    for settings_file in ["local.toml", "house.toml"] {
        if settings_file == "house.toml" {
            fs::rename(&settings, folder.data().join("house.toml")).unwrap();
        }
        let before = contents(&folder.data());
        for arguments in [
            &["init"][..],
            &["init", "--ask-passphrase"],
            &["list"],
            &["check"],
            &["request", "a.example.com", "--out", "a"],
            &START,
        ] {
            says(
                &refused(&folder, arguments),
                &[
                    "chancery.toml is missing",
                    "put it back, as a backup has it",
                    "nothing was changed",
                ],
            );
            assert!(contents(&folder.data()) == before, "{arguments:?} changed something");
        }
    }
    fs::rename(folder.data().join("house.toml"), &settings).unwrap();

    // Keys alone are an authority as well.
    let ledger = folder.data().join("ledger.sqlite3");
    fs::rename(&ledger, folder.path("ledger")).unwrap();
    says(&refused(&folder, &["init"]), &["chancery.toml is missing"]);
    fs::write(&config, &kept).unwrap();
    for arguments in [&["init"][..], &["list"], &START] {
        says(
            &refused(&folder, arguments),
            &["ledger.sqlite3 is missing", "chancery restore"],
        );
        assert!(!ledger.exists(), "{arguments:?} made a new one");
    }
    fs::rename(folder.path("ledger"), &ledger).unwrap();
    before.goes_on(&folder);
}

#[test]
fn a_ca_without_the_one_above_it_issues_nothing_and_a_cycle_comes_to_an_end() {
    let folder = Folder::new();
    let config = "[[ca]]\nname = 'root-ca'\n[ca.name_constraints]\npermitted = ['dns:example.com', 'dns:localhost']\n\
                  [[ca]]\nname = 'issuing-ca'\nparent = 'root-ca'\n";
    fs::write(folder.path("own.toml"), config).unwrap();
    folder.text(&["init", "--config", "own.toml"]);
    folder.text(&["request", "a.example.com", "--out", "a"]);
    let outside = ["request", "www.example.org", "--out", "www"];
    says(&refused(&folder, &outside), &["www.example.org"]);
    let right = "UPDATE authorities SET parent = NULL WHERE slug LIKE '%root-ca';
                 UPDATE authorities SET parent = (SELECT slug FROM authorities WHERE slug LIKE '%root-ca')
                     WHERE slug LIKE '%issuing-ca'";
    for forged in [
        "UPDATE authorities SET parent = NULL",
        "UPDATE authorities SET parent = slug",
        "UPDATE authorities SET parent = (SELECT slug FROM authorities WHERE slug LIKE '%issuing-ca')
             WHERE slug LIKE '%root-ca'",
    ] {
        write_over(&folder, forged);
        // What was refused before is not to be gone on with.
        let _ = fs::remove_dir_all(folder.path("www"));
        // In a cycle the constraints above still count, and come first.
        refused(&folder, &outside);
        for arguments in [&["request", "b.example.com", "--out", "b"][..], &["renew", "a"], &START] {
            says(
                &refused(&folder, arguments),
                &["signed it; somebody has changed the record"],
            );
        }
        let printed = ended(&folder, &["check"]);
        assert!(!printed.status.success(), "{forged}");
        write_over(&folder, right);
    }
    folder.text(&["request", "b.example.com", "--out", "b"]);
    assert_eq!(folder.json(&["check"])["problems"], serde_json::json!([]));

    // A server that read the CAs before looks at the records all the same.
    let server = folder.start();
    let request = |name: &str| {
        let out = folder.path(name);
        let root = folder.public("chancery-root-ca.crt");
        let mut command = chancery();
        command.args(["--url", &server.https, "--ca"]).arg(root);
        command
            .args(["request", &format!("{name}.example.com"), "--out"])
            .arg(out);
        command.env("CHANCERY_TOKEN", server.token("issue")).output().unwrap()
    };
    succeeded(&request("c"));
    write_over(&folder, "UPDATE authorities SET parent = NULL");
    assert!(!request("d").status.success());
    says(
        &folder.printed(),
        &["has no CA above it", "somebody has changed the record"],
    );
    write_over(&folder, right);
    succeeded(&request("e"));
}

/// What stands beside a certificate in its row is for searching: where it is revoked, the certificate says.
#[test]
fn columns_beside_a_certificate_keep_no_revocation_off_its_crl() {
    let folder = Folder::new();
    folder.text(&["init"]);
    let crl = folder.public("chancery-issuing-ca.crl");
    let columns = [
        ("issuer", "(SELECT id FROM issuers WHERE slug = 'chancery-root-ca')"),
        ("not_after", "1000"),
        ("shard", "7"),
        ("key", "randomblob(32)"),
    ];
    for (column, value) in columns {
        let out = format!("of-{}", column.replace('_', "-"));
        let name = format!("{out}.example.com");
        folder.text(&["request", &name, "--out", &out]);
        let serial = folder.json(&["list", &name])["certificates"][0]["serial_number"].clone();
        let serial = serial.as_str().unwrap();
        let key = read(
            &folder,
            &format!("SELECT hex(key) FROM certificates WHERE common_name = '{name}'"),
        );
        let rusqlite::types::Value::Text(key) = key else {
            panic!()
        };
        let forged = format!("UPDATE certificates SET {column} = {value} WHERE common_name = '{name}'");
        write_over(&folder, &forged);
        let checked = folder.chancery(&["--json", "check"]);
        assert!(!checked.status.success(), "{column}");
        says(
            &String::from_utf8_lossy(&checked.stdout),
            &[&format!("differs from its certificate {serial} in {column};")],
        );
        folder.text(&["revoke", serial, "--reason", "keyCompromise"]);
        let (chain, certificate) = (format!("{out}/chain.pem"), format!("{out}/cert.pem"));
        let verified = folder.chancery(&[
            "verify",
            "--chain",
            &chain,
            "--crl",
            crl.to_str().unwrap(),
            &certificate,
        ]);
        let printed = String::from_utf8_lossy(&verified.stdout).into_owned();
        assert!(
            !verified.status.success() && printed.contains("revoked"),
            "{column}: {printed}"
        );
        // Its key is blocked, whatever its row says.
        let blocked = format!("SELECT count(*) FROM blocked_keys WHERE hex(key) = '{key}'");
        assert_eq!(read(&folder, &blocked), rusqlite::types::Value::Integer(1), "{column}");
    }
}

/// A trigger neither runs, nor does a backup with it pass for one that can be restored.
#[test]
fn a_trigger_in_the_ledger_does_nothing_and_every_check_finds_it() {
    let folder = Folder::new();
    folder.text(&["init"]);
    folder.text(&["request", "a.example.com", "--out", "a"]);
    let serial = folder.json(&["list", "a.example.com"])["certificates"][0]["serial_number"].clone();
    for (name, planted) in [
        (
            "trigger forget",
            "CREATE TRIGGER forget AFTER INSERT ON revocations BEGIN DELETE FROM revocations WHERE serial = NEW.serial; END",
        ),
        ("view elsewhere", "CREATE VIEW elsewhere AS SELECT 1"),
        ("index own", "CREATE INDEX own ON certificates (principal)"),
    ] {
        write_over(&folder, planted);
        let printed = format!("unexpected schema ({name})");
        let checked = ended(&folder, &["check"]);
        assert!(!checked.status.success(), "{name}");
        let problems = folder.chancery(&["--json", "check"]);
        says(&String::from_utf8_lossy(&problems.stdout), &[&printed]);
        let copy = name.replace(' ', "-");
        let taken = folder.chancery(&["backup", &copy]);
        assert!(!taken.status.success(), "{name}");
        says(
            &String::from_utf8_lossy(&taken.stdout),
            &[&printed, "no restore takes it"],
        );
        says(&refused(&folder, &["restore", "--check", &copy]), &[&printed]);
        if name == "trigger forget" {
            folder.text(&["revoke", serial.as_str().unwrap()]);
            let entry = folder.json(&["show", serial.as_str().unwrap()]);
            assert_eq!(entry["status"], "revoked", "{entry}");
        }
        let (kind, planted) = name.split_once(' ').unwrap();
        write_over(&folder, &format!("DROP {kind} {planted}"));
    }
    assert_eq!(folder.json(&["check"])["problems"], serde_json::json!([]));
}

/// A family of a compromised key that a process left half revoked.
const MARK: &str = "INSERT INTO unfinished_families (key, certificate, revoked_at, reason, principal)
                    SELECT key, id, unixepoch(), 1, 'somebody' FROM certificates WHERE id = ";

#[test]
fn a_family_that_was_left_half_revoked_is_told_until_it_is_revoked() {
    let folder = Folder::new();
    folder.text(&["init"]);
    folder.text(&["request", "a.example.com", "--out", "a"]);
    let serial = folder.json(&["list", "a.example.com"])["certificates"][0]["serial_number"].clone();
    let serial = serial.as_str().unwrap();
    folder.text(&["revoke", serial, "--reason", "keyCompromise"]);
    assert_eq!(folder.json(&["check"])["problems"], serde_json::json!([]));
    write_over(&folder, &format!("{MARK} (SELECT certificate FROM revocations)"));

    let printed = format!("certificates of the compromised key of {serial} may still be valid");
    for arguments in [&["check"][..], &["crl", "status"]] {
        let output = folder.chancery(&[&["--json"], arguments].concat());
        assert!(!output.status.success(), "{arguments:?}");
        says(
            &String::from_utf8_lossy(&output.stdout),
            &[&printed, "--reason keyCompromise"],
        );
    }
    let server = folder.start();
    let health = server.agent().get(format!("{}/health", server.https)).call().unwrap();
    let health = health.into_body().read_to_string().unwrap();
    says(&health, &["degraded", &printed]);
    drop(server);

    folder.text(&["revoke", serial, "--reason", "keyCompromise"]);
    assert_eq!(folder.json(&["check"])["problems"], serde_json::json!([]));
    folder.text(&["crl", "status"]);
}

#[test]
fn a_planted_mark_has_no_ca_revoked() {
    let folder = Folder::new();
    folder.text(&["init"]);
    write_over(
        &folder,
        &format!(
            "{MARK} (SELECT certificate FROM authorities WHERE slug = 'chancery-issuing-ca');
                  UPDATE unfinished_families SET revoked_at = 1000"
        ),
    );
    folder.text(&["request", "a.example.com", "--out", "a"]);
    drop(folder.start());
    folder.text(&["request", "b.example.com", "--out", "b"]);
    assert_eq!(
        folder.json(&["list", "--revoked"])["certificates"],
        serde_json::json!([])
    );
    let checked = folder.chancery(&["--json", "check"]);
    assert!(!checked.status.success());
    says(
        &String::from_utf8_lossy(&checked.stdout),
        &["no revocation says so: nothing is revoked for it"],
    );
}

/// Neither a pipe nor a device is waited for, and a link that leads nowhere is not a file that is missing.
#[test]
fn settings_keys_and_logs_are_plain_files() {
    let folder = Folder::new();
    let before = Snapshot::new(&folder);
    for (name, signs) in [
        ("local.toml", false),
        ("chancery.toml", false),
        ("keys/chancery-issuing-ca.key", true),
        ("keys/chancery-issuing-ca.pub", true),
        ("keys/signatures.log", true),
    ] {
        let file = folder.data().join(name);
        let aside = folder.path("aside");
        fs::rename(&file, &aside).unwrap();
        for kind in ["pipe", "device", "nowhere"] {
            match kind {
                "pipe" => rustix::fs::mkfifoat(rustix::fs::CWD, &file, rustix::fs::Mode::RWXU).unwrap(),
                "device" => std::os::unix::fs::symlink("/dev/zero", &file).unwrap(),
                _ => std::os::unix::fs::symlink(folder.path("nowhere"), &file).unwrap(),
            }
            // Of another name each time: one that was interrupted is being worked on.
            let out = format!("{}-{kind}", name.replace(['/', '.'], "-"));
            let common_name = format!("{out}.example.com");
            let request = ["request", &common_name, "--out", &out];
            let printed = refused(&folder, if signs { &request[..] } else { &["list"] });
            let what = if kind == "nowhere" {
                "no file where it leads"
            } else {
                "it is no plain file"
            };
            says(&printed, &[what]);
            assert!(!folder.path("nowhere").exists(), "{name}: made where a link leads");
            fs::remove_file(&file).unwrap();
        }
        fs::rename(&aside, &file).unwrap();
    }
    before.goes_on(&folder);
}

#[test]
fn a_damaged_record_of_a_ca_stops_issuance_and_no_revocation() {
    let folder = Folder::new();
    folder.text(&["init"]);
    folder.text(&["request", "a.example.com", "--out", "a"]);
    write_over(
        &folder,
        "INSERT INTO issuer_changes (ca, state, is_default, at, principal)
         VALUES ('chancery-issuing-ca', 'enthroned', 0, 1, 'nobody')",
    );
    says(
        &refused(&folder, &["request", "b.example.com", "--out", "b"]),
        &["issuer_changes has the state", "enthroned"],
    );
    folder.text(&["revoke", "a", "--reason", "superseded"]);
    let crl = fs::read(folder.public("chancery-issuing-ca.crl")).unwrap();
    let list = chancery_x509::crl::RevocationList::parse(&crl).unwrap();
    assert_eq!(list.entries().count(), 1);
}

#[test]
fn a_replaced_certificate_is_told() {
    let folder = Folder::new();
    folder.text(&["init"]);
    folder.text(&["request", "a.example.com", "--out", "a"]);
    assert_eq!(folder.json(&["check"])["problems"], serde_json::json!([]));
    write_over(
        &folder,
        "UPDATE certificates SET shard = 7, der = x'00' WHERE common_name = 'a.example.com'",
    );
    let output = folder.chancery(&["--json", "check"]);
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let problems = printed["problems"].to_string();
    assert!(problems.contains("none that a CA of this ledger signed"), "{problems}");
}
