//! The local implementations meet the contracts of the ports.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use std::sync::{Arc, Mutex};

use chancery_authority::Authority;
use chancery_authority::belief::NotBelieved;
use chancery_authority::config::Config;
use chancery_authority::hierarchy::HierarchyError;
use chancery_authority::port::{Ledger, Ports, Publication};
use chancery_authority::profile::Profiles;
use chancery_local::ledger::SqliteLedger;
use chancery_local::publication::FolderPublication;
use chancery_testing::memory::MemoryPorts;
use chancery_testing::suite;
use chancery_x509::time::UnixTime;
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
    let make = async || {
        let ledger = SqliteLedger::create(folders.fresh().join("ledger.sqlite3")).unwrap();
        Arc::new(ledger) as Arc<dyn Ledger>
    };
    suite::ledger(make).await;
    suite::server_names(make).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_folder_meets_the_contract() {
    let folders = Folders::default();
    suite::publication(async || {
        let publication = FolderPublication::open(folders.fresh().join("public")).unwrap();
        Arc::new(publication) as Arc<dyn Publication>
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_intents_are_never_signed() {
    let folders = Folders::default();
    let ledger = || Arc::new(SqliteLedger::create(folders.fresh().join("ledger.sqlite3")).unwrap());
    let config = "[[ca]]\nname = \"root-ca\"\nalgorithm = \"p256\"\n\
                  [[ca]]\nname = \"issuing-ca\"\nparent = \"root-ca\"\npath_len = 1\n";
    let config = Config::from_toml(config).unwrap();
    suite::planted_leaves(ledger(), config.clone()).await;
    suite::planted_authority(ledger(), config.clone()).await;
    suite::planted_nonces(ledger(), config, 120).await;
}

#[tokio::test]
async fn a_ca_whose_row_was_replaced_is_not_believed() {
    let folders = Folders::default();
    let path = folders.fresh().join("ledger.sqlite3");
    let memory = MemoryPorts::new(UnixTime(1_795_464_000));
    let config = Config::from_toml(Config::default_toml()).unwrap();
    let open = async |ledger: SqliteLedger| {
        let ports = Ports {
            ledger: Arc::new(ledger),
            ..memory.ports()
        };
        Authority::open(ports, config.clone(), Profiles::built_in())
            .await
            .unwrap()
    };
    let authority = open(SqliteLedger::create(&path).unwrap()).await;
    authority.initialise(&|_: &str| ()).await.unwrap();
    let [root, issuing] = [0, 1].map(|index| authority.cas()[index].certificate().as_der().to_vec());
    drop(authority);
    let connection = rusqlite::Connection::open(&path).unwrap();
    let changed = connection.execute("UPDATE certificates SET der = ?1 WHERE der = ?2", (&issuing, &root));
    assert_eq!(changed.unwrap(), 1);
    drop(connection);

    let published = memory.publication.story().len();
    let authority = open(SqliteLedger::open(&path).unwrap()).await;
    let error = authority.initialise(&|_: &str| ()).await.unwrap_err();
    assert!(
        matches!(error, HierarchyError::NotBelieved(NotBelieved::OtherKey { .. })),
        "{error:?}"
    );
    for (name, outcome) in authority.publish_certificates().await {
        assert!(outcome.is_err(), "{name}");
    }
    assert_eq!(memory.publication.story().len(), published);
}
