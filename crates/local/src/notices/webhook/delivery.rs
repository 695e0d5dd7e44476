//! The thread that delivers notices.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use chancery_contract::notice::Notice;
use data_encoding::HEXLOWER;
use serde::Serialize;
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::TlsConfig;

use super::config::WebhookConfig;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Limits the delivery thread's time from the moment the sender is dropped.
#[derive(Debug, Default)]
pub(super) struct Closing {
    deadline: Mutex<Option<Instant>>,
    begun: Condvar,
}

/// Delivers notices one after another.
pub(super) struct Delivery {
    agent: Agent,
    uri: Uri,
    host: String,
    secret: Option<hmac::Key>,
    timeout: Duration,
    attempts: u32,
    closing: Arc<Closing>,
}

#[derive(Serialize)]
struct Body<'a> {
    subject: &'a str,
    message: &'a serde_json::Value,
}

/// Why an attempt failed.
struct Failure {
    detail: String,
    /// Whether another attempt may succeed.
    passing: bool,
}

impl Closing {
    pub(super) fn begin(&self, time: Duration) {
        *self.lock() = Some(Instant::now() + time);
        self.begun.notify_all();
    }

    /// The time left; `None` before closing begins.
    fn left(&self) -> Option<Duration> {
        self.lock()
            .map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Waits, but not beyond the deadline.
    fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut deadline = self.lock();
        loop {
            let end = deadline.map_or(until, |deadline| deadline.min(until));
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            deadline = self
                .begun
                .wait_timeout(deadline, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Delivery {
    pub(super) fn new(
        config: &WebhookConfig,
        uri: Uri,
        host: String,
        here: bool,
        tls: Option<TlsConfig>,
        closing: Arc<Closing>,
    ) -> Self {
        let mut agent = Agent::config_builder()
            .user_agent(concat!("chancery/", env!("CARGO_PKG_VERSION")))
            // Redirects are not followed: one could lead a notice anywhere. The operator configures a receiver's new
            // URL.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false);
        if here {
            agent = agent.proxy(None);
        }
        if let Some(tls) = tls {
            agent = agent.https_only(true).tls_config(tls);
        }
        Self {
            agent: agent.build().new_agent(),
            uri,
            host,
            secret: config
                .secret
                .as_ref()
                .map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())),
            timeout: config.timeout,
            attempts: config.attempts.max(1),
            closing,
        }
    }

    pub(super) fn deliver_all(self, waiting: &mpsc::Receiver<Notice>) {
        // Ends when the sender is dropped and the queue is empty.
        for notice in waiting {
            self.deliver(&notice);
        }
    }

    fn deliver(&self, notice: &Notice) {
        let body = serde_json::to_vec(&Body {
            subject: notice.subject,
            message: &notice.message,
        });
        let (Ok(body), Ok(id)) = (body, identifier()) else {
            tracing::error!(
                host = self.host,
                subject = notice.subject,
                "a notice could not be written down"
            );
            return;
        };
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=self.attempts {
            if self.closing.left().is_some_and(|left| left.is_zero()) {
                break;
            }
            let failure = match self.post(&body, &id) {
                Ok(()) => return,
                Err(failure) => failure,
            };
            tracing::warn!(
                host = self.host,
                subject = notice.subject,
                id,
                attempt,
                error = failure.detail,
                "a notice was not taken"
            );
            if !failure.passing {
                break;
            }
            if attempt < self.attempts {
                self.closing.pause(jittered(pause));
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        tracing::error!(host = self.host, subject = notice.subject, id, "a notice was given up");
    }

    fn post(&self, body: &[u8], id: &str) -> Result<(), Failure> {
        let timeout = self.closing.left().map_or(self.timeout, |left| left.min(self.timeout));
        let mut request = self
            .agent
            .post(&self.uri)
            .config()
            .timeout_global(Some(timeout))
            .build()
            .header("Content-Type", "application/json")
            .header("Chancery-Notice", id);
        if let Some(secret) = &self.secret {
            request = request.header("Chancery-Signature", signature(secret, body));
        }
        let answer = request.send(body).map_err(|error| Failure {
            detail: error.to_string(),
            passing: true,
        })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        Err(Failure {
            detail: format!("the receiver answered {status}"),
            passing: status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429),
        })
    }
}

/// `t=SECONDS,v1=HEX`
fn signature(secret: &hmac::Key, body: &[u8]) -> String {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let mut context = hmac::Context::with_key(secret);
    context.update(format!("{seconds}.").as_bytes());
    context.update(body);
    format!("t={seconds},v1={}", HEXLOWER.encode(context.sign().as_ref()))
}

fn identifier() -> Result<String, getrandom::Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    Ok(HEXLOWER.encode(&random))
}

/// Between half and the whole of a pause, so that many senders do not retry at the same time.
fn jittered(pause: Duration) -> Duration {
    // Without random numbers the whole pause will do.
    let share = getrandom::u32().unwrap_or(u32::MAX);
    pause / 2 + (pause / 2).mul_f64(f64::from(share) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_shortened_by_a_half_at_most() {
        for _ in 0..1_000 {
            let pause = jittered(FIRST_PAUSE);
            assert!(pause >= FIRST_PAUSE / 2 && pause <= FIRST_PAUSE, "{pause:?}");
        }
    }

    #[test]
    fn closing_ends_a_pause() {
        let closing = Arc::new(Closing::default());
        let begun = Instant::now();
        let other = Arc::clone(&closing);
        let waiting = std::thread::spawn(move || other.pause(Duration::from_mins(10)));
        std::thread::sleep(Duration::from_millis(20));
        closing.begin(Duration::from_millis(30));
        waiting.join().unwrap();
        assert!(begun.elapsed() < Duration::from_mins(1));
        assert_eq!(closing.left(), Some(Duration::ZERO));
    }
}
