//! The one thread that writes: whoever waits at the same time shares one transaction and one fsync.

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

/// Operations in one transaction at most: bounds what one commit writes, and so how long anybody waits for it.
const MAX_GROUP: usize = 512;

/// Operations after which the checkpointer is woken.
const CHECKPOINT_EVERY: usize = 2048;

/// Quiet time after which the checkpointer is woken for what little there is.
const IDLE: Duration = Duration::from_secs(1);

/// After a write that failed another one is tried so often, until one succeeds.
const RETRY: Duration = Duration::from_secs(5);

/// Frames (pages of 4 KiB) in the log from which on the writer helps the checkpointer to get to its end: as long as somebody
/// writes, only the writer can find a moment at which everything is in the file and the log can start over.
const LONG_LOG: i64 = 8192;

/// What an operation sees: the group's transaction.
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

/// One operation with its waiting caller, as the thread sees it.
trait Job: Send {
    /// Runs within the transaction, perhaps a second time after the first was rolled back. Whether it succeeded.
    fn run(&mut self, writing: &Writing<'_>) -> bool;
    /// Why it did not succeed.
    fn failure(&self) -> Option<&LedgerError>;
    /// Answers the caller: with its own outcome where the group was committed.
    fn answer(self: Box<Self>, group: Result<(), LedgerError>);
}

struct Operation<T, F> {
    work: F,
    outcome: Option<Result<T, LedgerError>>,
    reply: oneshot::Sender<Result<T, LedgerError>>,
    path: Arc<Path>,
}

impl Writer {
    /// Starts the thread on that connection.
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

    /// Why the last write failed; `None`: it did not, or there was none.
    pub(crate) fn failure(&self) -> Option<LedgerError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs `work` in a transaction of its own or with others, and answers once that is committed.
    ///
    /// Work that fails must have failed before it wrote anything, or everything that it shared the transaction with is
    /// done again without it; and it may be run twice for that reason.
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
            // Where the thread has ended the reply is dropped with the operation, and the answer below says so.
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
        // A caller who went away does not undo what is committed.
        let _ = reply.send(outcome);
    }
}

/// Changes nothing, and writes all the same: whether that works again.
struct Probe {
    path: Arc<Path>,
    failure: Option<LedgerError>,
}

impl Job for Probe {
    fn run(&mut self, writing: &Writing<'_>) -> bool {
        // What is as it was is not written at all.
        let written = writing
            .connection
            .execute_batch("UPDATE counts SET issued = issued + 1; UPDATE counts SET issued = issued - 1");
        self.failure = written.err().map(|error| Fault::from(error).into_ledger(&self.path));
        self.failure.is_none()
    }

    fn failure(&self) -> Option<&LedgerError> {
        self.failure.as_ref()
    }

    /// Nobody waits for it.
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
    /// The transaction itself could not be had, or not be committed.
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

    /// Keeps why a group could not be written, or that one could.
    fn note(&self, attempt: &Attempt, group: &[Box<dyn Job>], has_changed: bool) {
        let failure = match attempt {
            Attempt::Failed(error) => Some(error),
            Attempt::Committed | Attempt::Undone => group.iter().find_map(|job| job.failure()),
        };
        // A refusal is an answer, and damage of a row keeps nobody from writing others.
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

    /// Brings every operation of the group to its end.
    fn settle(&self, mut group: Vec<Box<dyn Job>>) {
        let answer = match self.attempt(&mut group) {
            Attempt::Undone if group.len() > 1 => {
                for job in group {
                    self.settle(vec![job]);
                }
                return;
            }
            // A single one: its own outcome says why.
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
            // Some of these may have been rolled back.
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
                // The checkpointer is at it this moment: after the next group, then.
                Ok(Log { busy: true, .. }) => {}
                // Done; or somebody still reads what is old, and the checkpointer will ask again.
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

    /// The number of a name that has one.
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

    /// The number of a name, given now where it has none.
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

    /// Does a part of an operation: its failure undoes what that part wrote, and nothing else.
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

/// Moves pages from the log to the file, beside the writer and without holding it up.
struct Checkpointer {
    path: PathBuf,
    wakes: mpsc::Receiver<()>,
    long_log: Arc<AtomicBool>,
}

impl Checkpointer {
    fn run(self) {
        let mut connection = None;
        while self.wakes.recv().is_ok() {
            // One checkpoint answers every call that came meanwhile.
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

/// What a checkpoint found.
struct Log {
    /// Another connection was making one.
    busy: bool,
    /// Frames in the log.
    frames: i64,
}

/// Moves what can be moved without waiting for anybody.
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
