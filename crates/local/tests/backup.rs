//! Backups of an authority, and what is restored from them.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use crate::support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chancery_authority::TokenScope;
use chancery_authority::port::Ledger;
use chancery_authority::port::ledger::CrlScope;
use chancery_local::backup::{self, BackupError, Restoring};
use chancery_local::folder::DataFolder;
use chancery_local::ledger::SqliteLedger;
use chancery_local::tokens::{NewToken, Tokens};
use chancery_local::world::SystemEntropy;
use chancery_x509::time::UnixTime;
use support::{NOW, ca_name, full, intent, issue, next_crl, reserve, revoke};
use tempfile::TempDir;

struct Fixture {
    base: TempDir,
    folder: DataFolder,
    ledger: SqliteLedger,
}

impl Fixture {
    async fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        let folder = DataFolder::create(base.path().join("data")).unwrap();
        let ledger = SqliteLedger::create(folder.ledger_file()).unwrap();
        folder.write_config("project = \"chancery\"\n").unwrap();
        folder.write_profile("own", "days = 1\n").unwrap();
        fs::write(folder.keys().join("a-ca.p8"), b"sealed").unwrap();
        fs::write(folder.public().join("a-ca.crl"), b"crl").unwrap();
        fs::write(folder.public().join(".lock"), b"").unwrap();
        fs::write(folder.server().join("key.pem"), b"the server's").unwrap();
        for number in 1..=5 {
            issue(&ledger, number).await;
        }
        revoke(&ledger, 5).await;
        Self { base, folder, ledger }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    fn back_up(&self, name: &str, now: UnixTime) -> Result<backup::Backup, BackupError> {
        backup::back_up(&self.folder, &self.path(name), None, now, &|_| ())
    }

    fn restore(&self, backup: &str, target: &str, now: UnixTime) -> Result<backup::Restored, BackupError> {
        backup::restore(&self.path(backup), &self.path(target), &unsigned(now), &|_| ())
    }
}

/// These authorities have no CA that could sign.
fn unsigned(now: UnixTime) -> Restoring<'static> {
    Restoring {
        roots: None,
        unsigned: true,
        crls: None,
        keep_tokens: false,
        now,
        approve: &|_| Ok(()),
        is_interrupted: &|| false,
    }
}

