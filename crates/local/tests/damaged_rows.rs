//! One damaged row stops neither the revocation of a compromised key, nor that of any other certificate of it.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use crate::support;

use std::collections::BTreeSet;

use chancery_authority::port::Ledger;
use chancery_authority::port::ledger::{
    CertificateIntent, KeyStatus, Reach, Revocation, Revoked, RevokedTogether, UnreadableRow,
};
use chancery_local::ledger::SqliteLedger;
use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use rusqlite::Connection;
use support::{NOW, ca_name, completion, intent, issue, next_crl, reserve};
use tempfile::TempDir;

const COMPROMISE: RevocationReason = RevocationReason::KeyCompromise;

/// The key of another certificate under its name once more.
fn again(number: u32, of: u32) -> CertificateIntent {
    CertificateIntent {
        id: intent(number).id,
        allow_key_reuse: true,
        ..intent(of)
    }
}

fn renewal(number: u32, of: u32) -> CertificateIntent {
    CertificateIntent {
        renews: Some(intent(of).id),
        ..intent(number)
    }
}

/// Certificates 1, 2, and 3 of one key, and an open renewal (4) of 1 for another.
async fn family() -> (TempDir, SqliteLedger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::create(folder.path().join("ledger.sqlite3")).unwrap();
    issue(&ledger, 1).await;
    for number in [2, 3] {
        let again = again(number, 1);
        reserve(&ledger, &again).await;
        ledger.intents().complete(completion(&again)).await.unwrap();
    }
    reserve(&ledger, &renewal(4, 1)).await;
    (folder, ledger)
}

/// As somebody does who has a hand on the file; rows of certificates have the numbers of the tests.
fn damage(ledger: &SqliteLedger, sql: &str) {
    let connection = Connection::open(ledger.path()).unwrap();
    connection
        .execute_batch(&format!("PRAGMA foreign_keys = off; {sql}"))
        .unwrap();
    assert!(connection.changes() > 0, "{sql}");
}

async fn revoke(ledger: &SqliteLedger, number: u32, reason: RevocationReason, reach: Reach) -> RevokedTogether {
    let revocation = Revocation {
        at: NOW,
        reason,
        invalidity_date: None,
        principal: "local:test".into(),
    };
    let serial = intent(number).id.serial;
    let found = ledger
        .revocations()
        .certificate_to_revoke(serial, None)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.record.id.serial, serial);
    ledger
        .revocations()
        .revoke(&ca_name(), serial, revocation, reach)
        .await
        .unwrap()
}

async fn listed(ledger: &SqliteLedger) -> BTreeSet<Serial> {
    let (_, entries, _) = next_crl(ledger).await;
    entries.iter().map(|entry| entry.serial).collect()
}

fn serials<const N: usize>(numbers: [u32; N]) -> BTreeSet<Serial> {
    numbers.map(|number| intent(number).id.serial).into()
}

async fn is_blocked(ledger: &SqliteLedger) -> bool {
    ledger.certificates().key_status(intent(1).key, "").await.unwrap() == KeyStatus::Blocked
}

