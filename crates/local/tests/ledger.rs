//! The ledger on SQLite beyond the contract: what outlives the process, older formats, crowds.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use crate::support;

use std::collections::HashSet;
use std::sync::Arc;

use chancery_authority::port::ledger::{
    Cursor, IdempotencyToken, REVOKED_TOGETHER, Reach, Reservation, Revocation, Search, UnfinishedFamily,
};
use chancery_authority::port::{Ledger, LedgerError};
use chancery_local::block_on;
use chancery_local::ledger::SqliteLedger;
use chancery_x509::crl::RevocationReason;
use rusqlite::Connection;
use support::{NOW, ca_name, completion, fresh, intent, issue, next_crl, reopen, reserve, revoke};

#[tokio::test(flavor = "multi_thread")]
async fn everything_outlives_the_process() {
    let (_folder, ledger) = fresh();
    let record = issue(&ledger, 1).await;
    issue(&ledger, 2).await;
    revoke(&ledger, 2).await;
    let open = intent(3);
    reserve(&ledger, &open).await;
    let (number, ..) = next_crl(&ledger).await;
    let counts = ledger.monitoring().counts().await.unwrap();

    let ledger = reopen(ledger);
    assert_eq!(
        ledger.certificates().get(None, record.id.serial).await.unwrap(),
        Some(record)
    );
    assert_eq!(ledger.monitoring().counts().await.unwrap(), counts);
    let (next, entries, _) = next_crl(&ledger).await;
    assert_eq!((next, entries.len()), (number + 1, 1));
    ledger.intents().complete(completion(&open)).await.unwrap();
    assert_eq!(ledger.check().await.unwrap(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_closed_leaves_no_log() {
    let (folder, mut ledger) = fresh();
    for number in 1..=60 {
        let record = issue(&ledger, number).await;
        // Several connections that are closed at the same time.
        let read = || ledger.certificates().get(None, record.id.serial);
        let _ = tokio::join!(read(), read(), read(), read());
        drop(ledger);
        let log = folder.path().join("ledger.sqlite3-wal");
        assert!(!log.exists(), "after {number} times");
        ledger = SqliteLedger::open(folder.path().join("ledger.sqlite3")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_is_in_the_file_before_anybody_hears_of_it() {
    // A copy of the files at the moment of the answer is what a crash would leave.
    let (folder, ledger) = fresh();
    for number in 1..=20 {
        issue(&ledger, number).await;
    }
    let crashed = tempfile::tempdir().unwrap();
    for name in ["ledger.sqlite3", "ledger.sqlite3-wal"] {
        std::fs::copy(folder.path().join(name), crashed.path().join(name)).unwrap();
    }
    let after = SqliteLedger::open(crashed.path().join("ledger.sqlite3")).unwrap();
    assert_eq!(after.monitoring().counts().await.unwrap().issued, 20);
    assert!(
        after
            .certificates()
            .get(Some(&ca_name()), intent(20).id.serial)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_is_served_and_nothing_is_lost_or_doubled() {
    let (_folder, ledger) = fresh();
    let ledger = Arc::new(ledger);
    let tasks: Vec<_> = (0..64_u32)
        .map(|task| {
            let ledger = Arc::clone(&ledger);
            tokio::spawn(async move {
                for round in 0..10 {
                    // Every second one is wanted by two tasks: one of them gets it.
                    let number = if round % 2 == 0 {
                        1 + task * 10 + round
                    } else {
                        100_000 + task / 2 * 10 + round
                    };
                    let wanted = intent(number);
                    match ledger.intents().reserve(wanted.clone()).await {
                        Ok(Reservation::New) => {
                            ledger.intents().complete(completion(&wanted)).await.unwrap();
                        }
                        Err(LedgerError::SerialTaken(_) | LedgerError::KeyInUse { .. }) => {}
                        other => panic!("{other:?}"),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let counts = ledger.monitoring().counts().await.unwrap();
    assert_eq!((counts.issued, counts.open_intents), (64 * 5 + 32 * 5, 0));
    let mut serials = HashSet::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = ledger
            .certificates()
            .search(&Search::default(), after.as_ref(), 100)
            .await
            .unwrap();
        serials.extend(page.certificates.iter().map(|record| record.id.serial));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(serials.len() as u64, counts.issued);
    assert_eq!(ledger.check().await.unwrap(), [""; 0]);
}

#[test]
fn no_runtime_is_needed() {
    let (_folder, ledger) = fresh();
    block_on(async {
        issue(&ledger, 1).await;
        assert_eq!(ledger.monitoring().counts().await.unwrap().issued, 1);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_goes_away_leaves_a_whole_intent() {
    let (_folder, ledger) = fresh();
    let wanted = intent(1);
    drop(ledger.intents().reserve(wanted.clone()));
    {
        let mut reserving = ledger.intents().reserve(wanted.clone());
        // Polled once: it is under way, and now nobody waits for it.
        let waker = std::task::Waker::noop();
        let _ = reserving.as_mut().poll(&mut std::task::Context::from_waker(waker));
    }
    issue(&ledger, 2).await;
    assert_eq!(
        ledger.intents().complete(completion(&wanted)).await.unwrap().id,
        wanted.id
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_of_the_first_format_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite3");
    // As the first released format left it: its own SQL, and rows of every kind.
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../src/ledger/migrations/0001_ledger.sql"))
        .unwrap();
    old.execute_batch(include_str!("fixtures/format_1.sql")).unwrap();
    drop(old);

    let ledger = SqliteLedger::open(&path).unwrap();
    let record = ledger
        .certificates()
        .get(None, intent(1).id.serial)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.common_name, "host1.example.com");
    assert!(record.revocation.is_some());
    let open = ledger
        .intents()
        .list_open(None, NOW.plus_days(1), 10)
        .await
        .unwrap()
        .intents;
    assert_eq!((open.len(), open[0].has_token()), (1, true));
    let (number, entries, damaged) = next_crl(&ledger).await;
    assert_eq!((number, entries.len(), damaged.len()), (8, 1, 0));
    let uses = ledger.crls().uses().await.unwrap();
    assert!(!uses.is_empty(), "what was issued before is in use");
    assert!(
        uses.iter().all(|used| used.url.is_none()),
        "these certificates name no CRL: {uses:?}"
    );
    let again = chancery_authority::port::ledger::CertificateIntent {
        token: Some(IdempotencyToken("t".into())),
        ..intent(2)
    };
    assert!(matches!(
        ledger.intents().reserve(again).await.unwrap(),
        Reservation::Open(_)
    ));
    issue(&ledger, 3).await;
    assert_eq!(
        block_on(chancery_local::tokens::Tokens::new(&ledger).list()).unwrap(),
        []
    );
    assert_eq!(ledger.check().await.unwrap(), [""; 0]);
    drop(ledger);
    let version = |path: &std::path::Path| -> u32 {
        let ledger = Connection::open(path).unwrap();
        ledger
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap()
    };
    let (_folder, fresh) = fresh();
    assert_eq!(version(&path), version(fresh.path()));
}

/// Whoever revoked a family of more than a call takes is gone after the first: the ledger knows that there is more.
#[tokio::test(flavor = "multi_thread")]
async fn a_family_that_was_left_half_revoked_is_known_to_the_next_process() {
    let (_folder, ledger) = fresh();
    issue(&ledger, 1).await;
    let more = "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
         INSERT INTO certificates (issuer, serial, key, is_authority, common_name, profile, not_before, not_after, principal,
             notify_expiry, reserved_at, issued_at, receipt, der)
         SELECT issuer, unhex(printf('%040x', 4096 + n.i)), key, 0, common_name, profile, not_before, not_after, principal,
             0, reserved_at, issued_at, receipt, der FROM certificates, n WHERE id = 1";
    Connection::open(ledger.path()).unwrap().execute_batch(more).unwrap();
    let revocation = Revocation {
        at: NOW,
        reason: RevocationReason::KeyCompromise,
        invalidity_date: Some(NOW.plus_days(-1)),
        principal: "somebody".to_owned(),
    };
    let id = intent(1).id;
    let first = ledger
        .revocations()
        .revoke(&id.issuer, id.serial, revocation.clone(), Reach::Key)
        .await
        .unwrap();
    assert!(first.has_more && first.others.len() == REVOKED_TOGETHER);

    let ledger = reopen(ledger);
    let mut left = ledger
        .revocations()
        .unfinished_families(None, 10)
        .await
        .unwrap()
        .families;
    assert_eq!(left, [UnfinishedFamily { id, revocation }]);
    let UnfinishedFamily { id, revocation } = left.remove(0);
    let going_on = ledger
        .revocations()
        .revoke(&id.issuer, id.serial, revocation, Reach::Key);
    assert_eq!(going_on.await.unwrap().others.len(), 499);
    assert_eq!(
        ledger
            .revocations()
            .unfinished_families(None, 10)
            .await
            .unwrap()
            .families,
        []
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_cursors_are_refused() {
    let (_folder, ledger) = fresh();
    for cursor in ["", "x", "1.2.3", "99999999999999999999"] {
        let cursor = Cursor(cursor.into());
        assert!(
            ledger
                .certificates()
                .search(&Search::default(), Some(&cursor), 1)
                .await
                .is_err(),
            "{cursor:?}"
        );
        assert!(
            ledger.reminders().expiring(NOW, NOW, Some(&cursor), 1).await.is_err(),
            "{cursor:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_taken_while_others_write() {
    let (folder, ledger) = fresh();
    for number in 1..=50 {
        issue(&ledger, number).await;
    }
    let target = folder.path().join("copy.sqlite3");
    let copying = ledger.copy_to(&target, |_, _| ());
    let writing = async {
        for number in 51..=100 {
            issue(&ledger, number).await;
        }
    };
    let (copied, ()) = tokio::join!(copying, writing);
    copied.unwrap();
    let copy = SqliteLedger::open(&target).unwrap();
    let issued = copy.monitoring().counts().await.unwrap().issued;
    assert!((50..=100).contains(&issued), "{issued}");
    assert_eq!(copy.check().await.unwrap(), [""; 0]);
}
