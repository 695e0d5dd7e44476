//! How long calls may take, retries included, and what an error says about them.
//!
//! The SDK repeats what was throttled or failed on AWS's side, with growing, jittered pauses and a quota that stops a
//! storm of retries. Here every call, with its retries, gets an end; and its outcome becomes one of three: an answer, a
//! refusal (`Failure::Refused`), or the admission that nobody knows (`Failure::Unavailable`).

use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::ReconnectMode;

use crate::meter::Meter;

/// Requests for one call at most.
const ATTEMPTS: u32 = 5;

/// The first pause between them is of this length at most, and grows from there.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Codes of refusals for the rate of calls.
pub(crate) const THROTTLING: [&str; 9] = [
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "Throttled",
    "ThrottledException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Shared by every port: how long one call may take at most, and until when all of them must be done. Cheap to clone;
/// clones share the deadline and the meter.
#[derive(Clone, Debug)]
pub struct CallBudget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    call: Duration,
    deadline: Mutex<Option<Instant>>,
    meter: Meter,
}

/// What came of a call that has no answer to give.
#[derive(Debug)]
pub(crate) enum Failure<E> {
    /// AWS said no, and nothing was done.
    Refused(E),
    /// Throttled, failed or not heard of again, after all retries: it may have been done or not.
    Unavailable(String),
}

impl CallBudget {
    /// A call, with its retries, takes so long at most; one that moves a long object takes six times as long.
    pub fn new(call: Duration) -> Self {
        Self(Arc::new(Inner {
            call,
            deadline: Mutex::new(None),
            meter: Meter::default(),
        }))
    }

    /// Until when every call must be done: a function's own end, less what it needs to answer. `None`: no such time.
    pub fn set_deadline(&self, deadline: Option<Instant>) {
        *self.0.deadline.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
    }

    /// How long a call that begins now may take.
    pub fn left(&self) -> Duration {
        self.bounded(self.0.call)
    }

    /// Counts the calls of every port that shares this.
    pub fn meter(&self) -> &Meter {
        &self.0.meter
    }

    pub(crate) fn retries() -> RetryConfig {
        RetryConfig::standard()
            .with_max_attempts(ATTEMPTS)
            .with_initial_backoff(FIRST_PAUSE)
            .with_max_backoff(LONGEST_PAUSE)
            .with_reconnect_mode(ReconnectMode::ReconnectOnTransientError)
    }

    /// Time to connect.
    pub(crate) fn connecting(&self) -> Duration {
        self.0.call / 4
    }

    /// A request without an answer is given up in time for another one.
    pub(crate) fn timeouts(&self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(self.connecting())
            .operation_attempt_timeout(self.0.call / 3)
            .build()
    }

    /// The same for requests that move long objects.
    pub(crate) fn long_timeouts(&self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(self.connecting())
            .operation_attempt_timeout(self.0.call * 3)
            .build()
    }

    /// Waits for a call, `what` being its name in messages.
    pub(crate) fn call<'a, T, E>(
        &self,
        what: &'a str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'a,
    ) -> Waiting<'a, T, E>
    where
        T: 'a,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        Box::pin(within(self.left(), what, call))
    }

    /// Waits for a call that moves a long object.
    pub(crate) fn long_call<'a, T, E>(
        &self,
        what: &'a str,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'a,
    ) -> Waiting<'a, T, E>
    where
        T: 'a,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        Box::pin(within(self.bounded(self.0.call * 6), what, call))
    }

    fn bounded(&self, call: Duration) -> Duration {
        let deadline = *self.0.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        let until = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        until.map_or(call, |until| until.min(call))
    }
}

/// The SDK's futures are of many thousand octets: on the heap, they do not make all of ours as large.
type Waiting<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, Failure<E>>> + Send + 'a>>;

async fn within<T, E>(
    limit: Duration,
    what: &str,
    call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, Failure<E>>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match tokio::time::timeout(limit, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(classify(what, error)),
        Err(_) => Err(Failure::Unavailable(format!(
            "{what} had no answer within {} ms; it may have been done or not",
            limit.as_millis()
        ))),
    }
}

impl Default for CallBudget {
    /// Ten seconds a call.
    fn default() -> Self {
        Self::new(Duration::from_secs(10))
    }
}

fn classify<E>(what: &str, error: SdkError<E, HttpResponse>) -> Failure<E>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match error {
        SdkError::ServiceError(context) => {
            let throttled = context.err().code().is_some_and(|code| THROTTLING.contains(&code));
            let status = context.raw().status();
            if throttled || status.is_server_error() || status.as_u16() == 429 {
                Failure::Unavailable(format!("{what}: {}", describe(context.err())))
            } else {
                Failure::Refused(context.into_err())
            }
        }
        other => Failure::Unavailable(format!("{what}: {}", chain(&other))),
    }
}

/// An error of AWS's, in its own words.
pub(crate) fn describe<E: ProvideErrorMetadata + std::error::Error>(error: &E) -> String {
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => chain(error),
    }
}

/// An error with everything that caused it: the SDK's own words alone are `dispatch failure`.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a String never fails.
        let _ = write!(words, ": {error}");
        cause = error.source();
    }
    words
}

/// Whether a refusal is for want of a permission.
pub(crate) fn is_denied<E: ProvideErrorMetadata>(error: &E) -> bool {
    matches!(
        error.code(),
        Some("AccessDeniedException" | "AccessDenied" | "Forbidden" | "AuthorizationError")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_shortens_every_call_and_is_shared() {
        let budget = CallBudget::new(Duration::from_secs(10));
        assert_eq!(budget.left(), Duration::from_secs(10));
        let shared = budget.clone();
        shared.set_deadline(Some(Instant::now() + Duration::from_secs(2)));
        assert!(budget.left() <= Duration::from_secs(2));
        shared.set_deadline(Some(Instant::now()));
        assert_eq!(budget.left(), Duration::ZERO);
        shared.set_deadline(None);
        assert_eq!(budget.left(), Duration::from_secs(10));
    }
}
