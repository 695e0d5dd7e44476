//! The single writing thread: operations that wait at the same time share one transaction and one fsync.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chancery_authority::CaName;
use chancery_authority::port::LedgerError;
use futures_channel::oneshot;
use rusqlite::{Connection, OptionalExtension};

use super::fault::{Fault, stopped};
use super::schema;

/// Most operations in one transaction: bounds what one commit writes, and so how long a caller waits for it.
const MAX_GROUP: usize = 512;

/// Operations after which the checkpointer is woken.
const CHECKPOINT_EVERY: usize = 2048;

/// Idle time after which the checkpointer is woken even for few operations.
const IDLE: Duration = Duration::from_secs(1);

/// After a failed write another one is tried at this interval, until one succeeds.
const RETRY: Duration = Duration::from_secs(5);

/// Frames (pages of 4 KiB) in the log above which the writer helps the checkpointer to reach its end: under constant
/// writes, only the writer can find a moment at which everything is in the file and the log can start over.
const LONG_LOG: i64 = 8192;

/// What an operation gets: the group's transaction.
pub(crate) struct Writing<'a> {
    pub(crate) connection: &'a Connection,
    issuers: &'a RefCell<HashMap<CaName, i64>>,
    tally: &'a Cell<Tally>,
}

/// Changes of the counts, written once for the whole group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) issued: i64,
    pub(crate) revoked: i64,
    pub(crate) open_intents: i64,
    pub(crate) rejected: i64,
}

/// Sends operations to the writing thread.
pub(crate) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    threads: Vec<JoinHandle<()>>,
    path: Arc<Path>,
    failure: Arc<Mutex<Option<LedgerError>>>,
}

/// One operation with its waiting caller, as the thread handles it.
trait Job: Send {
    /// Runs within the transaction, possibly a second time after the first was rolled back. Whether it succeeded.
    fn run(&mut self, writing: &Writing<'_>) -> bool;
    /// Why it did not succeed.
    fn failure(&self) -> Option<&LedgerError>;
    /// Answers the caller: with the operation's own outcome where the group was committed, else with the group's error.
    fn answer(self: Box<Self>, group: Result<(), LedgerError>);
}

struct Operation<T, F> {
    work: F,
    outcome: Option<Result<T, LedgerError>>,
    reply: oneshot::Sender<Result<T, LedgerError>>,
    path: Arc<Path>,
}

impl Writer {
    /// Starts the writing thread on that connection, and the checkpointer.
    pub(crate) fn start(connection: Connection, path: Arc<Path>) -> std::io::Result<Self> {
        let (jobs, waiting) = mpsc::channel();
        let (wake, wakes) = mpsc::channel();
        let long_log = Arc::new(AtomicBool::new(false));
        let failure = Arc::default();
        let checkpointer = Checkpointer {
            path: path.to_path_buf(),
            wakes,
            long_log: Arc::clone(&long_log),
        };
        let thread = WriterThread {
            connection,
            jobs: waiting,
            issuers: RefCell::default(),
            path: Arc::clone(&path),
            since_checkpoint: 0,
            checkpointer: wake,
            long_log,
            failure: Arc::clone(&failure),
        };
        let threads = vec![
            thread::Builder::new()
                .name("ledger-writer".into())
                .spawn(move || thread.run())?,
            thread::Builder::new()
                .name("ledger-log".into())
                .spawn(move || checkpointer.run())?,
        ];
        Ok(Self {
            jobs: Some(jobs),
            threads,
            path,
            failure,
        })
    }

