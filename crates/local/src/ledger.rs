//! The ledger on SQLite: one file, one writing thread, a few reading threads.
//!
//! The file is in WAL mode with `synchronous=FULL`: a commit is on the disk before any caller gets its answer.
//! Operations that wait at the same time share a commit, so that the processor bounds the rate of durable issuance, not
//! the number of fsyncs that the disk can do. Several processes may use one ledger at a time: SQLite's locks keep them
//! apart, and nothing that another process may change is cached in memory.

mod certificates;
mod chain;
pub(crate) mod crls;
mod family;
pub(crate) mod fault;
mod intents;
mod issuers;
mod lost;
mod own_names;
mod position;
mod records;
pub(crate) mod restored;
mod revocations;
pub(crate) mod schema;
mod shard;
pub(crate) mod writer;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chancery_authority::CaName;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{
    AuthorityRecord, CertificateIntent, CertificateRecord, Certificates, Completion, Counts, CrlIntent, CrlPlan,
    CrlRecord, CrlReservation, CrlScope, CrlState, CrlUse, Crls, Cursor, Evidence, FamilyPosition, IntentId, Intents,
    IssuerChange, Issuers, KeyStatus, Listed, Monitoring, OpenIntents, OpenPosition, Page, Reach, Rejection,
    Rejections, Related, Reminders, Reservation, Revocation, Revocations, RevokedTogether, Search, ServerNames,
    ToRevoke, UnfinishedFamilies, Unlisted,
};
use chancery_authority::port::publication::ETag;
use chancery_x509::crl::RevokedEntry;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::san::AltName;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use rusqlite::Connection;
use rusqlite::backup::Backup;

pub use fault::OpenError;

use crate::workers::Workers;
use fault::{Fault, stopped};
use revocations::Spool;
use shard::shard_number;
use writer::{Writer, Writing};

/// Reading threads, each with a connection that is opened when it is first needed.
const READERS: usize = 3;

/// Largest file, in octets, that [`SqliteLedger::look_over`] reads.
const LOOKED_OVER: u64 = 32 << 20;

/// Pages that a backup copies between two reports of its progress.
const BACKUP_STEP: i32 = 4096;

/// The authoritative record, in one SQLite file. Cheap to clone: clones share threads and connections, which end with
/// the last clone.
#[derive(Clone)]
pub struct SqliteLedger(Arc<Inner>);

struct Inner {
    path: Arc<Path>,
    readers: Workers<Reader>,
    /// For searches that may read many rows: they delay each other, and no other reads.
    searcher: Workers<Reader>,
    /// `None` where the file is only read. Dropped last: when connections close at the same time, SQLite takes none of
    /// them for the last one, which checkpoints the write-ahead log into the file and removes it.
    writer: Option<Writer>,
}

/// A reading thread's connection.
struct Reader {
    path: Arc<Path>,
    connection: Option<Connection>,
    /// Whether the file cannot be written, so that connections must be opened read-only.
    is_read_only: bool,
}

