use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::mpsc;

use chancery_authority::port::ledger::{
    Completion, CrlIntent, CrlPlan, CrlRecord, CrlScope, Ledger as _, Reach, Revocation, crl_state,
};
use chancery_authority::port::{ETag, Receipt};
use chancery_x509::crl::RevocationReason;
use chancery_x509::time::UnixTime;

use super::*;
use crate::block_on;
use crate::ledger::SqliteLedger;
use crate::ledger::fault::damaged;

fn fresh() -> (tempfile::TempDir, SqliteLedger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::create(folder.path().join("ledger.sqlite3")).unwrap();
    (folder, ledger)
}

fn ca_name(text: &str) -> CaName {
    CaName::new(text).unwrap()
}

/// Keeps the writer busy until the answer is dropped, so that operations sent meanwhile become one group.
fn hold(ledger: &SqliteLedger) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    drop(ledger.write(move |_| {
        let _ = begun.send(());
        let _ = held.recv();
        Ok(())
    }));
    begins.recv().unwrap();
    release
}

fn issuers(ledger: &SqliteLedger) -> Vec<String> {
    let read = ledger.read(|connection| {
        let mut statement = connection.prepare("SELECT slug FROM issuers ORDER BY slug")?;
        let ca_names = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(ca_names)
    });
    block_on(read).unwrap()
}