fn named_and_done(unreadable: &[UnreadableRow]) -> Vec<(bool, bool)> {
    unreadable
        .iter()
        .map(|row| (row.what.contains("row 2 of certificates"), row.is_done))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_of_unknown_reason_stops_no_revocation_and_can_be_raised() {
    let (_folder, ledger) = family().await;
    revoke(&ledger, 2, RevocationReason::Superseded, Reach::Key).await;
    damage(&ledger, "UPDATE revocations SET reason = 7 WHERE certificate = 2");
    let record = ledger
        .certificates()
        .get(None, intent(2).id.serial)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        record.revocation.unwrap().reason,
        RevocationReason::Unspecified,
        "as CRLs have it"
    );
    let together = revoke(&ledger, 1, COMPROMISE, Reach::Key).await;
    assert!(matches!(together.certificate, Revoked::Now(_)));
    assert_eq!(together.unreadable, []);
    assert_eq!(together.others.len(), 2, "also the damaged one is raised");
    assert!(is_blocked(&ledger).await);
    assert_eq!(listed(&ledger).await, serials([1, 2, 3, 4]));
    // The damaged one is the one that is asked for.
    for reason in ["7", "300", "-1"] {
        let (_folder, ledger) = family().await;
        revoke(&ledger, 2, RevocationReason::Superseded, Reach::Key).await;
        damage(
            &ledger,
            &format!("UPDATE revocations SET reason = {reason} WHERE certificate = 2"),
        );
        let together = revoke(&ledger, 2, COMPROMISE, Reach::Certificate).await;
        let Revoked::Now(record) = together.certificate else {
            panic!("{reason}: it is raised")
        };
        assert_eq!(record.revocation.unwrap().reason, COMPROMISE);
        assert!(is_blocked(&ledger).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_cannot_be_read_of_another_is_told_and_stops_no_revocation() {
    // What is damaged, whether it is revoked all the same, and what a CRL lists then.
    for (sql, is_done, wanted) in [
        (
            "UPDATE certificates SET shard = 70000 WHERE id = 2",
            false,
            serials([1, 3, 4]),
        ),
        (
            "UPDATE certificates SET serial = x'00' WHERE id = 2",
            false,
            serials([1, 3, 4]),
        ),
        (
            "UPDATE certificates SET predecessor = 99 WHERE id = 2",
            true,
            serials([1, 2, 3, 4]),
        ),
        (
            "UPDATE certificates SET is_authority = 1 WHERE id = 2",
            true,
            serials([1, 2, 3, 4]),
        ),
    ] {
        let (_folder, ledger) = family().await;
        damage(&ledger, sql);
        let together = revoke(&ledger, 1, COMPROMISE, Reach::Key).await;
        assert!(matches!(together.certificate, Revoked::Now(_)), "{sql}");
        assert_eq!(
            named_and_done(&together.unreadable),
            [(true, is_done)],
            "{sql}: {:?}",
            together.unreadable
        );
        let others: BTreeSet<Serial> = together.others.iter().map(|other| other.id.serial).collect();
        assert_eq!(others, serials([3]), "{sql}");
        assert!(!together.has_more && is_blocked(&ledger).await, "{sql}");
        assert_eq!(listed(&ledger).await, wanted, "{sql}");
        let counts = ledger.monitoring().counts().await.unwrap();
        assert_eq!((counts.revoked, counts.open_intents), (wanted.len() as u64, 0), "{sql}");
        // Again: what was not done is told again, and nothing is done twice.
        let again = revoke(&ledger, 1, COMPROMISE, Reach::Key).await;
        assert!(
            matches!(again.certificate, Revoked::Already(_)) && again.others.is_empty(),
            "{sql}"
        );
        assert_eq!(again.unreadable.len(), usize::from(!is_done), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_intent_that_cannot_be_read_stops_no_revocation() {
    for (sql, is_lost) in [
        ("UPDATE certificates SET key = x'00' WHERE id = 4", true),
        ("UPDATE certificates SET serial = x'00' WHERE id = 4", false),
        // It is listed already, as somebody wrote: to give it up would list it twice.
        (
            "INSERT INTO revocations (issuer, shard, serial, not_after, revoked_at, reason, certificate, principal)
             SELECT issuer, -1, serial, not_after, 5, 0, id, 'x' FROM certificates WHERE id = 4",
            false,
        ),
    ] {
        for (reason, reach) in [
            (RevocationReason::Superseded, Reach::Key),
            (COMPROMISE, Reach::Certificate),
            (COMPROMISE, Reach::Key),
        ] {
            let (_folder, ledger) = family().await;
            damage(&ledger, sql);
            let together = revoke(&ledger, 1, reason, reach).await;
            assert!(matches!(together.certificate, Revoked::Now(_)), "{sql}");
            assert_eq!(
                together.unreadable.is_empty(),
                is_lost,
                "{sql}: {:?}",
                together.unreadable
            );
            assert!(
                together.unreadable.iter().all(|row| row.what.contains("row 4")),
                "{sql}"
            );
            assert_eq!(is_blocked(&ledger).await, reason == COMPROMISE);
            let counts = ledger.monitoring().counts().await.unwrap();
            assert_eq!(counts.open_intents, u64::from(!is_lost), "{sql}");
            assert!(listed(&ledger).await.contains(&intent(1).id.serial));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_whose_predecessor_cannot_be_read_is_revoked() {
    let (_folder, ledger) = family().await;
    ledger.intents().complete(completion(&renewal(4, 1))).await.unwrap();
    damage(&ledger, "UPDATE certificates SET serial = x'00' WHERE id = 1");
    let found = ledger
        .revocations()
        .certificate_to_revoke(intent(4).id.serial, None)
        .await
        .unwrap()
        .unwrap();
    assert!(found.damaged.unwrap().contains("row 1 of certificates"));
    let together = revoke(&ledger, 4, COMPROMISE, Reach::Key).await;
    assert!(matches!(together.certificate, Revoked::Now(_)));
    assert_eq!(listed(&ledger).await, serials([4]));
}

/// Attempts that somebody wrote into the file, and that nobody can read, hide none of the others.
#[tokio::test]
async fn planted_attempts_hide_no_other() {
    let (_folder, ledger) = family().await;
    let genuine = ledger.attempts().list(None, UnixTime(i64::MAX), 100).await.unwrap();
    assert_eq!((genuine.attempts.len(), genuine.unreadable.len()), (4, 0));
    damage(
        &ledger,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
         INSERT INTO signing_attempts (at, id, issuer, purpose, subject, number, key, signing_input)
         SELECT i, CAST(printf('%d', i) AS BLOB), 1, 'certificate', 'x', 1, 'k', x'00' FROM n;",
    );
    let (mut found, mut unreadable, mut after) = (Vec::new(), 0, None);
    for _ in 0..100 {
        let page = ledger.attempts().list(after, UnixTime(i64::MAX), 2).await.unwrap();
        unreadable = unreadable.max(page.unreadable.len());
        found.extend(page.attempts);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, genuine.attempts);
    assert_eq!(unreadable, 1000, "so many are named");
}
