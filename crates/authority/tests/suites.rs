//! The ports in memory meet the contract that every other implementation is held to.

use std::sync::Arc;

use chancery_authority::config::Config;
use chancery_authority::port::ledger::{Completion, LedgerError};
use chancery_authority::port::{IntentKeys, KeyStore, Ledger, Notices, Publication, Receipt};
use chancery_testing::memory::{
    Fault, Faults, Faulty, ManualClock, MemoryIntentKeys, MemoryKeyStore, MemoryLedger, MemoryNotices,
    MemoryPublication,
};
use chancery_testing::suite;
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::time::UnixTime;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger() {
    suite::ledger(async || Arc::new(MemoryLedger::default()) as Arc<dyn Ledger>).await;
    suite::server_names(async || Arc::new(MemoryLedger::default()) as Arc<dyn Ledger>).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_behind_faults_that_are_none() {
    let make = async || Arc::new(Faulty::new(Arc::new(MemoryLedger::default()), Arc::default())) as Arc<dyn Ledger>;
    suite::ledger(make).await;
}

const TWO_CAS: &str = r#"
    [[ca]]
    name = "root-ca"
    algorithm = "p256"
    [[ca]]
    name = "issuing-ca"
    parent = "root-ca"
    path_len = 1
"#;

#[tokio::test]
async fn planted_intents_are_never_signed() {
    let ledger = || Arc::new(MemoryLedger::default());
    suite::planted_leaves(ledger(), Config::from_toml(TWO_CAS).unwrap()).await;
    suite::planted_authority(ledger(), Config::from_toml(TWO_CAS).unwrap()).await;
    suite::planted_nonces(ledger(), Config::from_toml(TWO_CAS).unwrap(), 220).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_store() {
    let make = async || Arc::new(MemoryKeyStore::default()) as Arc<dyn KeyStore>;
    suite::key_store(make, &CaKeyAlgorithm::ALL).await;
}

#[tokio::test]
async fn the_keys_of_intents() {
    suite::intent_keys(async || Arc::new(MemoryIntentKeys::default()) as Arc<dyn IntentKeys>).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_publication() {
    let clock = Arc::new(ManualClock::new(UnixTime(1_800_000_000)));
    suite::publication(async || Arc::new(MemoryPublication::new(clock.clone())) as Arc<dyn Publication>).await;
}

#[tokio::test]
async fn the_notices() {
    let notices = Arc::new(MemoryNotices::default());
    suite::notices(
        async || notices.clone() as Arc<dyn Notices>,
        Clone::clone,
        async || notices.received(),
    )
    .await;
}

#[tokio::test]
async fn faults_strike_where_told() {
    let inner = Arc::new(MemoryLedger::default());
    let faults = Arc::new(Faults::default());
    let ledger = Faulty::new(inner.clone(), faults.clone());
    let unavailable = |outcome: Result<_, LedgerError>| matches!(outcome, Err(LedgerError::Unavailable { .. }));

    faults.at("intents.reserve", 2, Fault::FailBefore);
    ledger.intents().reserve(suite::intent(1)).await.unwrap();
    assert!(unavailable(ledger.intents().reserve(suite::intent(2)).await));
    assert_eq!(inner.monitoring().counts().await.unwrap().open_intents, 1);

    faults.at_call(1, Fault::FailAfter);
    assert!(unavailable(ledger.intents().reserve(suite::intent(3)).await));
    assert_eq!(inner.monitoring().counts().await.unwrap().open_intents, 2);

    faults.at("intents.complete", 1, Fault::DieAfter);
    let id = suite::intent(1).id;
    let completion = Completion {
        id,
        certificate: vec![1],
        attempt: None,
        receipt: Receipt("r".to_owned()),
        at: UnixTime(1),
    };
    assert!(ledger.intents().complete(completion).await.is_err());
    assert!(
        ledger.monitoring().counts().await.is_err(),
        "a dead process answers nothing"
    );
    assert_eq!(inner.monitoring().counts().await.unwrap().issued, 1);
    faults.clear();
    assert!(ledger.monitoring().counts().await.is_ok());
    assert_eq!(
        faults.calls(),
        [
            "intents.reserve",
            "intents.reserve",
            "intents.reserve",
            "intents.complete",
            "monitoring.counts"
        ]
    );
}
