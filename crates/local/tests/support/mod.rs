//! What several tests of the ledger need.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]
#![allow(dead_code, reason = "each test program uses its part")]

use chancery_authority::CaName;
use chancery_authority::port::ledger::{
    CertificateIntent, CertificateRecord, Completion, CrlPlan, CrlScope, Reach, Reservation, Revocation, Revoked,
};
use chancery_authority::port::{Ledger, Receipt};
use chancery_local::ledger::SqliteLedger;
use chancery_testing::suite;
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::time::UnixTime;
use tempfile::TempDir;

pub(crate) const NOW: UnixTime = UnixTime(1_800_000_000);

pub(crate) fn ca_name() -> CaName {
    CaName::new("a-ca").unwrap()
}

pub(crate) fn full() -> CrlScope {
    CrlScope {
        issuer: ca_name(),
        shard: None,
    }
}

pub(crate) fn intent(number: u32) -> CertificateIntent {
    suite::intent(number)
}

pub(crate) fn completion(intent: &CertificateIntent) -> Completion {
    Completion {
        id: intent.id.clone(),
        certificate: [b"certificate of ", &intent.tbs[..]].concat(),
        attempt: None,
        receipt: Receipt(format!("receipt {}", intent.id)),
        at: intent.at,
    }
}

pub(crate) async fn reserve(ledger: &SqliteLedger, intent: &CertificateIntent) {
    assert!(matches!(
        ledger.intents().reserve(intent.clone()).await.unwrap(),
        Reservation::New
    ));
}

pub(crate) async fn issue(ledger: &SqliteLedger, number: u32) -> CertificateRecord {
    let intent = intent(number);
    reserve(ledger, &intent).await;
    ledger.intents().complete(completion(&intent)).await.unwrap()
}

pub(crate) async fn revoke(ledger: &SqliteLedger, number: u32) -> Revoked {
    let revocation = Revocation {
        at: NOW,
        reason: RevocationReason::Superseded,
        invalidity_date: None,
        principal: "local:test".into(),
    };
    ledger
        .revocations()
        .revoke(&ca_name(), intent(number).id.serial, revocation, Reach::Key)
        .await
        .unwrap()
        .certificate
}

/// Everything, made now.
pub(crate) const ALL: CrlPlan = CrlPlan {
    at: NOW,
    expired_before: None,
    above: 0,
    at_most: u64::MAX,
};

/// What the next CRL lists, its number, and the damage found.
pub(crate) async fn next_crl(ledger: &SqliteLedger) -> (u64, Vec<RevokedEntry>, Vec<String>) {
    let mut reservation = ledger.crls().reserve(&full(), ALL).await.unwrap();
    let mut entries = Vec::new();
    let walked = reservation.revocations.for_each(&mut |entry| {
        entries.push(*entry);
        Ok(())
    });
    walked.unwrap();
    assert_eq!(reservation.revocations.entries(), entries.len() as u64);
    let octets: usize = entries.iter().map(RevokedEntry::encoded_len).sum();
    assert_eq!(reservation.revocations.octets(), octets as u64);
    (reservation.number, entries, reservation.revocations.damaged().to_vec())
}

pub(crate) fn fresh() -> (TempDir, SqliteLedger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::create(folder.path().join("ledger.sqlite3")).unwrap();
    (folder, ledger)
}

pub(crate) fn reopen(ledger: SqliteLedger) -> SqliteLedger {
    let path = ledger.path().to_owned();
    drop(ledger);
    SqliteLedger::open(path).unwrap()
}
