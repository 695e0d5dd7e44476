//! Requests that change something run to their end, whoever listens.
//!
//! hyper drops a handler when its connection goes away, between any two of its steps: a revocation would be recorded and
//! its CRL never made. So whatever is no safe method (RFC 9110 section 9.2.1) runs on a task of its own, of which there are
//! so many at most; the connection waits for the task's answer, and may go away. A server that stops waits for these tasks.
//!
//! The one thing that such a task asks of its caller is the request's body, which has a deadline.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http_body::{Frame, SizeHint};
use tokio::sync::Semaphore;
use tokio::time::Sleep;
use tokio_util::task::TaskTracker;

use crate::api::problem::Problem;

/// Requests that change something, in work at once; further ones are turned away with 503. Each holds its body, of 256 KiB
/// at most.
const AT_ONCE: usize = 1024;

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
    /// Runs work on a task of its own, which nobody but the end of the process ends. `None`: too many are in work.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<tokio::task::JoinHandle<T>>
    where
        T: Send + 'static,
    {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(self.tasks.spawn(async move {
            let outcome = work.await;
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
    /// How long a body may take to arrive.
    pub(crate) body: Duration,
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
    let arriving = tokio::time::sleep(times.body);
    let request = request.map(|body| {
        Body::new(Arriving {
            body,
            deadline: Box::pin(arriving),
        })
    });
    let Some(work) = times.changes.run(next.run(request)) else {
        return Problem::unavailable("too many requests are in work; try again in a moment").into_response();
    };
    match tokio::time::timeout(times.answer, work).await {
        Ok(Ok(answer)) => answer,
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

/// A body that fails once its time is over: a task that runs to its end must not wait for somebody who sends nothing.
struct Arriving {
    body: Body,
    deadline: Pin<Box<Sleep>>,
}

/// The body took too long.
#[derive(Debug, thiserror::Error)]
#[error("the body took too long to arrive")]
struct TooLate;

impl http_body::Body for Arriving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if self.deadline.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(axum::Error::new(TooLate))));
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