    /// Why the last write failed; `None` if it succeeded or there was none.
    pub(crate) fn failure(&self) -> Option<LedgerError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs `work` in a transaction, possibly with other operations, and answers once that is committed.
    ///
    /// Work should fail before it writes anything: otherwise the whole transaction is rolled back, and every operation
    /// that shared it runs again, each in its own. For that reason `work` may run twice.
    pub(crate) fn write<T, F>(&self, work: F) -> impl Future<Output = Result<T, LedgerError>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnMut(&Writing<'_>) -> Result<T, Fault> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let operation = Operation {
            work,
            outcome: None,
            reply,
            path: Arc::clone(&self.path),
        };
        if let Some(jobs) = &self.jobs {
            // Where the thread has ended, the reply is dropped with the operation, and the answer below is that error.
            let _ = jobs.send(Box::new(operation));
        }
        async move { answer.await.unwrap_or_else(|_| Err(stopped())) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl<T, F> Job for Operation<T, F>
where
    T: Send,
    F: FnMut(&Writing<'_>) -> Result<T, Fault> + Send,
{
    fn run(&mut self, writing: &Writing<'_>) -> bool {
        let outcome = (self.work)(writing).map_err(|fault| fault.into_ledger(&self.path));
        self.outcome.insert(outcome).is_ok()
    }

    fn failure(&self) -> Option<&LedgerError> {
        self.outcome.as_ref()?.as_ref().err()
    }

    fn answer(self: Box<Self>, group: Result<(), LedgerError>) {
        let Self { outcome, reply, .. } = *self;
        let outcome = group.and_then(|()| outcome.unwrap_or_else(|| Err(stopped())));
        // A caller that no longer waits does not undo what is committed.
        let _ = reply.send(outcome);
    }
}

/// Writes without a lasting change, to find out whether writing works again.
struct Probe {
    path: Arc<Path>,
    failure: Option<LedgerError>,
}

impl Job for Probe {
    fn run(&mut self, writing: &Writing<'_>) -> bool {
        // SQLite does not write a page whose contents do not change.
        let written = writing
            .connection
            .execute_batch("UPDATE counts SET issued = issued + 1; UPDATE counts SET issued = issued - 1");
        self.failure = written.err().map(|error| Fault::from(error).into_ledger(&self.path));
        self.failure.is_none()
    }

    fn failure(&self) -> Option<&LedgerError> {
        self.failure.as_ref()
    }

    /// No caller waits for it.
    fn answer(self: Box<Self>, _group: Result<(), LedgerError>) {}
}

struct WriterThread {
    connection: Connection,
    jobs: mpsc::Receiver<Box<dyn Job>>,
    issuers: RefCell<HashMap<CaName, i64>>,
    path: Arc<Path>,
    since_checkpoint: usize,
    checkpointer: mpsc::Sender<()>,
    long_log: Arc<AtomicBool>,
    failure: Arc<Mutex<Option<LedgerError>>>,
}

/// How an attempt at a group ended.
enum Attempt {
    Committed,
    /// An operation failed after it had written something: all is rolled back.
    Undone,
    /// The transaction could not begin, or not be committed.
    Failed(LedgerError),
}

impl WriterThread {
    fn run(mut self) {
        while let Some(group) = self.next_group() {
            self.since_checkpoint += group.len();
            self.settle(group);
            self.keep_log_short();
        }
    }

    fn next_group(&mut self) -> Option<Vec<Box<dyn Job>>> {
        let first = self.first_job()?;
        let mut group = vec![first];
        group.extend(self.jobs.try_iter().take(MAX_GROUP - 1));
        Some(group)
    }

    fn first_job(&mut self) -> Option<Box<dyn Job>> {
        loop {
            let has_failed = self.failure.lock().unwrap_or_else(PoisonError::into_inner).is_some();
            let wait = match (self.since_checkpoint, has_failed) {
                (0, false) => return self.jobs.recv().ok(),
                (0, true) => RETRY,
                _ => IDLE,
            };
            match self.jobs.recv_timeout(wait) {
                Ok(job) => return Some(job),
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
                Err(mpsc::RecvTimeoutError::Timeout) if self.since_checkpoint > 0 => self.wake_checkpointer(),
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let path = Arc::clone(&self.path);
                    self.settle(vec![Box::new(Probe { path, failure: None })]);
                }
            }
        }
    }

    /// Keeps why a group could not be written, or clears that once one could.
    fn note(&self, attempt: &Attempt, group: &[Box<dyn Job>], has_changed: bool) {
        let failure = match attempt {
            Attempt::Failed(error) => Some(error),
            Attempt::Committed | Attempt::Undone => group.iter().find_map(|job| job.failure()),
        };
        // A refusal is an answer, and a damaged row does not prevent other writes.
        let failure = failure.filter(|error| matches!(error, LedgerError::Unavailable { .. }));
        let mut last = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = failure {
            if last.is_none() {
                tracing::error!(%error, "the ledger cannot be written; it is tried again");
            }
            *last = Some(error.clone());
        } else if has_changed && matches!(attempt, Attempt::Committed) && last.take().is_some() {
            tracing::info!("the ledger can be written again");
        }
    }

    /// Runs every operation of the group until it is committed or has failed, and answers its caller.
    fn settle(&self, mut group: Vec<Box<dyn Job>>) {
        let answer = match self.attempt(&mut group) {
            Attempt::Undone if group.len() > 1 => {
                for job in group {
                    self.settle(vec![job]);
                }
                return;
            }
            // A single operation: its own outcome is the error.
            Attempt::Committed | Attempt::Undone => Ok(()),
            Attempt::Failed(error) => Err(error),
        };
        for job in group {
            job.answer(answer.clone());
        }
    }

    fn attempt(&self, group: &mut [Box<dyn Job>]) -> Attempt {
        let before = self.connection.total_changes();
        let attempt = self
            .transact(group)
            .unwrap_or_else(|fault| Attempt::Failed(fault.into_ledger(&self.path)));
        self.note(&attempt, group, self.connection.total_changes() > before);
        if !matches!(attempt, Attempt::Committed) {
            if !self.connection.is_autocommit() {
                let _ = self.connection.execute_batch("ROLLBACK");
            }
            // Some cached numbers may be of rows that were rolled back.
            self.issuers.borrow_mut().clear();
        }
        attempt
    }

    fn transact(&self, group: &mut [Box<dyn Job>]) -> Result<Attempt, Fault> {
        let tally = Cell::default();
        let writing = Writing {
            connection: &self.connection,
            issuers: &self.issuers,
            tally: &tally,
        };
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        for job in group {
            let before = self.connection.total_changes();
            let succeeded = job.run(&writing);
            let untouched = self.connection.total_changes() == before && !self.connection.is_autocommit();
            if !succeeded && !untouched {
                return Ok(Attempt::Undone);
            }
        }
        writing.write_tally()?;
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(Attempt::Committed)
    }

    fn keep_log_short(&mut self) {
        if self.since_checkpoint >= CHECKPOINT_EVERY {
            self.wake_checkpointer();
        }
        if self.long_log.load(Ordering::Relaxed) {
            match checkpoint(&self.connection) {
                // The checkpointer is running at this moment: try again after the next group.
                Ok(Log { busy: true, .. }) => {}
                // Done; or a reader still uses old pages, and the checkpointer will ask again.
                Ok(_) => self.long_log.store(false, Ordering::Relaxed),
                Err(error) => {
                    self.long_log.store(false, Ordering::Relaxed);
                    tracing::warn!(%error, "the ledger's log could not be shortened");
                }
            }
        }
    }

    fn wake_checkpointer(&mut self) {
        self.since_checkpoint = 0;
        let _ = self.checkpointer.send(());
    }
}

impl Writing<'_> {
    /// Adds to the counts.
    pub(crate) fn count(&self, add: impl FnOnce(&mut Tally)) {
        let mut tally = self.tally.get();
        add(&mut tally);
        self.tally.set(tally);
    }

    /// The row id of an issuer that has one.
    pub(crate) fn known_issuer(&self, ca_name: &CaName) -> Result<Option<i64>, Fault> {
        if let Some(&number) = self.issuers.borrow().get(ca_name) {
            return Ok(Some(number));
        }
        let number = self
            .connection
            .prepare_cached("SELECT id FROM issuers WHERE slug = ?1")?
            .query_row([ca_name.as_str()], |row| row.get(0))
            .optional()?;
        if let Some(number) = number {
            self.issuers.borrow_mut().insert(ca_name.clone(), number);
        }
        Ok(number)
    }

    /// The row id of an issuer, added where it has none.
    pub(crate) fn issuer(&self, ca_name: &CaName) -> Result<i64, Fault> {
        if let Some(number) = self.known_issuer(ca_name)? {
            return Ok(number);
        }
        self.connection
            .execute("INSERT INTO issuers (slug) VALUES (?1)", [ca_name.as_str()])?;
        let number = self.connection.last_insert_rowid();
        self.issuers.borrow_mut().insert(ca_name.clone(), number);
        Ok(number)
    }

    /// Runs a part of an operation in a savepoint: its failure undoes what that part wrote, and nothing else.
    pub(crate) fn apart<T>(&self, part: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
        let tally = self.tally.get();
        self.connection.execute_batch("SAVEPOINT part")?;
        let outcome = part();
        if outcome.is_err() {
            self.connection.execute_batch("ROLLBACK TO part")?;
            self.tally.set(tally);
        }
        self.connection.execute_batch("RELEASE part")?;
        outcome
    }

    fn write_tally(&self) -> Result<(), Fault> {
        let tally = self.tally.get();
        if tally == Tally::default() {
            return Ok(());
        }
        self.connection
            .prepare_cached(
                "UPDATE counts SET issued = issued + ?1, revoked = revoked + ?2,
                     open_intents = open_intents + ?3, rejected = rejected + ?4",
            )?
            .execute([tally.issued, tally.revoked, tally.open_intents, tally.rejected])?;
        Ok(())
    }
}

/// Moves pages from the log to the file, beside the writer and without delaying it.
struct Checkpointer {
    path: PathBuf,
    wakes: mpsc::Receiver<()>,
    long_log: Arc<AtomicBool>,
}

impl Checkpointer {
    fn run(self) {
        let mut connection = None;
        while self.wakes.recv().is_ok() {
            // One checkpoint serves every wake-up that came meanwhile.
            while self.wakes.try_recv().is_ok() {}
            if let Err(error) = self.work(&mut connection) {
                tracing::warn!(
                    ?error,
                    "the ledger's log could not be written to its file; it will be tried again"
                );
                connection = None;
            }
        }
    }

    fn work(&self, connection: &mut Option<Connection>) -> Result<(), Fault> {
        if connection.is_none() {
            let opened = schema::open_reader(&self.path)?;
            opened.pragma_update(None, "query_only", false)?;
            *connection = Some(opened);
        }
        let Some(connection) = connection else { return Ok(()) };
        if checkpoint(connection)?.frames > LONG_LOG {
            self.long_log.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Result of a checkpoint.
struct Log {
    /// Another connection was making one.
    busy: bool,
    /// Frames in the log.
    frames: i64,
}

/// Moves what can be moved without waiting for readers or the writer.
fn checkpoint(connection: &Connection) -> Result<Log, rusqlite::Error> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        Ok(Log {
            busy: row.get(0)?,
            frames: row.get(1)?,
        })
    })
}

#[cfg(test)]
mod tests;
