//! Files that are no ledger, that others hold, that cannot be written, and disks that are full.
//!
//! Some faults need a process of their own: those tests start this same program again with [`CHILD`] set.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]
#![allow(clippy::print_stdout, reason = "a child tells its parent so")]

use crate::support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use chancery_authority::port::{Ledger, LedgerError};
use chancery_local::ledger::{OpenError, SqliteLedger};
use rusqlite::Connection;

use support::{completion, intent, issue, next_crl, reserve};
use tempfile::TempDir;

/// Names the ledger that a child works on.
const CHILD: &str = "CHANCERY_TEST_LEDGER";

fn filled(count: u32) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite3");
    let ledger = SqliteLedger::create(&path).unwrap();
    chancery_local::block_on(async {
        for number in 1..=count {
            issue(&ledger, number).await;
        }
    });
    (folder, path)
}

/// What the harness calls a test of this file.
fn full_name(test: &str) -> String {
    let (_program, module) = module_path!().split_once("::").unwrap();
    format!("{module}::{test}")
}

fn child(test: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &full_name(test), "--ignored", "--nocapture"])
        .env(CHILD, path);
    command
}

fn childs_ledger() -> PathBuf {
    std::env::var_os(CHILD)
        .expect("started by another test of this file")
        .into()
}

#[test]
fn what_is_no_ledger_is_named_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite3");
    assert!(matches!(SqliteLedger::open(&path), Err(OpenError::Missing { .. })));
    fs::write(&path, b"").unwrap();
    assert!(
        matches!(SqliteLedger::open(&path), Err(OpenError::NotALedger { .. })),
        "an emptied file is not a new ledger"
    );
    fs::write(
        &path,
        b"not a database at all, but long enough to look at. ".repeat(100),
    )
    .unwrap();
    assert!(matches!(SqliteLedger::open(&path), Err(OpenError::NotALedger { .. })));
    assert!(matches!(SqliteLedger::create(&path), Err(OpenError::Exists { .. })));
    fs::remove_file(&path).unwrap();
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE t (a)")
        .unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(SqliteLedger::open(&path), Err(OpenError::NotALedger { .. })));
    assert_eq!(
        fs::read(&path).unwrap(),
        before,
        "another program's database is left alone"
    );
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1, "no draft is left");
}

#[test]
fn a_newer_format_is_not_touched() {
    let (_folder, path) = filled(1);
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let error = SqliteLedger::open(&path).err().unwrap();
    assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error}");
    assert!(error.to_string().contains("newer version of Chancery"));
}

#[test]
fn a_corrupt_file_is_named_so_and_says_what_to_do() {
    let (_folder, path) = filled(200);
    let mut octets = fs::read(&path).unwrap();
    // Everything but the header: every page that is read is nonsense.
    octets[4096..].fill(0x5a);
    fs::write(&path, octets).unwrap();
    let outcome = match SqliteLedger::open(&path) {
        Err(error) => error.to_string(),
        Ok(ledger) => {
            let error = chancery_local::block_on(ledger.intents().reserve(intent(1000))).unwrap_err();
            assert!(matches!(error, LedgerError::Damaged { .. }), "{error}");
            error.to_string()
        }
    };
    assert!(
        outcome.contains("damaged") && outcome.contains("chancery restore"),
        "{outcome}"
    );
}

#[test]
fn the_check_finds_a_torn_page() {
    let (_folder, path) = filled(200);
    let mut octets = fs::read(&path).unwrap();
    let middle = octets.len() / 4096 / 2 * 4096;
    octets[middle..middle + 4096].fill(0);
    fs::write(&path, octets).unwrap();
    let found = SqliteLedger::open(&path).map(|ledger| chancery_local::block_on(ledger.check()));
    let sound = matches!(&found, Ok(Ok(problems)) if problems.is_empty());
    assert!(!sound, "{:?}", found.err());
}

