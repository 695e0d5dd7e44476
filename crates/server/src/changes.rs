//! Requests with unsafe methods (RFC 9110 section 9.2.1) run to their end, even if the connection closes.
//!
//! hyper drops a handler when its connection closes, between any two of its steps: a revocation would be recorded and
//! its CRL never made. So each such request runs on a task of its own, and the number of tasks is limited; the
//! connection waits for the task's answer, and may close. A server that stops waits for these tasks.
//!
//! The task needs only one thing from its caller, the request's body, which [the listener](crate::listen) gives up when
//! it stalls. Ledger and key store have deadlines of their own, but a request makes many calls: so a task has [a
//! deadline](LONGEST), too, at which it is dropped as by a crash. What was done until then is in the ledger: the sweep
//! completes or gives up its intents, and a CRL is due for its revocations.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::error::Elapsed;
use tokio_util::task::TaskTracker;

use crate::api::problem::Problem;
use crate::limits::Limits;
use crate::listen::Origin;

/// Requests with unsafe methods in progress at once; further ones are answered 503. Each holds its body, of 256 KiB at
/// most. The number for one address is limited, too: such a request goes on when its caller hangs up, so the limits on
/// connections and answers for one address do not bound it.
const AT_ONCE: usize = 1024;

/// How long such a request may run, whether or not its caller waits: twenty times the time in which its caller is
/// promised an answer.
pub const LONGEST: Duration = Duration::from_mins(10);

/// The requests with unsafe methods in progress. Clones share the same state.
#[derive(Clone, Debug)]
pub struct Changes {
    tasks: TaskTracker,
    slots: Arc<Semaphore>,
    origins: Origins,
}

/// Number in progress for each address.
type Origins = Arc<Mutex<HashMap<Origin, usize>>>;

/// A slot for a request with an unsafe method, freed when dropped.
struct ChangeSlot {
    _permit: OwnedSemaphorePermit,
    of: Option<(Origin, Origins)>,
}

impl Drop for ChangeSlot {
    fn drop(&mut self) {
        let Some((origin, origins)) = &self.of else { return };
        let mut origins = origins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = origins.get_mut(origin) {
            *count -= 1;
            if *count == 0 {
                origins.remove(origin);
            }
        }
    }
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            tasks: TaskTracker::new(),
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            origins: Origins::default(),
        }
    }
}

impl Changes {
    /// Runs the server's own work on a task of its own, which only that time and the end of the process end. `None`:
    /// too much is in progress.
    pub(crate) fn run<T>(
        &self,
        longest: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<tokio::task::JoinHandle<Result<T, Elapsed>>>
    where
        T: Send + 'static,
    {
        Some(self.run_in(self.slot(None)?, longest, work))
    }

    /// A slot for a request from an address, which may have at most so many. `None`: too much is in progress.
    fn slot(&self, of: Option<(Origin, usize)>) -> Option<ChangeSlot> {
        let permit = Arc::clone(&self.slots).try_acquire_owned().ok()?;
        let of = match of {
            None => None,
            Some((origin, share)) => {
                let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
                let count = origins.entry(origin).or_default();
                if *count >= share {
                    return None;
                }
                *count += 1;
                Some((origin, Arc::clone(&self.origins)))
            }
        };
        Some(ChangeSlot { _permit: permit, of })
    }

    fn run_in<T>(
        &self,
        slot: ChangeSlot,
        longest: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<Result<T, Elapsed>>
    where
        T: Send + 'static,
    {
        self.tasks.spawn(async move {
            let outcome = tokio::time::timeout(longest, work).await;
            if outcome.is_err() {
                tracing::error!(
                    seconds = longest.as_secs(),
                    "a request that changes something did not end in its time and was dropped; the ledger says how far it came"
                );
            }
            drop(slot);
            outcome
        })
    }

    /// Waits until all are done, for at most `within`; whether they are. To be called once no further request can come.
    pub async fn wait_for_end(&self, within: Duration) -> bool {
        self.tasks.close();
        tokio::time::timeout(within, self.tasks.wait()).await.is_ok()
    }
}

/// The requests in progress, how many there may be of one address, and how long an answer may take.
#[derive(Clone, Debug)]
pub(crate) struct ChangeLimits {
    /// The tasks of requests with unsafe methods.
    pub(crate) changes: Changes,
    /// How long the caller waits for an answer.
    pub(crate) answer: Duration,
    /// How many requests of one address may be in progress at once.
    pub(crate) of_one_address: usize,
}

impl ChangeLimits {
    pub(crate) fn new(changes: Changes, limits: &Limits) -> Self {
        Self {
            changes,
            answer: limits.request_time,
            of_one_address: limits.share_of_one(AT_ONCE),
        }
    }
}

/// Middleware around every handler: a safe request ends with its caller or its timeout, every other one runs to its
/// end.
pub(crate) async fn run_to_completion(State(limits): State<ChangeLimits>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return match tokio::time::timeout(limits.answer, next.run(request)).await {
            Ok(answer) => answer,
            Err(_) => Problem::unavailable("the answer took too long; try again").into_response(),
        };
    }
    let origin = request.extensions().get::<Origin>();
    let Some(slot) = limits
        .changes
        .slot(origin.map(|origin| (*origin, limits.of_one_address)))
    else {
        return Problem::unavailable("too many requests are in work; try again in a moment").into_response();
    };
    let work = limits.changes.run_in(slot, LONGEST, next.run(request));
    match tokio::time::timeout(limits.answer, work).await {
        Ok(Ok(Ok(answer))) => answer,
        Ok(Ok(Err(_))) => Problem::internal().into_response(),
        Ok(Err(error)) => {
            tracing::error!(%error, "a handler did not end");
            Problem::internal().into_response()
        }
        Err(_) => Problem::unavailable(
            "this takes longer than an answer is waited for, and goes on; look at what came of it, or repeat the request, with the same idempotency key if it had one",
        )
        .into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[tokio::test]
    async fn whoever_hangs_up_again_and_again_keeps_no_more_than_a_share_of_the_work() {
        let limits = Limits::default();
        let limits = ChangeLimits::new(Changes::default(), &limits);
        let share = limits.of_one_address;
        assert_eq!(share, AT_ONCE / 8);
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|text| Origin::from(text.parse::<IpAddr>().unwrap()));
        let slot = |origin| limits.changes.slot(Some((origin, share)));
        let (end, ended) = tokio::sync::watch::channel(false);
        let mut work: Vec<_> = (0..share)
            .map(|_| {
                let mut ended = ended.clone();
                let until_told = async move { ended.wait_for(|is_over| *is_over).await.is_ok() };
                limits.changes.run_in(slot(one).unwrap(), LONGEST, until_told)
            })
            .collect();
        // As hyper does when the connection closes: the caller is gone, and the work goes on.
        drop(work.split_off(1));
        assert!(slot(one).is_none());
        assert!(slot(other).is_some());
        end.send(true).unwrap();
        assert!(work.remove(0).await.unwrap().unwrap());
        assert!(limits.changes.wait_for_end(Duration::from_secs(10)).await);
        assert!(slot(one).is_some());
        assert!(limits.changes.origins.lock().unwrap().is_empty());
    }
}