fn ledger_of(fixture: &Fixture, name: &str) -> SqliteLedger {
    SqliteLedger::open(fixture.path(name).join("ledger.sqlite3")).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_backed_up_is_restored() {
    let fixture = Fixture::new().await;
    let taken = fixture.back_up("backup", NOW).unwrap();
    assert_eq!((taken.files, taken.holds_passphrase), (5, false));
    assert_eq!(mode(&fixture.path("backup")), 0o700);
    assert_eq!(mode(&fixture.path("backup/keys/a-ca.p8")), 0o600);
    assert!(!fixture.path("backup/server").exists() && !fixture.path("backup/public/.lock").exists());
    backup::verify(&fixture.path("backup"), None, &|_| ()).unwrap();

    // The authority goes on, and then is lost.
    issue(&fixture.ledger, 6).await;
    let restored = fixture.restore("backup", "restored", NOW.plus_days(1)).unwrap();
    assert_eq!(restored.taken_at, NOW);

    let folder = DataFolder::open(fixture.path("restored")).unwrap();
    assert_eq!(mode(folder.path()), 0o700);
    assert_eq!(folder.config().unwrap().as_deref(), Some("project = \"chancery\"\n"));
    let profiles = folder.profile_texts().unwrap().into_iter();
    let profiles: Vec<_> = profiles.map(|profile| (profile.name, profile.text.unwrap())).collect();
    assert_eq!(profiles, [("own".into(), "days = 1\n".into())]);
    assert_eq!(fs::read(folder.keys().join("a-ca.p8")).unwrap(), b"sealed");
    assert_eq!(fs::read(folder.public().join("a-ca.crl")).unwrap(), b"crl");
    let ledger = SqliteLedger::open(folder.ledger_file()).unwrap();
    let counts = ledger.monitoring().counts().await.unwrap();
    assert_eq!((counts.issued, counts.revoked), (5, 1));
    assert_eq!(ledger.check().await.unwrap(), [""; 0]);
    let left: Vec<_> = fs::read_dir(fixture.base.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 3, "no draft is left: {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn crl_numbers_never_go_back_however_old_the_backup() {
    let fixture = Fixture::new().await;
    let (before, ..) = next_crl(&fixture.ledger).await;
    fixture.back_up("backup", NOW).unwrap();
    let mut last = before;
    for _ in 0..50 {
        last = next_crl(&fixture.ledger).await.0;
    }
    fixture.restore("backup", "restored", NOW.plus_days(1)).unwrap();
    let ledger = SqliteLedger::open(fixture.path("restored/ledger.sqlite3")).unwrap();
    let (first, ..) = next_crl(&ledger).await;
    let (second, ..) = next_crl(&ledger).await;
    assert!(first > last, "{first} after {last}");
    assert_eq!(second, first + 1);
    // A scope that the backup does not know may have published, too.
    let shard = CrlScope {
        shard: Some(3),
        ..full()
    };
    assert!(ledger.crls().reserve(&shard, support::ALL).await.unwrap().number > last);
    drop(ledger);

    // A burst of CRLs, and a restore of the older backup a moment later.
    let mut burst = second;
    for _ in 0..50 {
        burst = next_crl(&ledger_of(&fixture, "restored")).await.0;
    }
    let a_second_later = NOW.plus_days(1).plus_seconds(1);
    fixture.restore("backup", "restored-twice", a_second_later).unwrap();
    let twice = next_crl(&ledger_of(&fixture, "restored-twice")).await.0;
    assert!(twice > burst, "{twice} after {burst}");

    // Again, with a clock that was set back.
    let again = DataFolder::open(fixture.path("restored")).unwrap();
    backup::back_up(&again, &fixture.path("second"), None, NOW.plus_days(2), &|_| ()).unwrap();
    fixture
        .restore("second", "restored-again", NOW.plus_days(-400))
        .unwrap();
    let ledger = SqliteLedger::open(fixture.path("restored-again/ledger.sqlite3")).unwrap();
    assert!(next_crl(&ledger).await.0 > burst);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_taken_during_a_burst_is_consistent() {
    let fixture = Fixture::new().await;
    let ledger = fixture.ledger.clone();
    let burst = tokio::spawn(async move {
        for number in 100..300 {
            issue(&ledger, number).await;
            revoke(&ledger, number).await;
        }
    });
    let (folder, target) = (fixture.folder.clone(), fixture.path("backup"));
    let taking = tokio::task::spawn_blocking(move || backup::back_up(&folder, &target, None, NOW, &|_| ()));
    taking.await.unwrap().unwrap();
    burst.await.unwrap();
    fixture.restore("backup", "restored", NOW).unwrap();
    let ledger = SqliteLedger::open(fixture.path("restored/ledger.sqlite3")).unwrap();
    let counts = ledger.monitoring().counts().await.unwrap();
    assert!((counts.issued - 5).abs_diff(counts.revoked - 1) <= 1, "{counts:?}");
    assert_eq!(next_crl(&ledger).await.1.len() as u64, counts.revoked);
    assert!(
        ledger
            .certificates()
            .get(Some(&ca_name()), intent(1).id.serial)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_generated_passphrase_is_told_of() {
    let fixture = Fixture::new().await;
    fs::write(
        fixture
            .folder
            .keys()
            .join(chancery_local::keys::passphrase::STORED_FILE),
        b"secret",
    )
    .unwrap();
    assert!(fixture.back_up("backup", NOW).unwrap().holds_passphrase);
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_backups_are_refused_and_leave_nothing() {
    let fixture = Fixture::new().await;
    fixture.back_up("backup", NOW).unwrap();
    let refused = |sentence: &str| {
        let error = fixture.restore("backup", "restored", NOW).unwrap_err();
        assert!(error.to_string().contains(sentence), "{error}");
        assert!(!fixture.path("restored").exists(), "{sentence}");
        error
    };
    let key = fixture.path("backup/keys/a-ca.p8");
    fs::write(&key, b"SEALED").unwrap();
    assert!(matches!(
        refused("keys/a-ca.p8 was changed"),
        BackupError::Altered { .. }
    ));
    assert!(matches!(
        backup::verify(&fixture.path("backup"), None, &|_| ()),
        Err(BackupError::Altered { file }) if file == "keys/a-ca.p8"
    ));
    assert!(!fixture.path("backup/ledger.sqlite3-wal").exists() && !fixture.path("backup/ledger.sqlite3-shm").exists());
    fs::remove_file(&key).unwrap();
    assert!(matches!(refused("has lost keys/a-ca.p8"), BackupError::Lost { .. }));
    fs::write(&key, b"sealed").unwrap();

    let manifest = fixture.path("backup/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    for (from, to, sentence) in [
        ("keys/a-ca.p8", "keys/../../a-ca.p8", "is no file of a data folder"),
        ("\"format\": 1", "\"format\": 9", "newer version"),
        ("{", "", "damaged"),
    ] {
        assert!(text.contains(from));
        fs::write(&manifest, text.replacen(from, to, 1)).unwrap();
        refused(sentence);
    }
    fs::remove_file(&manifest).unwrap();
    refused("no complete backup");
    fs::write(&manifest, text).unwrap();
    fixture.restore("backup", "restored", NOW).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_plain_file_in_a_backup_is_neither_followed_nor_waited_for() {
    let fixture = Fixture::new().await;
    fixture.back_up("backup", NOW).unwrap();
    for name in ["chancery.toml", "ledger.sqlite3", "keys/a-ca.p8", "manifest.json"] {
        let file = fixture.path(&format!("backup/{name}"));
        let kept = fixture.path("kept");
        fs::rename(&file, &kept).unwrap();
        let refused = |what: &str| {
            let refusals = [
                fixture.restore("backup", "restored", NOW).unwrap_err(),
                backup::verify(&fixture.path("backup"), None, &|_| ()).unwrap_err(),
            ];
            for error in refusals {
                assert!(
                    matches!(&error, BackupError::NotPlain { file } if file == name),
                    "{name} as {what}: {error}"
                );
            }
            assert!(!fixture.path("restored").exists());
            fs::remove_file(&file).unwrap();
        };
        std::os::unix::fs::symlink("/dev/zero", &file).unwrap();
        refused("a link to what never ends");
        std::os::unix::fs::symlink(&kept, &file).unwrap();
        refused("a link to a file");
        rustix::fs::mkfifoat(rustix::fs::CWD, &file, rustix::fs::Mode::RWXU).unwrap();
        refused("a pipe");
        fs::rename(&kept, &file).unwrap();
    }
    // A file that is longer than the manifest says is not read: this one would take hours.
    let key = fs::File::options()
        .write(true)
        .open(fixture.path("backup/keys/a-ca.p8"))
        .unwrap();
    key.set_len(1 << 40).unwrap();
    let error = fixture.restore("backup", "restored", NOW).unwrap_err();
    assert!(matches!(error, BackupError::Altered { .. }), "{error}");
    key.set_len(6).unwrap();
    let manifest = fs::File::options()
        .write(true)
        .open(fixture.path("backup/manifest.json"))
        .unwrap();
    manifest.set_len(1 << 40).unwrap();
    let error = fixture.restore("backup", "restored", NOW).unwrap_err();
    assert!(error.to_string().contains("longer than"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_restore_leaves_nothing_and_removes_what_one_before_left() {
    let fixture = Fixture::new().await;
    fixture.back_up("backup", NOW).unwrap();
    let mut files: Vec<_> = fs::read_dir(fixture.path("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    files.sort();
    // Interrupted at every point at which it asks.
    let (mut points, mut restored) = (0, None);
    while restored.is_none() {
        let asked = std::cell::Cell::new(0);
        let is_interrupted = || asked.replace(asked.get() + 1) == points;
        let restoring = Restoring {
            is_interrupted: &is_interrupted,
            ..unsigned(NOW)
        };
        match backup::restore(&fixture.path("backup"), &fixture.path("restored"), &restoring, &|_| ()) {
            Ok(done) => restored = Some(done),
            Err(error) => {
                assert!(matches!(error, BackupError::Interrupted), "{error}");
                let mut left: Vec<_> = fs::read_dir(fixture.path("."))
                    .unwrap()
                    .map(|entry| entry.unwrap().file_name())
                    .collect();
                left.sort();
                assert_eq!(left, files);
            }
        }
        points += 1;
    }
    assert!(points > 5, "{points}");
    assert_eq!(restored.unwrap().removed, Vec::<PathBuf>::new());

    // One that was killed could remove nothing.
    let abandoned = fixture.path(".chancery-restore-killed");
    fs::create_dir_all(abandoned.join("keys")).unwrap();
    fs::write(abandoned.join("keys/passphrase"), b"secret").unwrap();
    assert_eq!(backup::begun_restores(&fixture.path(".")).len(), 1);
    let restored = fixture.restore("backup", "again", NOW).unwrap();
    assert_eq!(restored.removed.len(), 1);
    assert_eq!(restored.left, Vec::<PathBuf>::new());
    assert!(!abandoned.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_was_unsound_when_it_was_copied_is_noticed() {
    let fixture = Fixture::new().await;
    fixture.back_up("backup", NOW).unwrap();
    let ledger = fixture.path("backup/ledger.sqlite3");
    let sha256 = |file: &Path| {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &fs::read(file).unwrap());
        data_encoding::HEXLOWER.encode(digest.as_ref())
    };
    let before = sha256(&ledger);
    let connection = rusqlite::Connection::open(&ledger).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = delete; PRAGMA foreign_keys = off; DELETE FROM issuers")
        .unwrap();
    drop(connection);
    let manifest = fixture.path("backup/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    assert!(text.contains(&before));
    fs::write(&manifest, text.replace(&before, &sha256(&ledger))).unwrap();
    for error in [
        backup::verify(&fixture.path("backup"), None, &|_| ()).unwrap_err(),
        fixture.restore("backup", "restored", NOW).unwrap_err(),
    ] {
        assert!(matches!(error, BackupError::DamagedLedger { .. }), "{error}");
    }
}

/// Whoever takes a row out by hand, as the sweeper says, leaves the counts as they were.
#[tokio::test(flavor = "multi_thread")]
async fn counts_that_differ_from_the_rows_are_told_and_made_anew() {
    let fixture = Fixture::new().await;
    let sound = fixture.back_up("sound", NOW).unwrap();
    assert_eq!((sound.damage.len(), sound.differing_counts), (0, None));
    reserve(&fixture.ledger, &intent(6)).await;
    let connection = rusqlite::Connection::open(fixture.folder.ledger_file()).unwrap();
    connection
        .execute_batch("UPDATE certificates SET key = x'00' WHERE id = 6; DELETE FROM certificates WHERE id = 6")
        .unwrap();
    assert_eq!(fixture.ledger.monitoring().counts().await.unwrap().open_intents, 1);
    let taken = fixture.back_up("backup", NOW).unwrap();
    assert!(taken.differing_counts.unwrap().contains("open intents by -1"));
    assert_eq!(taken.damage, [""; 0]);
    let verified = backup::verify(&fixture.path("backup"), None, &|_| ()).unwrap();
    assert!(verified.differing_counts.is_some());
    let restored = fixture.restore("backup", "restored", NOW).unwrap();
    assert!(restored.recounted.unwrap().contains("open intents by -1"));
    let ledger = ledger_of(&fixture, "restored");
    let counts = ledger.monitoring().counts().await.unwrap();
    assert_eq!((counts.issued, counts.revoked, counts.open_intents), (5, 1, 0));
    assert_eq!(ledger.check().await.unwrap(), [""; 0]);
}

/// Damage that no restore takes is told by the backup, and not when it is needed.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_damaged_ledger_says_so() {
    let fixture = Fixture::new().await;
    let connection = rusqlite::Connection::open(fixture.folder.ledger_file()).unwrap();
    connection
        .execute_batch("PRAGMA foreign_keys = off; DELETE FROM issuers")
        .unwrap();
    let taken = fixture.back_up("backup", NOW).unwrap();
    assert!(!taken.damage.is_empty());
    assert!(matches!(
        fixture.restore("backup", "restored", NOW),
        Err(BackupError::DamagedLedger { problems }) if problems == taken.damage
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_overwritten() {
    let fixture = Fixture::new().await;
    let full = fixture.path("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("mine"), b"").unwrap();
    assert!(matches!(
        fixture.back_up("full", NOW),
        Err(BackupError::NotEmpty { .. })
    ));
    fixture.back_up("backup", NOW).unwrap();
    for target in ["full", "data"] {
        assert!(
            matches!(
                fixture.restore("backup", target, NOW),
                Err(BackupError::NotEmpty { .. })
            ),
            "{target}"
        );
    }
    assert!(full.join("mine").exists());
    fs::create_dir(fixture.path("empty")).unwrap();
    fixture.restore("backup", "empty", NOW).unwrap();
    assert!(matches!(
        fixture.restore("data/public", "other", NOW),
        Err(BackupError::NoManifest { .. })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_fails_leaves_an_empty_folder() {
    let fixture = Fixture::new().await;
    fs::remove_file(fixture.folder.ledger_file()).unwrap();
    fixture.back_up("backup", NOW).unwrap_err();
    assert_eq!(fs::read_dir(fixture.path("backup")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_without_signature_is_restored_only_where_that_is_said() {
    let fixture = Fixture::new().await;
    fixture.back_up("backup", NOW).unwrap();
    let refused = |restoring: Restoring<'_>| {
        let error =
            backup::restore(&fixture.path("backup"), &fixture.path("restored"), &restoring, &|_| ()).unwrap_err();
        assert!(!fixture.path("restored").exists(), "{error}");
        error
    };
    let without_root = refused(Restoring {
        unsigned: false,
        ..unsigned(NOW)
    });
    assert!(matches!(without_root, BackupError::NoRoot), "{without_root}");
    let not_approved = refused(Restoring {
        approve: &|draft| {
            assert!(draft.join("chancery.toml").is_file());
            Err("no".to_owned())
        },
        ..unsigned(NOW)
    });
    assert!(
        matches!(not_approved, BackupError::NotApproved { .. }),
        "{not_approved}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_in_a_backup_s_ledger_is_refused() {
    let fixture = Fixture::new().await;
    fixture.back_up("backup", NOW).unwrap();
    let ledger = fixture.path("backup/ledger.sqlite3");
    let hex = |file: &Path| {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &fs::read(file).unwrap());
        data_encoding::HEXLOWER.encode(digest.as_ref())
    };
    let (before, size) = (hex(&ledger), fs::metadata(&ledger).unwrap().len());
    let connection = rusqlite::Connection::open(&ledger).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = delete;
             CREATE TRIGGER forget AFTER INSERT ON revocations BEGIN DELETE FROM revocations WHERE serial = new.serial; END",
        )
        .unwrap();
    drop(connection);
    let manifest = fixture.path("backup/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let text = text.replace(&before, &hex(&ledger));
    let size_now = fs::metadata(&ledger).unwrap().len();
    fs::write(
        &manifest,
        text.replacen(&format!("\"size\": {size},"), &format!("\"size\": {size_now},"), 1),
    )
    .unwrap();
    let refused = fixture.restore("backup", "restored", NOW).unwrap_err();
    assert!(
        matches!(&refused, BackupError::ForeignSchema { names } if names[..] == ["trigger forget"]),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_end_with_a_restore_unless_they_are_to_go_on() {
    let fixture = Fixture::new().await;
    let new = NewToken {
        name: "ci".into(),
        scopes: [TokenScope::Issue].into_iter().collect(),
        expires_at: None,
    };
    let tokens = Tokens::new(&fixture.ledger);
    let (record, secret) = tokens.create(new, &SystemEntropy, NOW).await.unwrap();
    fixture.back_up("backup", NOW).unwrap();
    for (target, keep_tokens) in [("ended", false), ("kept", true)] {
        let restoring = Restoring {
            keep_tokens,
            ..unsigned(NOW)
        };
        let restored = backup::restore(&fixture.path("backup"), &fixture.path(target), &restoring, &|_| ()).unwrap();
        assert_eq!(restored.tokens.len(), 1);
        assert_eq!(
            (&restored.tokens[0].id, restored.tokens_kept),
            (&record.id, keep_tokens)
        );
        let ledger = SqliteLedger::open(fixture.path(target).join("ledger.sqlite3")).unwrap();
        let verified = Tokens::new(&ledger).verify(secret.expose(), NOW.plus_seconds(1)).await;
        assert_eq!(verified.unwrap().is_some(), keep_tokens, "{target}");
    }
}

/// A folder that is mounted for reading alone, with and without the log that a crash left.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_only_read_is_as_it_was_and_refuses_to_be_written() {
    let fixture = Fixture::new().await;
    fixture.back_up("backup", NOW).unwrap();
    let ledger = SqliteLedger::open_to_read(fixture.path("backup/ledger.sqlite3")).unwrap();
    assert_eq!(ledger.monitoring().counts().await.unwrap().issued, 5);
    let refused = ledger.intents().reserve(intent(9)).await.unwrap_err();
    assert!(refused.to_string().contains("mount it writable"), "{refused}");
    drop(ledger);
    // Beside a process that writes, what stands in the log is seen, too.
    issue(&fixture.ledger, 6).await;
    let beside = SqliteLedger::open_to_read(fixture.folder.ledger_file()).unwrap();
    assert_eq!(beside.monitoring().counts().await.unwrap().issued, 6);
}
