//! What somebody with a hand on the data folder took away, or wrote into the ledger: nothing is made anew over an authority
//! that exists, and nothing is issued or left unrevoked for it.

use std::fs;
use std::path::Path;

use super::standing::{START, Standing, ended, refused, says};
use crate::harness::Folder;

/// Writes into the ledger as any program with SQLite can.
pub(crate) fn write_over(folder: &Folder, sql: &str) {
    let ledger = rusqlite::Connection::open(folder.data().join("ledger.sqlite3")).unwrap();
    ledger
        .execute_batch(&format!("PRAGMA foreign_keys = off; {sql}"))
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
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
    let before = Standing::new(&folder);
    let settings = folder.data().join("local.toml");
    let own = format!("{}\n[limits]\nbody_seconds = 7\n", fs::read_to_string(&settings).unwrap());
    fs::write(&settings, own).unwrap();
    let config = folder.data().join("chancery.toml");
    let kept = fs::read(&config).unwrap();
    fs::remove_file(&config).unwrap();
    // Under its former name, too, settings stay.
    for settings_file in ["local.toml", "house.toml"] {
        if settings_file == "house.toml" {
            fs::rename(&settings, folder.data().join("house.toml")).unwrap();
        }
        let standing = contents(&folder.data());
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
                &["chancery.toml is missing", "put it back, as a backup has it", "nothing was changed"],
            );
            assert!(contents(&folder.data()) == standing, "{arguments:?} changed something");
        }
    }
    fs::rename(folder.data().join("house.toml"), &settings).unwrap();

    // Keys alone are an authority as well.
    let ledger = folder.data().join("ledger.sqlite3");
    fs::rename(&ledger, folder.path("ledger")).unwrap();
    says(&refused(&folder, &["init"]), &["chancery.toml is missing"]);
    fs::write(&config, &kept).unwrap();
    for arguments in [&["init"][..], &["list"], &START] {
        says(&refused(&folder, arguments), &["ledger.sqlite3 is missing", "chancery restore"]);
        assert!(!ledger.exists(), "{arguments:?} made a new one");
    }
    fs::rename(folder.path("ledger"), &ledger).unwrap();
    before.goes_on(&folder);
}

#[test]
fn a_ca_without_the_one_above_it_issues_nothing_and_a_cycle_comes_to_an_end() {
    let folder = Folder::new();
    let config = "[[ca]]\nname = 'root-ca'\n[ca.name_constraints]\npermitted = ['dns:example.com']\n\
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
        for arguments in [
            &outside[..],
            &["request", "b.example.com", "--out", "b"],
            &["renew", "a"],
            &START,
        ] {
            says(&refused(&folder, arguments), &["signed it; somebody has changed the record"]);
        }
        let told = ended(&folder, &["check"]);
        assert!(!told.status.success(), "{forged}");
        write_over(&folder, right);
    }
    folder.text(&["request", "b.example.com", "--out", "b"]);
    assert_eq!(folder.json(&["check"])["problems"], serde_json::json!([]));
}
