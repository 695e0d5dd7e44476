//! The queue of jobs for a token, with timeouts.
//!
//! A call to a module may never return: only the end of the process ends it. So the caller gets an error once its time
//! is over, whatever the thread is doing; a job whose turn comes after that is skipped; and once every thread is in
//! such a call, callers get an error at once.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use chancery_authority::port::KeyStoreError;
use futures_channel::oneshot;

/// Most jobs that wait for their turn: as many as the mutating requests that are in progress at once. Each holds a
/// digest and little else.
const WAITING: usize = 1024;

/// Deadlines kept before those of finished jobs are removed.
const DEADLINES: usize = 4 * WAITING;

/// How long dropping a token waits for jobs in progress.
const LAST_WORK: Duration = Duration::from_secs(5);

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// Threads with a state each, that take jobs from one queue. Dropping the queue waits for them: a module that a thread
/// calls while the process is ending, with the module's own state half destroyed, crashes the process.
pub(super) struct Queue<S> {
    /// `Some` until dropped.
    jobs: Option<mpsc::SyncSender<Job<S>>>,
    deadlines: mpsc::Sender<(Instant, Weak<dyn Awaited>)>,
    /// Each thread has a sender; the channel closes when all have ended.
    ended: Mutex<mpsc::Receiver<Infallible>>,
    sessions: usize,
    /// Threads in a call whose caller has given up.
    overdue: Arc<AtomicUsize>,
}

impl<S> std::fmt::Debug for Queue<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue")
            .field("sessions", &self.sessions)
            .finish_non_exhaustive()
    }
}

/// A job with a waiting caller.
trait Awaited: Send + Sync {
    /// Answers the caller that its time is over.
    fn give_up(&self);
}

enum JobState<T> {
    Waiting(Reply<T>),
    Running(Reply<T>),
    /// Answered while a thread still runs it.
    Overdue,
    Done,
}

type Reply<T> = oneshot::Sender<Result<T, KeyStoreError>>;

struct Work<T> {
    state: Mutex<JobState<T>>,
    timeout: Duration,
    overdue: Arc<AtomicUsize>,
}

impl<T> Work<T> {
    fn state(&self) -> MutexGuard<'_, JobState<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the job at its turn. Whether its caller still waits.
    fn begin(&self) -> bool {
        let mut state = self.state();
        match std::mem::replace(&mut *state, JobState::Done) {
            JobState::Waiting(reply) if !reply.is_canceled() => {
                *state = JobState::Running(reply);
                true
            }
            JobState::Waiting(_) | JobState::Running(_) | JobState::Overdue | JobState::Done => false,
        }
    }

    fn end(&self, outcome: Result<T, KeyStoreError>) {
        match std::mem::replace(&mut *self.state(), JobState::Done) {
            // A caller that no longer waits needs no answer.
            JobState::Waiting(reply) | JobState::Running(reply) => drop(reply.send(outcome)),
            JobState::Overdue => {
                self.overdue.fetch_sub(1, Ordering::SeqCst);
                tracing::warn!("a call to the token has returned after its caller gave up");
            }
            JobState::Done => {}
        }
    }
}

impl<T: Send> Awaited for Work<T> {
    fn give_up(&self) {
        let mut state = self.state();
        let seconds = self.timeout.as_secs();
        let (reply, what) = match std::mem::replace(&mut *state, JobState::Done) {
            JobState::Waiting(reply) => (reply, "did not come to it"),
            JobState::Running(reply) => {
                *state = JobState::Overdue;
                self.overdue.fetch_add(1, Ordering::SeqCst);
                tracing::error!(seconds, "a token does not come back from a call");
                (reply, "did not come back from it")
            }
            JobState::Overdue => {
                *state = JobState::Overdue;
                return;
            }
            JobState::Done => return,
        };
        let _ = reply.send(Err(KeyStoreError::Unavailable {
            detail: format!("the token {what} within {seconds} seconds"),
        }));
    }
}

