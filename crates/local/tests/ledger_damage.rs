//! Rows that somebody or something damaged: each is reported, and keeps nothing from the others.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use crate::support;

use chancery_authority::CaName;
use chancery_authority::port::ledger::{Kind, Reach, Revocation};
use chancery_authority::port::{KeyName, Ledger, LedgerError};
use chancery_x509::crl::RevocationReason;
use chancery_x509::time::UnixTime;
use rusqlite::Connection;
use support::{NOW, ca_name, completion, fresh, intent, issue, next_crl, reserve, revoke};

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
        intent.kind = Kind::Ca {
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

/// A row that nobody here writes would otherwise stay the newest, and a change would be answered and not made.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_an_issuer_that_another_row_outlasts_is_no_success() {
    use chancery_authority::port::ledger::{IssuerChange, IssuerState};
    let (_folder, ledger) = fresh();
    let mut root = intent(1);
    root.id.issuer = ca_name();
    root.kind = Kind::Ca {
        ca_name: ca_name(),
        parent: None,
        key: KeyName("key".into()),
    };
    reserve(&ledger, &root).await;
    ledger.intents().complete(completion(&root)).await.unwrap();
    Connection::open(ledger.path())
        .unwrap()
        .execute(
            "INSERT INTO issuer_changes (id, ca, state, is_default, at, principal) VALUES (?1, ?2, 'active', 0, 0, 'somebody')",
            (i64::MAX, ca_name().as_str()),
        )
        .unwrap();
    let change = IssuerChange {
        ca_name: ca_name(),
        state: IssuerState::Retiring,
        becomes_default: false,
        at: NOW,
        principal: chancery_authority::Principal::local("alice"),
    };
    let outcome = ledger.issuers().change(change).await;
    assert!(matches!(outcome, Err(LedgerError::Damaged { .. })), "{outcome:?}");
}
