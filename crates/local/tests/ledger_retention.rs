//! What the ledger keeps of CRLs and rejections, and what it forgets.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use crate::support;

use chancery_authority::port::ledger::{
    CRLS_KEPT, CrlIntent, CrlRecord, CrlScope, REJECTIONS_KEPT, Rejection, crl_state,
};
use chancery_authority::port::{ETag, Ledger, LedgerError, Receipt};
use chancery_x509::time::UnixTime;
use rusqlite::Connection;
use support::{NOW, ca_name, fresh};

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
        ledger
            .crls()
            .intend(intent, chancery_testing::suite::attempt_origin(1))
            .await
            .unwrap();
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
        ledger
            .crls()
            .complete(crl, chancery_testing::suite::attempt_position(1, UnixTime(1)))
            .await
            .unwrap();
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
    let state = crl_state(ledger.crls(), &scope(None)).await.unwrap();
    let number = |crl: Option<CrlRecord>| crl.unwrap().number;
    assert_eq!((number(state.latest), number(state.published)), (300, 3));
    // No number is given to another CRL, whether its own is still known or not.
    for number in [1, 3, 300] {
        let other = CrlIntent {
            scope: scope(None),
            number,
            signing_input: vec![9; 32],
            at: NOW,
        };
        let refused = ledger
            .crls()
            .intend(other, chancery_testing::suite::attempt_origin(1))
            .await
            .unwrap_err();
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
