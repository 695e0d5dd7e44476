//! The ledger on SQLite beyond the contract: what outlives the process, older formats, damage, crowds.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use crate::support;

use std::collections::HashSet;
use std::sync::Arc;

use chancery_authority::CaName;
use chancery_authority::port::ledger::{
    CRLS_KEPT, CrlIntent, CrlRecord, CrlScope, Cursor, IdempotencyToken, Kind, REJECTIONS_KEPT, REVOKED_TOGETHER,
    Reach, Rejection, Reservation, Revocation, Search, UnfinishedFamily, crl_state,
};
use chancery_authority::port::{ETag, KeyName, Ledger, LedgerError, Receipt};
use chancery_local::block_on;
use chancery_local::ledger::SqliteLedger;
use chancery_x509::crl::RevocationReason;
use chancery_x509::time::UnixTime;
use rusqlite::Connection;
use support::{NOW, ca_name, completion, intent, issue, next_crl, reserve, revoke};
use tempfile::TempDir;

fn fresh() -> (TempDir, SqliteLedger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::create(folder.path().join("ledger.sqlite3")).unwrap();
    (folder, ledger)
}

fn reopen(ledger: SqliteLedger) -> SqliteLedger {
    let path = ledger.path().to_owned();
    drop(ledger);
    SqliteLedger::open(path).unwrap()
}

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

/// Families that cannot be finished, and notes that cannot be read, keep nobody from the others.
#[tokio::test(flavor = "multi_thread")]
async fn unfinished_families_are_listed_one_after_another_whatever_stands_between() {
    let (_folder, ledger) = fresh();
    for number in 1..=5 {
        issue(&ledger, number).await;
    }
    // The third has a reason that none is; the fifth was revoked first.
    let note = "INSERT INTO unfinished_families (key, certificate, revoked_at, reason, principal)
         SELECT key, id, CASE id WHEN 5 THEN 1000 ELSE 2000 END, CASE id WHEN 3 THEN 77 ELSE 1 END, 'somebody'
         FROM certificates";
    // Of each one's key a certificate is revoked for it, but not of the fourth's.
    for number in [1, 2, 3, 5] {
        let revocation = Revocation {
            at: NOW,
            reason: RevocationReason::KeyCompromise,
            invalidity_date: None,
            principal: "local:test".into(),
        };
        let (ca_name, serial) = (ca_name(), intent(number).id.serial);
        let revoked = ledger
            .revocations()
            .revoke(&ca_name, serial, revocation, Reach::Key)
            .await;
        revoked.unwrap();
    }
    Connection::open(ledger.path()).unwrap().execute_batch(note).unwrap();
    let mut unconfirmed = Vec::new();
    let (mut found, mut unreadable, mut after) = (Vec::new(), Vec::new(), None);
    for _ in 0..4 {
        let step = ledger.revocations().unfinished_families(after, 1).await.unwrap();
        found.extend(step.families.into_iter().map(|family| family.id));
        unreadable.extend(step.unreadable);
        unconfirmed.extend(step.unconfirmed);
        after = step.next;
    }
    assert_eq!(after, None, "there are no more");
    assert_eq!(found, [5, 1, 2].map(|number| intent(number).id));
    assert_eq!(unconfirmed, [intent(4).id], "somebody else wrote that");
    assert!(
        unreadable.iter().any(|what| what.contains("77 is no reason")),
        "{unreadable:?}"
    );
}