impl<S: 'static> Queue<S> {
    /// Starts one thread for each state; the thread makes its state.
    pub(super) fn start<F>(states: impl IntoIterator<Item = F>) -> std::io::Result<Self>
    where
        F: FnOnce() -> S + Send + 'static,
    {
        let (jobs, receiver) = mpsc::sync_channel::<Job<S>>(WAITING);
        let receiver = Arc::new(Mutex::new(receiver));
        let (running, ended) = mpsc::channel();
        let mut sessions = 0;
        for state in states {
            let (receiver, running) = (Arc::clone(&receiver), running.clone());
            thread::Builder::new()
                .name("chancery-token".to_owned())
                .spawn(move || {
                    let mut state = state();
                    let next = || receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    while let Ok(job) = next() {
                        job(&mut state);
                    }
                    drop(state);
                    drop(running);
                })?;
            sessions += 1;
        }
        let (deadlines, awaited) = mpsc::channel();
        thread::Builder::new()
            .name("chancery-token-time".to_owned())
            .spawn(move || time_out_jobs(&awaited))?;
        Ok(Self {
            jobs: Some(jobs),
            deadlines,
            ended: Mutex::new(ended),
            sessions,
            overdue: Arc::default(),
        })
    }

    /// Runs a job, and waits for it as long as `timeout`. A job that a thread has begun runs to its end all the same.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        timeout: Duration,
        work: impl FnOnce(&mut S) -> Result<T, KeyStoreError> + Send + 'static,
    ) -> Result<T, KeyStoreError> {
        if self.overdue.load(Ordering::SeqCst) >= self.sessions {
            return unavailable("every session of the token hangs in a call; check the token and the connection to it");
        }
        let (reply, answer) = oneshot::channel();
        let awaited = Arc::new(Work {
            state: Mutex::new(JobState::Waiting(reply)),
            timeout,
            overdue: Arc::clone(&self.overdue),
        });
        let deadline = Arc::downgrade(&awaited);
        let job: Job<S> = Box::new(move |state| {
            if awaited.begin() {
                awaited.end(work(state));
            }
        });
        let sent = match &self.jobs {
            Some(jobs) => jobs.try_send(job),
            None => return unavailable(ENDED),
        };
        match sent {
            Ok(()) => {}
            Err(mpsc::TrySendError::Full(_)) => {
                return unavailable(&format!(
                    "{WAITING} jobs are already queued for the token; try again in a moment"
                ));
            }
            Err(mpsc::TrySendError::Disconnected(_)) => return unavailable(ENDED),
        }
        if self.deadlines.send((Instant::now() + timeout, deadline)).is_err() {
            return unavailable(ENDED);
        }
        answer.await.unwrap_or_else(|_| unavailable(ENDED))
    }
}

const ENDED: &str = "the token's threads have ended";

fn unavailable<T>(detail: &str) -> Result<T, KeyStoreError> {
    let detail = detail.to_owned();
    Err(KeyStoreError::Unavailable { detail })
}

