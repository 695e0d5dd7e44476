//! Requests that change something run to their end, whoever listens.
//!
//! hyper drops a handler when its connection goes away, between any two of its steps: a revocation would be recorded and
//! its CRL never made. So whatever is no safe method (RFC 9110 section 9.2.1) runs on a task of its own, of which there are
//! so many at most; the connection waits for the task's answer, and may go away. A server that stops waits for these tasks.
//!
//! The one thing that such a task asks of its caller is the request's body, which [the listener](crate::listen) gives up once it
//! does not move. Ledger and key store have deadlines of their own, but a request makes many calls: so a task has
//! [one of its own](LONGEST), too, at which it is dropped as by a crash. What was done until then stands in the ledger: the
//! sweeper takes intents up or gives them up, and a CRL is due for what was revoked.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::Semaphore;
use tokio::time::error::Elapsed;
use tokio_util::task::TaskTracker;

use crate::api::problem::Problem;

/// Requests that change something, in work at once; further ones are turned away with 503. Each holds its body, of 256 KiB
/// at most.
const AT_ONCE: usize = 1024;

/// How long such a request may be in work, whoever listens: twenty times what its caller is promised an answer in.
pub const LONGEST: Duration = Duration::from_mins(10);

/// The requests that change something and are in work. Clones are of one and the same.
#[derive(Clone, Debug)]
pub struct Changes {
    tasks: TaskTracker,
    places: Arc<Semaphore>,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            tasks: TaskTracker::new(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Changes {
    /// Runs work on a task of its own, which nothing ends but its time and the end of the process. `None`: too many are in work.
    pub(crate) fn run<T>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<tokio::task::JoinHandle<Result<T, Elapsed>>>
    where
        T: Send + 'static,
    {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(self.tasks.spawn(async move {
            let outcome = tokio::time::timeout(LONGEST, work).await;
            if outcome.is_err() {
                tracing::error!(
                    seconds = LONGEST.as_secs(),
                    "a request that changes something did not end in its time and was dropped; the ledger says how far it came"
                );
            }
            drop(place);
            outcome
        }))
    }

    /// Waits until all are done, so long at most; whether they are. Asked once no further request comes.
    pub async fn finish(&self, within: Duration) -> bool {
        self.tasks.close();
        tokio::time::timeout(within, self.tasks.wait()).await.is_ok()
    }
}

/// How long requests may take.
#[derive(Clone, Debug)]
pub(crate) struct Times {
    /// Where those that change something run.
    pub(crate) changes: Changes,
    /// How long an answer is waited for.
    pub(crate) answer: Duration,
}

/// Middleware around every handler: what changes nothing ends with its caller or its time, everything else runs to its end.
pub(crate) async fn to_its_end(State(times): State<Times>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return match tokio::time::timeout(times.answer, next.run(request)).await {
            Ok(answer) => answer,
            Err(_) => Problem::unavailable("the answer took too long; try again").into_response(),
        };
    }
    let Some(work) = times.changes.run(next.run(request)) else {
        return Problem::unavailable("too many requests are in work; try again in a moment").into_response();
    };
    match tokio::time::timeout(times.answer, work).await {
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
