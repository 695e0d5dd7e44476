//! How long calls may take, retries included, and how their errors are classified.
//!
//! The SDK retries calls that were throttled or failed on AWS's side, with growing, jittered pauses and a quota that
//! stops a storm of retries. Here every call gets a time limit that includes its retries, and its outcome becomes one
//! of three: an answer, a refusal (`Failure::Refused`), or unknown (`Failure::Unavailable`).

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

use crate::error_code::ErrorCode;
use crate::meter::Meter;
use crate::world::random_below;

/// Most requests for one call, the first included.
const ATTEMPTS: u32 = 5;

/// The longest first pause between requests; later ones grow up to `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long one call may take at most, and the deadline of all calls. Shared by every port; cheap to clone: clones
/// share the deadline and the meter.
#[derive(Clone, Debug)]
pub struct CallBudget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    call: Duration,
    deadline: Mutex<Option<Instant>>,
    meter: Meter,
}

/// Why a call has no answer.
#[derive(Debug)]
pub(crate) enum Failure<E> {
    /// AWS refused, and changed nothing.
    Refused(E),
    /// Throttled, failed or without an answer, after all retries: AWS may have done what was asked, or not.
    Unavailable(String),
}

impl CallBudget {
    /// A budget of `call` for each call, retries included; a call that moves a long object gets six times as long.
    pub fn new(call: Duration) -> Self {
        Self(Arc::new(Inner {
            call,
            deadline: Mutex::new(None),
            meter: Meter::default(),
        }))
    }

    /// Sets the time by which every call must be done: the function's own end, less what it needs to answer. `None`:
    /// none.
    pub fn set_deadline(&self, deadline: Option<Instant>) {
        *self.0.deadline.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
    }

    /// How long a call that begins now may take: never beyond the deadline.
    pub fn left(&self) -> Duration {
        self.bounded(self.0.call)
    }

    /// The meter, which counts the calls of every port that shares this budget.
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

    /// How long to wait after so many failed attempts of a call whose attempts are the caller's: at random, as the SDK does.
    pub(crate) fn pause_after(failed: u32) -> Duration {
        let longest = FIRST_PAUSE.saturating_mul(1 << failed.min(6)).min(LONGEST_PAUSE);
        let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(1 + random_below(longest))
    }

    /// Time to connect: a quarter of a call's time.
    pub(crate) fn connecting(&self) -> Duration {
        self.0.call / 4
    }

    /// Timeouts of single requests: one without an answer is abandoned early enough for another attempt.
    pub(crate) fn timeouts(&self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(self.connecting())
            .operation_attempt_timeout(self.0.call / 3)
            .build()
    }

    /// As [`timeouts`](Self::timeouts), for requests that move long objects.
    pub(crate) fn long_timeouts(&self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(self.connecting())
            .operation_attempt_timeout(self.0.call * 3)
            .build()
    }

    /// Waits for a call within the budget. `what` is its name in messages.
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

    /// As [`call`](Self::call), for a call that moves a long object.
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

/// The SDK's futures take many thousand octets; boxed, they do not make every caller's future as large.
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
            let throttled = ErrorCode::of(context.err()) == ErrorCode::Throttled;
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

/// An error of AWS as text: code and message.
pub(crate) fn describe<E: ProvideErrorMetadata + std::error::Error>(error: &E) -> String {
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => chain(error),
    }
}

/// An error with all its causes: the SDK's own text alone is `dispatch failure`.
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
