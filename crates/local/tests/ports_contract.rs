//! The local implementations meet the contracts of the ports.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use std::sync::{Arc, Mutex};

use chancery_authority::contract;
use chancery_authority::port::{Ledger, Publication};
use chancery_local::ledger::SqliteLedger;
use chancery_local::publication::FolderPublication;
use tempfile::TempDir;

/// Folders that live as long as the suite.
#[derive(Default)]
struct Folders(Mutex<Vec<TempDir>>);

impl Folders {
    fn fresh(&self) -> std::path::PathBuf {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        self.0.lock().unwrap().push(folder);
        path
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sqlite_ledger_meets_the_contract() {
    let folders = Folders::default();
    contract::ledger(async || {
        let ledger = SqliteLedger::create(folders.fresh().join("ledger.sqlite3")).unwrap();
        Arc::new(ledger) as Arc<dyn Ledger>
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_folder_meets_the_contract() {
    let folders = Folders::default();
    contract::publication(async || {
        let publication = FolderPublication::open(folders.fresh().join("public")).unwrap();
        Arc::new(publication) as Arc<dyn Publication>
    })
    .await;
}