impl SqliteLedger {
    /// Makes a new, empty ledger at `path` and opens it. The file appears complete or not at all.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, OpenError> {
        let path = path.into();
        schema::create(&path)?;
        Self::open(path)
    }

    /// Opens an existing ledger, and migrates it to this program's format where it has an older one.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, OpenError> {
        let path: Arc<Path> = path.into().into();
        let connection = schema::open_writer(&path)?;
        let writer = Writer::start(connection, Arc::clone(&path)).map_err(|error| fault::io(&path, &error))?;
        Self::assemble(path, Some(writer))
    }

    /// Opens an existing ledger that cannot be written, e.g. on a file system that is mounted read-only. Every write
    /// fails with [`LedgerError::Unavailable`].
    pub fn open_to_read(path: impl Into<PathBuf>) -> Result<Self, OpenError> {
        let path: Arc<Path> = path.into().into();
        schema::open_to_read(&path)?;
        Self::assemble(path, None)
    }

    fn assemble(path: Arc<Path>, writer: Option<Writer>) -> Result<Self, OpenError> {
        let is_read_only = writer.is_none();
        let reader = || Reader {
            path: Arc::clone(&path),
            connection: None,
            is_read_only,
        };
        let start = |name, readers: usize| {
            let states: Vec<Reader> = (0..readers).map(|_| reader()).collect();
            Workers::start(name, states).map_err(|error| fault::io(&path, &error))
        };
        let (readers, searcher) = (start("ledger-reader", READERS)?, start("ledger-search", 1)?);
        let inner = Inner {
            path,
            readers,
            searcher,
            writer,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Path of the SQLite file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Checks the whole file and describes each problem; empty if there is none. Reads everything, so it takes a while.
    pub async fn check(&self) -> Result<Vec<String>, LedgerError> {
        self.read(|connection| {
            let mut problems = schema::check(connection)?.problems();
            problems.extend(position::differences(connection)?);
            Ok(problems)
        })
        .await
    }

    /// Checks the file's structure for damage, so that a start does not write into a damaged file. Files of more than
    /// 32 MiB are left to [`check`](Self::check): this runs at every start, and takes a tenth of a second at most.
    pub async fn look_over(&self) -> Result<(), LedgerError> {
        let size = std::fs::metadata(self.path()).map_or(0, |facts| facts.len());
        if size > LOOKED_OVER {
            return Ok(());
        }
        self.read(schema::look_over).await
    }

    /// Writes a copy of the ledger as it is at this moment to a new file; other operations go on meanwhile. `progress`
    /// is called with the pages copied and the pages in total.
    pub async fn copy_to(
        &self,
        target: impl Into<PathBuf>,
        progress: impl Fn(u64, u64) + Send + 'static,
    ) -> Result<(), OpenError> {
        let (source, target) = (Arc::clone(&self.0.path), target.into());
        // On a connection of its own: its snapshot lasts as long as the copy.
        let copying = self.0.readers.run(move |_| copy(&source, &target, &progress));
        copying.await.unwrap_or_else(|| {
            Err(OpenError::Io {
                path: self.path().into(),
                detail: stopped().to_string(),
            })
        })
    }

    /// Runs `work` on the writing thread; see [`Writer::write`].
    pub(crate) fn write<T, F>(&self, work: F) -> impl Future<Output = Result<T, LedgerError>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnMut(&Writing<'_>) -> Result<T, Fault> + Send + 'static,
    {
        let writing = self.0.writer.as_ref().map(|writer| writer.write(work));
        let path = Arc::clone(&self.0.path);
        async move {
            match writing {
                Some(writing) => writing.await,
                None => Err(fault::read_only(&path)),
            }
        }
    }

    /// Runs `work` on a reading thread.
    pub(crate) fn read<T, F>(&self, work: F) -> impl Future<Output = Result<T, LedgerError>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let reading = self.0.readers.run(|reader| reader.run(work));
        async move { reading.await.unwrap_or_else(|| Err(stopped())) }
    }
}

impl Reader {
    fn run<T>(&mut self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, LedgerError> {
        let outcome = match &self.connection {
            Some(connection) => work(connection),
            None if self.is_read_only => match schema::open_to_read(&self.path) {
                Ok(opened) => work(self.connection.insert(opened)),
                Err(error) => {
                    return Err(LedgerError::Unavailable {
                        detail: error.to_string(),
                    });
                }
            },
            None => schema::open_reader(&self.path).and_then(|opened| work(self.connection.insert(opened))),
        };
        outcome.map_err(|fault| fault.into_ledger(&self.path))
    }
}

/// Writes a copy of a ledger as it is at this moment. `target` is a new file, or an empty one.
pub(crate) fn copy(source: &Path, target: &Path, progress: &dyn Fn(u64, u64)) -> Result<(), OpenError> {
    let of_source = |error| fault::open_error(source, &error);
    let of_target = |error| fault::open_error(target, &error);
    let from = schema::open_reader(source).map_err(|fault| fault.into_open(source))?;
    // One read transaction for the whole copy: later commits neither enter it nor make it start again.
    begin_snapshot(&from).map_err(of_source)?;
    let mut to = Connection::open(target).map_err(of_target)?;
    let backup = Backup::new(&from, &mut to).map_err(of_target)?;
    loop {
        let more = backup.step(BACKUP_STEP).map_err(of_target)?;
        let state = backup.progress();
        let pages = u64::from(state.pagecount.unsigned_abs());
        progress(pages - u64::from(state.remaining.unsigned_abs()).min(pages), pages);
        if more == rusqlite::backup::StepResult::Done {
            break;
        }
    }
    drop(backup);
    to.close().map_err(|(_, error)| of_target(error))?;
    for companion in schema::companions(target) {
        let _ = std::fs::remove_file(companion);
    }
    let synced = std::fs::File::open(target).and_then(|file| file.sync_all());
    synced.map_err(|error| fault::io(target, &error))
}

/// Makes a connection see the ledger as it is at this moment.
fn begin_snapshot(connection: &Connection) -> Result<(), rusqlite::Error> {
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    // BEGIN alone takes no snapshot; the first read does.
    connection.execute_batch("BEGIN; SELECT 1 FROM counts")
}

#[async_trait]
impl Intents for SqliteLedger {
    async fn reserve(&self, intent: CertificateIntent) -> Result<Reservation, LedgerError> {
        self.write(move |writing| intents::reserve(writing, &intent)).await
    }

    async fn complete(&self, completion: Completion) -> Result<CertificateRecord, LedgerError> {
        self.write(move |writing| intents::complete(writing, &completion)).await
    }

    async fn mark_lost(&self, intent: IntentId, at: UnixTime) -> Result<(), LedgerError> {
        self.write(move |writing| intents::mark_lost(writing, &intent, at))
            .await
    }

    async fn list_open(
        &self,
        after: Option<OpenPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<OpenIntents, LedgerError> {
        self.read(move |connection| intents::open_intents(connection, after, before, limit))
            .await
    }
}

#[async_trait]
impl Certificates for SqliteLedger {
    async fn evidence(&self, issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Evidence>, LedgerError> {
        let (issuer, serials) = (issuer.clone(), serials.to_vec());
        self.read(move |connection| revocations::evidence(connection, &issuer, &serials))
            .await
    }

    async fn get(&self, issuer: Option<&CaName>, serial: Serial) -> Result<Option<CertificateRecord>, LedgerError> {
        let issuer = issuer.cloned();
        self.read(move |connection| certificates::certificate(connection, issuer.as_ref(), serial))
            .await
    }

    async fn key_status(&self, key: KeyFingerprint, _common_name: &str) -> Result<KeyStatus, LedgerError> {
        self.read(move |connection| intents::key_holder(connection, key)).await
    }

    async fn search(&self, query: &Search, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        let (query, after) = (query.clone(), after.cloned());
        let is_quick = certificates::is_by_equality(&query);
        let search = move |connection: &Connection| certificates::search(connection, &query, after.as_ref(), limit);
        if is_quick {
            return self.read(search).await;
        }
        let searching = self.0.searcher.run(|reader| reader.run(search));
        searching.await.unwrap_or_else(|| Err(stopped()))
    }

    async fn named(&self, common_name: &str, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        let query = Search {
            common_name: Some(common_name.to_owned()),
            ..Search::default()
        };
        self.search(&query, after, limit).await
    }
}

#[async_trait]
impl Revocations for SqliteLedger {
    async fn revoke(
        &self,
        issuer: &CaName,
        serial: Serial,
        revocation: Revocation,
        reach: Reach,
    ) -> Result<RevokedTogether, LedgerError> {
        let issuer = issuer.clone();
        self.write(move |writing| family::revoke(writing, &issuer, serial, &revocation, reach))
            .await
    }

    async fn unfinished_families(
        &self,
        after: Option<FamilyPosition>,
        limit: usize,
    ) -> Result<UnfinishedFamilies, LedgerError> {
        self.read(move |connection| family::unfinished(connection, after, limit))
            .await
    }

    async fn related(&self, id: &IntentId, at: UnixTime, limit: usize) -> Result<Vec<Related>, LedgerError> {
        let id = id.clone();
        self.read(move |connection| family::related(connection, &id, at, limit))
            .await
    }

    async fn relist(&self, scope: &CrlScope, entry: &RevokedEntry, not_after: UnixTime) -> Result<(), LedgerError> {
        let (scope, entry) = (scope.clone(), *entry);
        self.write(move |writing| revocations::relist(writing, &scope, &entry, not_after))
            .await
    }

    async fn learn_key(&self, certificate: &IntentId, key: KeyFingerprint, at: UnixTime) -> Result<bool, LedgerError> {
        let id = certificate.clone();
        self.write(move |writing| restored::hear_of_key(writing, &id, key, at))
            .await
    }

    async fn certificate_to_revoke(
        &self,
        serial: Serial,
        _common_name: Option<&str>,
    ) -> Result<Option<ToRevoke>, LedgerError> {
        self.read(move |connection| certificates::certificate_to_revoke(connection, serial))
            .await
    }

    async fn listed(&self, issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Listed>, LedgerError> {
        let (issuer, serials) = (issuer.clone(), serials.to_vec());
        self.read(move |connection| revocations::listed(connection, &issuer, &serials))
            .await
    }

    /// Only this program writes to the file, in transactions that change record and list together.
    async fn unlisted(&self, _issuer: &CaName, _at: UnixTime) -> Result<Unlisted, LedgerError> {
        Ok(Unlisted::default())
    }

    async fn unlisted_handled(&self, _issuer: &CaName, _next: Option<Cursor>) -> Result<(), LedgerError> {
        Ok(())
    }
}

#[async_trait]
impl Crls for SqliteLedger {
    /// Number and view are taken in one transaction, so that a higher number never has an older view: a serial number
    /// that is on a CRL is on every later one.
    async fn reserve(&self, scope: &CrlScope, plan: CrlPlan) -> Result<CrlReservation, LedgerError> {
        let path = Arc::clone(&self.0.path);
        let snapshot = self.read(move |_| schema::open_reader(&path)).await?;
        // Shared with the writing thread: its transaction may be run twice, and the second run takes the view again.
        let snapshot = Arc::new(Mutex::new(snapshot));
        let (scope, view) = (scope.clone(), Arc::clone(&snapshot));
        let shard = shard_number(scope.shard);
        let reserved = self.write(move |writing| {
            let (reserved, issuer) = crls::reserve_number(writing, &scope, &plan)?;
            let view = view.lock().unwrap_or_else(PoisonError::into_inner);
            // The write lock is held: no commit comes between this view and the number.
            begin_snapshot(&view)?;
            // Read from the view, not in the transaction: that sees uncommitted changes of its group, which the view
            // does not list.
            let mark = crls::mark(&view, issuer, shard)?;
            Ok((reserved, issuer, mark))
        });
        let ((number, not_believed), issuer, mark) = reserved.await?;
        let folder = self.path().parent().unwrap_or(Path::new(".")).to_owned();
        let copied = self.read(move |_| {
            let snapshot = snapshot.lock().unwrap_or_else(PoisonError::into_inner);
            Spool::copy(&snapshot, (issuer, shard), &plan, &folder)
        });
        Ok(CrlReservation {
            number,
            not_believed,
            mark,
            revocations: Box::new(copied.await?),
        })
    }

    async fn intend(&self, intent: CrlIntent) -> Result<(), LedgerError> {
        self.write(move |writing| crls::intend(writing, &intent)).await
    }

    async fn open_intents(&self, scope: &CrlScope, limit: usize) -> Result<Vec<CrlIntent>, LedgerError> {
        let scope = scope.clone();
        self.read(move |connection| crls::open_intents(connection, &scope, limit))
            .await
    }

    async fn complete(&self, crl: CrlRecord) -> Result<(), LedgerError> {
        self.write(move |writing| crls::complete(writing, &crl)).await
    }

    async fn mark_published(&self, scope: &CrlScope, number: u64, etag: ETag) -> Result<(), LedgerError> {
        let scope = scope.clone();
        self.write(move |writing| crls::published(writing, &scope, number, &etag))
            .await
    }

    async fn state_up_to(&self, scope: &CrlScope, at_most: u64) -> Result<CrlState, LedgerError> {
        let scope = scope.clone();
        self.read(move |connection| crls::standing(connection, &scope, at_most))
            .await
    }

    async fn record_use(&self, used: CrlUse) -> Result<(), LedgerError> {
        self.write(move |writing| crls::record_use(writing.connection, writing.issuer(&used.scope.issuer)?, &used))
            .await
    }

    async fn uses(&self) -> Result<Vec<CrlUse>, LedgerError> {
        self.read(crls::uses).await
    }
}

#[async_trait]
impl Issuers for SqliteLedger {
    async fn list(&self) -> Result<Vec<AuthorityRecord>, LedgerError> {
        self.read(records::authorities).await
    }

    async fn change(&self, change: IssuerChange) -> Result<(), LedgerError> {
        self.write(move |writing| issuers::change(writing, &change)).await
    }
}

#[async_trait]
impl Rejections for SqliteLedger {
    async fn record(&self, rejection: Rejection) -> Result<(), LedgerError> {
        self.write(move |writing| records::record_rejection(writing, &rejection))
            .await
    }

    async fn latest(&self, limit: usize) -> Result<Vec<Rejection>, LedgerError> {
        self.read(move |connection| records::rejections(connection, limit))
            .await
    }
}

#[async_trait]
impl Reminders for SqliteLedger {
    async fn expiring(
        &self,
        from: UnixTime,
        to: UnixTime,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        let after = after.cloned();
        self.read(move |connection| certificates::expiring(connection, (from, to), after.as_ref(), limit))
            .await
    }

    async fn record(&self, issuer: &CaName, serial: Serial, at: UnixTime) -> Result<(), LedgerError> {
        let issuer = issuer.clone();
        self.write(move |writing| records::record_reminder(writing, &issuer, serial, at))
            .await
    }
}

#[async_trait]
impl ServerNames for SqliteLedger {
    async fn record(&self, names: &[AltName], until: UnixTime) -> Result<(), LedgerError> {
        let names = names.to_vec();
        self.write(move |writing| own_names::keep(writing, &names, until)).await
    }

    async fn list(&self, at: UnixTime) -> Result<Vec<AltName>, LedgerError> {
        self.read(move |connection| own_names::current(connection, at)).await
    }
}

#[async_trait]
impl Monitoring for SqliteLedger {
    fn write_failure(&self) -> Option<LedgerError> {
        self.0.writer.as_ref()?.failure()
    }

    async fn counts(&self) -> Result<Counts, LedgerError> {
        self.read(records::counts).await
    }
}