/// Whoever takes a CA's row out of the file takes its revocation with it: nothing is reserved under it any more.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_reserved_under_a_ca_whose_row_is_gone() {
    let (_folder, ledger) = fresh();
    let root = CaName::new("root-ca").unwrap();
    for (number, name, parent) in [(1, root.clone(), None), (2, ca_name(), Some(root.clone()))] {
        let mut intent = intent(number);
        intent.id.issuer = root.clone();
        let key = KeyName(format!("key of {name}"));
        intent.kind = Kind::Authority {
            ca_name: name,
            parent,
            key,
        };
        reserve(&ledger, &intent).await;
        ledger.intents().complete(completion(&intent)).await.unwrap();
    }
    reserve(&ledger, &intent(3)).await;
    for (number, ca) in [(2, ca_name()), (1, root)] {
        let file = Connection::open(ledger.path()).unwrap();
        file.execute_batch("PRAGMA foreign_keys = OFF; CREATE TEMP TABLE kept AS SELECT * FROM certificates")
            .unwrap();
        let serial = intent(number).id.serial;
        let gone = file.execute("DELETE FROM certificates WHERE serial = ?1", [serial.as_padded()]);
        assert_eq!(gone.unwrap(), 1);
        let outcome = ledger.intents().reserve(intent(number + 10)).await;
        assert_eq!(outcome.err(), Some(LedgerError::no_record_of_ca(&ca)));
        file.execute_batch("INSERT OR IGNORE INTO certificates SELECT * FROM kept")
            .unwrap();
        reserve(&ledger, &intent(number + 20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_revocations_are_reported_and_stop_nothing() {
    let (_folder, ledger) = fresh();
    for number in 1..=8 {
        issue(&ledger, number).await;
        revoke(&ledger, number).await;
    }
    let damage = Connection::open(ledger.path()).unwrap();
    for (certificate, change) in [
        (2, "serial = x'0102'"),
        (3, "reason = 7"),
        (4, "revoked_at = 9223372036854775807"),
        (5, "serial = zeroblob(20)"),
        (6, "invalidity_date = -9223372036854775807"),
        // Not damage, but another length of the entry: the totals must follow.
        (7, "reason = 0, invalidity_date = 4102444800"),
    ] {
        let sql = format!("UPDATE revocations SET {change} WHERE certificate = {certificate}");
        assert_eq!(damage.execute(&sql, []).unwrap(), 1);
    }
    let (_, entries, damaged) = next_crl(&ledger).await;
    let serials: Vec<_> = entries.iter().map(|entry| entry.serial).collect();
    let mut wanted: Vec<_> = (1..=8).map(|number| intent(number).id.serial).collect();
    wanted.sort_unstable();
    assert_eq!(
        serials, wanted,
        "whatever is wrong with it, a revocation is a revocation; ordered all the same"
    );
    let of = |number: u32| {
        entries
            .iter()
            .find(|entry| entry.serial == intent(number).id.serial)
            .unwrap()
    };
    assert_eq!(of(3).reason, RevocationReason::Unspecified);
    assert_eq!(of(4).revoked_at, NOW, "the time of the CRL stands for one that is none");
    assert_eq!(of(6).invalidity_date, None);
    assert_eq!(damaged.len(), 5, "{damaged:?}");
    assert!(
        damaged.iter().any(|text| text.contains("unknown reason 7")),
        "{damaged:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_certificates_are_named_and_hide_no_others() {
    let (_folder, ledger) = fresh();
    for number in 1..=3 {
        reserve(&ledger, &intent(number)).await;
    }
    issue(&ledger, 4).await;
    let damage = Connection::open(ledger.path()).unwrap();
    damage
        .execute("UPDATE certificates SET key = x'00' WHERE id IN (2, 4)", [])
        .unwrap();
    let error = ledger.certificates().get(None, intent(4).id.serial).await.unwrap_err();
    assert!(
        matches!(&error, LedgerError::Damaged { detail } if detail.contains("row 4")),
        "{error}"
    );
    let open = ledger
        .intents()
        .list_open(None, NOW.plus_days(1), 10)
        .await
        .unwrap()
        .intents;
    assert_eq!(open.len(), 2, "the sweeper gets at the others");
}

#[tokio::test(flavor = "multi_thread")]
async fn open_intents_that_cannot_be_read_are_told_and_hide_no_others() {
    let (folder, ledger) = fresh();
    for number in 1..=4 {
        reserve(&ledger, &intent(number)).await;
    }
    let other = Connection::open(folder.path().join("ledger.sqlite3")).unwrap();
    let damaged = other.execute("UPDATE certificates SET key = x'00' WHERE id IN (2, 4)", []);
    assert_eq!(damaged.unwrap(), 2);
    let found = ledger.intents().list_open(None, UnixTime(i64::MAX), 10).await.unwrap();
    let serials: Vec<_> = found.intents.iter().map(|intent| intent.id.serial).collect();
    assert_eq!(serials, [intent(1).id.serial, intent(3).id.serial]);
    assert_eq!(found.unreadable.len(), 2, "{:?}", found.unreadable);
    assert!(found.unreadable[0].contains("row 2"), "{:?}", found.unreadable);
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

#[tokio::test(flavor = "multi_thread")]
async fn the_check_finds_what_does_not_fit() {
    let (_folder, ledger) = fresh();
    issue(&ledger, 1).await;
    let damage = Connection::open(ledger.path()).unwrap();
    damage.execute("UPDATE counts SET issued = 7", []).unwrap();
    damage.pragma_update(None, "foreign_keys", false).unwrap();
    damage.execute("INSERT INTO reminders VALUES (99, 1)", []).unwrap();
    let problems = ledger.check().await.unwrap();
    assert_eq!(problems.len(), 2, "{problems:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_scope_so_many_crls_are_kept_and_the_newest_published_one() {
    let (_folder, ledger) = fresh();
    let scope = |shard| CrlScope {
        issuer: ca_name(),
        shard,
    };
    let record = async |shard, number: u64| {
        let at = UnixTime(1_000_000 + number.cast_signed());
        let intent = CrlIntent {
            scope: scope(shard),
            number,
            signing_input: vec![1; 32],
            at,
        };
        ledger.crls().intend(intent).await.unwrap();
        let crl = CrlRecord {
            scope: scope(shard),
            number,
            made_at: at,
            this_update: at,
            next_update: at,
            entries: 0,
            digest: [2; 32],
            receipt: Receipt("r".to_owned()),
            mark: None,
            published: None,
        };
        ledger.crls().complete(crl).await.unwrap();
    };
    record(Some(7), 1).await;
    for number in 1..=300 {
        record(None, number).await;
        if number < 4 {
            let etag = ETag("v".to_owned());
            ledger.crls().mark_published(&scope(None), number, etag).await.unwrap();
        }
    }
    let rows = |table: &str| -> Vec<u64> {
        let connection = Connection::open(ledger.path()).unwrap();
        let mut statement = connection
            .prepare(&format!("SELECT number FROM {table} WHERE shard = -1 ORDER BY number"))
            .unwrap();
        let rows = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
        rows.map(|number| number.unwrap().cast_unsigned()).collect()
    };
    let newest: Vec<u64> = (301 - CRLS_KEPT as u64..=300).collect();
    assert_eq!(rows("crl_intents"), newest);
    assert_eq!(rows("crls"), [vec![3], newest].concat());
    let standing = crl_state(ledger.crls(), &scope(None)).await.unwrap();
    let number = |crl: Option<CrlRecord>| crl.unwrap().number;
    assert_eq!((number(standing.latest), number(standing.published)), (300, 3));
    // No number is given to another CRL, whether its own is still known or not.
    for number in [1, 3, 300] {
        let other = CrlIntent {
            scope: scope(None),
            number,
            signing_input: vec![9; 32],
            at: NOW,
        };
        let refused = ledger.crls().intend(other).await.unwrap_err();
        assert!(
            matches!(refused, LedgerError::CrlNumberTaken { .. }),
            "{number}: {refused}"
        );
    }
    assert_eq!(crl_state(ledger.crls(), &scope(Some(7))).await.unwrap().number, 1);
    // As many as a ledger has gathered that never forgot any.
    Connection::open(ledger.path())
        .unwrap()
        .execute_batch(
            "INSERT INTO crls (issuer, shard, number, this_update, next_update, entries, digest, receipt)
             SELECT issuer, shard, number - 300 + 1000, this_update, next_update, entries, digest, receipt FROM crls WHERE shard = -1;
             INSERT INTO crl_intents (issuer, shard, number, signing_input, at)
             SELECT issuer, shard, number - 300 + 1000, signing_input, at FROM crl_intents WHERE shard = -1;",
        )
        .unwrap();
    for number in 2000..2004 {
        record(None, number).await;
    }
    assert_eq!(rows("crl_intents").len(), 2 * CRLS_KEPT + 4 - 4 * 32);
    for number in 2004..2020 {
        record(None, number).await;
    }
    assert_eq!(rows("crl_intents").len(), CRLS_KEPT);
    assert_eq!(rows("crls").len(), CRLS_KEPT + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_rejections_are_forgotten() {
    let (_folder, ledger) = fresh();
    // As many as a ledger has gathered that never forgot any.
    let gathered = REJECTIONS_KEPT + 40;
    Connection::open(ledger.path())
        .unwrap()
        .execute_batch(&format!(
            "BEGIN;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {gathered})
             INSERT INTO rejections (at, principal, code, reason) SELECT i, 'p', 'c', 'r' FROM n;
             UPDATE counts SET rejected = {gathered};
             COMMIT;"
        ))
        .unwrap();
    let rejection = |at| Rejection {
        at: UnixTime(at),
        principal: "p".to_owned(),
        common_name: None,
        code: "c".to_owned(),
        reason: "r".to_owned(),
    };
    let mut counts = Vec::new();
    for at in 0..4 {
        ledger.rejections().record(rejection(1_000_000 + at)).await.unwrap();
        counts.push(usize::try_from(ledger.monitoring().counts().await.unwrap().rejected).unwrap());
    }
    assert_eq!(
        counts,
        [REJECTIONS_KEPT + 9, REJECTIONS_KEPT, REJECTIONS_KEPT, REJECTIONS_KEPT]
    );
    let newest = ledger.rejections().latest(5).await.unwrap();
    let times: Vec<i64> = newest.iter().map(|rejection| rejection.at.0).collect();
    assert_eq!(
        times,
        [
            1_000_003,
            1_000_002,
            1_000_001,
            1_000_000,
            i64::try_from(gathered).unwrap()
        ]
    );
    assert_eq!(ledger.check().await.unwrap(), [""; 0]);
}