#[test]
fn a_lock_held_for_long_is_told_and_passes() {
    let (_folder, path) = filled(1);
    let ledger = SqliteLedger::open(&path).unwrap();
    let holder = Connection::open(&path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = chancery_local::block_on(ledger.intents().reserve(intent(2))).unwrap_err();
    assert!(
        matches!(&error, LedgerError::Unavailable { detail } if detail.contains("locked by another process")),
        "{error}"
    );
    holder.execute_batch("ROLLBACK").unwrap();
    chancery_local::block_on(reserve(&ledger, &intent(2)));
}

#[test]
fn two_processes_share_a_ledger() {
    let (_folder, path) = filled(1);
    let ledger = SqliteLedger::open(&path).unwrap();
    let mut other = child("child_issues", &path).spawn().unwrap();
    let mut numbers = Vec::new();
    chancery_local::block_on(async {
        for number in 1001..=1100 {
            issue(&ledger, number).await;
            numbers.push(next_crl(&ledger).await.0);
        }
    });
    assert!(other.wait().unwrap().success());
    let counts = chancery_local::block_on(ledger.monitoring().counts()).unwrap();
    assert_eq!((counts.issued, counts.open_intents), (201, 0));
    assert!(numbers.is_sorted_by(|one, next| one < next));
    let (last, ..) = chancery_local::block_on(next_crl(&ledger));
    assert_eq!(last, 201, "200 numbers were given out, none twice");
    assert_eq!(chancery_local::block_on(ledger.check()).unwrap(), [""; 0]);
}

#[test]
#[ignore = "runs in a process of its own, started by two_processes_share_a_ledger"]
fn child_issues() {
    let ledger = SqliteLedger::open(childs_ledger()).unwrap();
    chancery_local::block_on(async {
        for number in 2001..=2100 {
            issue(&ledger, number).await;
            next_crl(&ledger).await;
        }
    });
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let (folder, path) = filled(1);
    let mut command = child("child_cannot_open", &path);
    // Root may write anywhere: the child is somebody else, whose right to execute this program root has arranged.
    let program = folder.path().join("program");
    if rustix::process::geteuid().is_root() {
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        command = Command::new(&program);
        command
            .args(["--exact", &full_name("child_cannot_open"), "--ignored", "--nocapture"])
            .env(CHILD, &path);
        command.uid(65_534).gid(65_534).current_dir("/");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let outcome = command.output().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stdout));
}

#[test]
#[ignore = "runs in a process of its own, started by a_folder_that_cannot_be_written_is_told"]
fn child_cannot_open() {
    let path = childs_ledger();
    let error = SqliteLedger::open(&path).err().unwrap();
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error:?}");
    let error = SqliteLedger::create(path.with_file_name("new.sqlite3")).err().unwrap();
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error:?}");
}

#[test]
fn a_full_disk_is_told_and_nothing_is_lost() {
    let (_folder, path) = filled(20);
    // 512-octet blocks; the shell ignores the signal that would end the child, as a full disk sends none.
    let script = format!(
        "trap '' XFSZ; ulimit -f 600; exec '{}' --exact {} --ignored --nocapture",
        std::env::current_exe().unwrap().display(),
        full_name("child_fills_the_disk")
    );
    let outcome = Command::new("sh")
        .args(["-c", &script])
        .env(CHILD, &path)
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&outcome.stdout).into_owned() + &String::from_utf8_lossy(&outcome.stderr);
    assert!(outcome.status.success(), "{output}");
    let acknowledged: u32 = output
        .split("acknowledged ")
        .nth(1)
        .and_then(|rest| rest.split('.').next())
        .unwrap()
        .parse()
        .unwrap();
    assert!(acknowledged > 0, "{output}");

    let ledger = SqliteLedger::open(&path).unwrap();
    chancery_local::block_on(async {
        for number in 1000..1000 + acknowledged {
            let found = ledger.certificates().get(None, intent(number).id.serial).await.unwrap();
            assert!(found.is_some(), "certificate {number} was acknowledged");
        }
        let counts = ledger.monitoring().counts().await.unwrap();
        assert_eq!(counts.issued, 20 + u64::from(acknowledged));
        assert_eq!(ledger.check().await.unwrap(), [""; 0]);
        issue(&ledger, 500).await;
    });
}

#[test]
#[ignore = "runs in a process of its own, started by a_full_disk_is_told_and_nothing_is_lost"]
fn child_fills_the_disk() {
    let ledger = SqliteLedger::open(childs_ledger()).unwrap();
    chancery_local::block_on(async {
        let mut number = 1000;
        let error = loop {
            let wanted = chancery_authority::port::ledger::CertificateIntent {
                tbs: vec![7; 1500],
                ..intent(number)
            };
            if let Err(error) = ledger.intents().reserve(wanted.clone()).await {
                break error;
            }
            if let Err(error) = ledger.intents().complete(completion(&wanted)).await {
                break error;
            }
            number += 1;
        };
        println!("acknowledged {}.", number - 1000);
        assert!(matches!(&error, LedgerError::Unavailable { .. }), "{error}");
        // It goes on failing clearly, and reads go on working.
        assert!(matches!(
            ledger.intents().reserve(intent(9_999)).await,
            Err(LedgerError::Unavailable { .. })
        ));
        assert!(
            ledger
                .certificates()
                .get(None, intent(1).id.serial)
                .await
                .unwrap()
                .is_some()
        );
    });
}
