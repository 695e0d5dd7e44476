//! The ledger on SQLite: one file, one writing thread, a few reading threads.
//!
//! The file is in WAL mode with `synchronous=FULL`: a commit is on the disk before any caller gets its answer.
//! Operations that wait at the same time share a commit, so that the processor bounds the rate of durable issuance, not
//! the number of fsyncs that the disk can do. Several processes may use one ledger at a time: SQLite's locks keep them
//! apart, and nothing that another process may change is cached in memory.

mod attempts;
mod certificate_row;
mod certificates;
mod chain;
mod crl_entries;
mod crl_uses;
pub(crate) mod crls;
mod family;
pub(crate) mod fault;
mod freezes;
mod intents;
mod issuer_states;
mod issuers;
mod lost;
mod monitoring;
mod position;
mod rejections;
mod reminders;
pub(crate) mod restored;
mod revocation_rows;
mod revocations;
pub(crate) mod schema;
mod search;
mod server_names;
mod shard;
pub(crate) mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chancery_authority::port::LedgerError;
use rusqlite::Connection;
use rusqlite::backup::Backup;

pub use fault::OpenError;

use crate::workers::Workers;
use fault::{Fault, stopped};
use writer::{Writer, Writing};

/// Reading threads, each with a connection that is opened when it is first needed.
const READERS: usize = 3;

/// Largest file, in octets, that [`SqliteLedger::quick_check`] reads.
const QUICK_CHECKED: u64 = 32 << 20;

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
            match position::differences(connection) {
                // What is damaged cannot be read through; the problems say so already.
                Err(_) if !problems.is_empty() => {}
                differences => problems.extend(differences?),
            }
            Ok(problems)
        })
        .await
    }

    /// Checks the file's structure for damage, so that a start does not write into a damaged file. Files of more than
    /// 32 MiB are left to [`check`](Self::check): this runs at every start, and takes a tenth of a second at most.
    pub async fn quick_check(&self) -> Result<(), LedgerError> {
        let size = std::fs::metadata(self.path()).map_or(0, |facts| facts.len());
        if size > QUICK_CHECKED {
            return Ok(());
        }
        self.read(schema::quick_check).await
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