/// Gives up the jobs that are not done in time.
fn time_out_jobs(awaited: &mpsc::Receiver<(Instant, Weak<dyn Awaited>)>) {
    let mut deadlines: BTreeMap<(Instant, u64), Weak<dyn Awaited>> = BTreeMap::new();
    let mut count = 0_u64;
    loop {
        let next = match deadlines.first_key_value() {
            None => awaited.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
            Some(((deadline, _), _)) => awaited.recv_timeout(deadline.saturating_duration_since(Instant::now())),
        };
        match next {
            Ok((deadline, work)) => {
                count += 1;
                deadlines.insert((deadline, count), work);
                if deadlines.len() > DEADLINES {
                    deadlines.retain(|_, work| work.strong_count() > 0);
                }
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                if let Some((_, work)) = deadlines.pop_first()
                    && let Some(work) = work.upgrade()
                {
                    work.give_up();
                }
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
    }
}

impl<S> Drop for Queue<S> {
    fn drop(&mut self) {
        self.jobs = None;
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(LAST_WORK) {
            tracing::warn!("a token does not answer: its sessions are left open");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block_on;

    const SHORT: Duration = Duration::from_millis(200);
    const LONG: Duration = Duration::from_secs(30);

    fn queue(sessions: usize) -> Queue<()> {
        Queue::start((0..sessions).map(|_| || ())).unwrap()
    }

    fn is_unavailable<T>(outcome: &Result<T, KeyStoreError>) -> bool {
        matches!(outcome, Err(KeyStoreError::Unavailable { .. }))
    }

    /// A job that hangs until its other end is dropped.
    fn hanging() -> (mpsc::Sender<()>, impl FnOnce(&mut ()) -> Result<(), KeyStoreError>) {
        let (release, held) = mpsc::channel::<()>();
        let work = move |(): &mut ()| {
            let _ = held.recv();
            Ok(())
        };
        (release, work)
    }

    #[test]
    fn a_call_that_never_comes_back_is_answered_and_stops_no_other() {
        let queue = queue(2);
        let (release, work) = hanging();
        let begun = Instant::now();
        assert!(is_unavailable(&block_on(queue.run(SHORT, work))));
        assert!(begun.elapsed() < LONG);
        assert_eq!(
            block_on(queue.run(LONG, |()| Ok(7))).unwrap(),
            7,
            "the other session goes on"
        );
        // Once both hang, no caller waits.
        let (second, work) = hanging();
        assert!(is_unavailable(&block_on(queue.run(SHORT, work))));
        let begun = Instant::now();
        assert!(is_unavailable(&block_on(queue.run(LONG, |()| Ok(7)))));
        assert!(begun.elapsed() < LONG / 2);
        // They return.
        drop((release, second));
        while queue.overdue.load(Ordering::SeqCst) > 0 {
            thread::yield_now();
        }
        assert_eq!(block_on(queue.run(LONG, |()| Ok(7))).unwrap(), 7);
    }

    #[test]
    fn work_that_nobody_waits_for_is_not_done() {
        let queue = queue(1);
        let (release, work) = hanging();
        let done = Arc::new(AtomicUsize::new(0));
        let counting = || {
            let done = Arc::clone(&done);
            move |(): &mut ()| {
                done.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        };
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        // The first poll hands the job over.
        let mut hung = Box::pin(queue.run(LONG, work));
        assert!(hung.as_mut().poll(&mut context).is_pending());
        // One whose time is over before its turn, and one whose caller goes away.
        assert!(is_unavailable(&block_on(queue.run(SHORT, counting()))));
        let mut gone = Box::pin(queue.run(LONG, counting()));
        assert!(gone.as_mut().poll(&mut context).is_pending());
        drop(gone);
        drop(release);
        block_on(hung).unwrap();
        block_on(queue.run(LONG, |()| Ok(()))).unwrap();
        assert_eq!(done.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn no_more_than_so_much_waits() {
        let queue = queue(1);
        let (release, work) = hanging();
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut waiting = vec![Box::pin(queue.run(LONG, work)) as std::pin::Pin<Box<dyn Future<Output = _>>>];
        waiting.extend((0..WAITING + 2).map(|_| Box::pin(queue.run(LONG, |()| Ok(()))) as _));
        let answered = |future: &mut std::pin::Pin<Box<dyn Future<Output = Result<(), KeyStoreError>> + '_>>,
                        context: &mut _| {
            match future.as_mut().poll(context) {
                std::task::Poll::Ready(outcome) => is_unavailable(&outcome),
                std::task::Poll::Pending => false,
            }
        };
        let refused = waiting
            .iter_mut()
            .filter_map(|future| answered(future, &mut context).then_some(()))
            .count();
        assert!(
            (2..=3).contains(&refused),
            "{refused}: the first may have been taken by its thread already"
        );
        drop(release);
    }
}