#[test]
fn that_nothing_can_be_written_is_known_until_something_can() {
    let (folder, ledger) = fresh();
    let insert = |name: &'static str| block_on(ledger.write(move |writing| writing.issuer(&ca_name(name))));
    insert("one").unwrap();
    assert_eq!(ledger.monitoring().write_failure(), None);
    // Another process holds the lock for longer than is waited for it.
    let other = Connection::open(folder.path().join("ledger.sqlite3")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = insert("two").unwrap_err();
    assert_eq!(ledger.monitoring().write_failure(), Some(refused));
    // A refusal writes nothing, so it does not clear the failure; and the writer probes without another request.
    other.execute_batch("ROLLBACK").unwrap();
    let begun = std::time::Instant::now();
    while ledger.monitoring().write_failure().is_some() {
        assert!(begun.elapsed() < 10 * RETRY, "it is not tried again");
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(issuers(&ledger), ["one"]);
    assert_eq!(block_on(ledger.monitoring().counts()).unwrap().issued, 0);
    block_on(ledger.write(|_| Err::<(), _>(damaged("on purpose")))).unwrap_err();
    assert_eq!(ledger.monitoring().write_failure(), None, "others can write");
}

#[test]
fn when_the_oldest_change_was_made_that_no_crl_covers_is_known() {
    let (_folder, ledger) = fresh();
    let scope = CrlScope {
        issuer: ca_name("a-ca"),
        shard: None,
    };
    let issuer = block_on(ledger.write(|writing| writing.issuer(&ca_name("a-ca")))).unwrap();
    let changed_at = || block_on(crl_state(ledger.crls(), &scope)).unwrap().changed_at;
    let change = || {
        block_on(ledger.write(move |writing| super::super::crls::mark_change(writing.connection, issuer, -1))).unwrap();
    };
    let set = |at: i64| {
        block_on(ledger.write(move |writing| {
            writing
                .connection
                .execute("UPDATE crl_changes SET changed_at = ?1", [at])?;
            Ok(())
        }))
        .unwrap();
    };
    let publish = |number: u64, made_at: UnixTime| {
        let state = block_on(crl_state(ledger.crls(), &scope)).unwrap();
        block_on(ledger.crls().intend(
            CrlIntent {
                scope: scope.clone(),
                number,
                signing_input: vec![1],
                at: made_at,
            },
            chancery_testing::suite::attempt_origin(1),
        ))
        .unwrap();
        block_on(ledger.crls().complete(
            CrlRecord {
                scope: scope.clone(),
                number,
                made_at,
                this_update: made_at,
                next_update: made_at.plus_days(7),
                entries: 0,
                digest: [0; 32],
                receipt: Receipt(String::new()),
                mark: Some(state.mark),
                published: None,
            },
            chancery_testing::suite::attempt_position(1, UnixTime(1)),
        ))
        .unwrap();
    };
    let published = |number: u64| block_on(ledger.crls().mark_published(&scope, number, ETag("1".into()))).unwrap();

    assert_eq!(changed_at(), None);
    change();
    assert!(changed_at().is_some());
    set(1_000);
    change();
    assert_eq!(changed_at(), Some(UnixTime(1_000)), "the oldest counts");
    publish(1, UnixTime(2_000));
    assert_eq!(
        changed_at(),
        Some(UnixTime(1_000)),
        "a signed CRL is not a published one"
    );
    published(1);
    assert_eq!(changed_at(), None);
    // One that was revoked while a CRL was made is not on it.
    publish(2, UnixTime(3_000));
    change();
    published(2);
    assert!(changed_at().is_some_and(|at| at >= UnixTime(3_000)));
    change();
    set(2_900);
    published(2);
    assert_eq!(changed_at(), Some(UnixTime(3_000)));
}

#[test]
fn an_operation_that_fails_half_way_leaves_nothing_and_hurts_nobody() {
    let (_folder, ledger) = fresh();
    let release = hold(&ledger);
    let one = ledger.write(|writing| writing.issuer(&ca_name("one")));
    let half = ledger.write(|writing| {
        writing.issuer(&ca_name("half"))?;
        Err::<(), _>(damaged("broken on purpose"))
    });
    let other = ledger.write(|writing| writing.issuer(&ca_name("other")));
    drop(release);
    assert!(block_on(one).is_ok() && block_on(other).is_ok());
    assert!(matches!(block_on(half), Err(LedgerError::Damaged { detail }) if detail == "broken on purpose"));
    assert_eq!(issuers(&ledger), ["one", "other"]);
    // What was rolled back is not remembered either.
    assert_eq!(
        block_on(ledger.write(|writing| writing.known_issuer(&ca_name("half")))),
        Ok(None)
    );
}

#[test]
fn a_refusal_that_wrote_nothing_shares_the_commit_of_the_others() {
    let (_folder, ledger) = fresh();
    let release = hold(&ledger);
    let (runs, ran) = mpsc::channel();
    let counted = ledger.write(move |writing| {
        let _ = runs.send(());
        writing.issuer(&ca_name("one"))
    });
    let refused = ledger.write(|_| Err::<(), _>(Fault::from(LedgerError::TokenReused)));
    drop(release);
    assert!(block_on(counted).is_ok());
    assert_eq!(block_on(refused), Err(LedgerError::TokenReused));
    assert_eq!(ran.try_iter().count(), 1, "nothing was done twice");
}

#[test]
fn a_crl_covers_no_change_of_its_own_group_that_its_view_does_not_list() {
    const NOW: UnixTime = UnixTime(1_795_464_000);
    let (_folder, ledger) = fresh();
    let intent = chancery_testing::suite::intent(1);
    block_on(ledger.intents().reserve(intent.clone())).unwrap();
    let completion = Completion {
        id: intent.id.clone(),
        certificate: vec![0x30],
        attempt: None,
        receipt: Receipt(String::new()),
        at: NOW,
    };
    block_on(ledger.intents().complete(completion)).unwrap();
    let scope = CrlScope {
        issuer: intent.id.issuer.clone(),
        shard: intent.shard,
    };
    let plan = CrlPlan {
        at: NOW,
        expired_before: None,
        above: 0,
        at_most: u64::MAX,
    };
    let revocation = Revocation {
        at: NOW,
        reason: RevocationReason::Superseded,
        invalidity_date: None,
        principal: String::new(),
    };
    let release = hold(&ledger);
    let (of_revoker, id) = (ledger.clone(), intent.id.clone());
    // Both wait for the held writer; the revocation was sent first, and both become one group.
    let revoking = thread::spawn(move || {
        block_on(
            of_revoker
                .revocations()
                .revoke(&id.issuer, id.serial, revocation, Reach::Key),
        )
    });
    thread::sleep(Duration::from_millis(200));
    let (maker, of) = (ledger.clone(), scope.clone());
    let making = thread::spawn(move || block_on(maker.crls().reserve(&of, plan)));
    thread::sleep(Duration::from_millis(400));
    drop(release);
    revoking.join().unwrap().unwrap();
    let made = making.join().unwrap().unwrap();
    let covers = made.mark == block_on(crl_state(ledger.crls(), &scope)).unwrap().mark;
    assert_eq!(
        covers,
        made.revocations.entries() == 1,
        "a revocation is covered exactly where it is listed"
    );
}

#[test]
fn a_group_that_cannot_be_committed_changes_nothing() {
    let (_folder, ledger) = fresh();
    let release = hold(&ledger);
    // A reference that is checked at the end only: it is COMMIT that fails.
    let deferred = ledger.write(|writing| {
        writing
            .connection
            .execute_batch("PRAGMA defer_foreign_keys = ON; INSERT INTO reminders VALUES (99, 1)")?;
        Ok(())
    });
    let other = ledger.write(|writing| writing.issuer(&ca_name("other")));
    drop(release);
    assert!(matches!(block_on(deferred), Err(LedgerError::Unavailable { .. })));
    assert!(matches!(block_on(other), Err(LedgerError::Unavailable { .. })));
    assert_eq!(issuers(&ledger), [""; 0]);
    assert!(block_on(ledger.write(|writing| writing.issuer(&ca_name("later")))).is_ok());
}

#[test]
fn a_ledger_without_room_says_so_and_goes_on_when_there_is_some() {
    let (_folder, ledger) = fresh();
    let limit = |pages: u32| {
        block_on(ledger.write(move |writing| {
            Ok(writing
                .connection
                .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?)
        }))
        .unwrap();
    };
    let fill = || {
        block_on(ledger.write(|writing| {
            let sql =
                "INSERT INTO rejections (at, principal, code, reason) VALUES (1, 'p', 'c', hex(zeroblob(100000)))";
            writing.connection.execute(sql, [])?;
            writing.count(|counts| counts.rejected += 1);
            Ok(())
        }))
    };
    limit(1);
    let error = fill().unwrap_err();
    assert!(
        matches!(&error, LedgerError::Unavailable { detail } if detail.contains("no space left")),
        "{error}"
    );
    limit(100_000);
    fill().unwrap();
    assert_eq!(
        block_on(ledger.read(crate::ledger::monitoring::counts))
            .unwrap()
            .rejected,
        1
    );
}

#[test]
fn the_log_starts_over_while_somebody_writes_all_the_time() {
    let (_folder, ledger) = fresh();
    let log = schema::companions(ledger.path())[0].clone();
    // "Checkpoint sequence number" of the log's header, one higher each time that the log starts over.
    let sequence = || {
        let mut number = [0; 4];
        File::open(&log).unwrap().read_exact_at(&mut number, 12).unwrap();
        u32::from_be_bytes(number)
    };
    block_on(ledger.write(|writing| writing.issuer(&ca_name("one")))).unwrap();
    let first = sequence();
    for _ in 0..100 {
        // A page each, as fast as the thread takes them.
        let write = |_| {
            ledger.write(|writing| {
                let sql =
                    "INSERT INTO rejections (at, principal, code, reason) VALUES (1, 'p', 'c', hex(zeroblob(2000)))";
                writing.connection.prepare_cached(sql)?.execute([])?;
                Ok(())
            })
        };
        let writes: Vec<_> = (0..1024).map(write).collect();
        for write in writes {
            block_on(write).unwrap();
        }
        if sequence() != first {
            return;
        }
    }
    panic!("the log only grew: {} octets", std::fs::metadata(log).unwrap().len());
}
