//! Where notices go.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::keys::Passphrase;

/// Where notices go, and how many attempts are made.
#[derive(Clone)]
pub struct WebhookConfig {
    /// `https://…`; `http://…` to this machine only, unless `allow_plain_http`.
    pub url: String,
    /// Key of the HMAC over each notice; without it notices are not signed.
    pub secret: Option<Passphrase>,
    /// PEM file of the CAs trusted for the receiver's certificate; `None`: the system's.
    pub ca_file: Option<PathBuf>,
    /// Allows plain HTTP to other machines.
    pub allow_plain_http: bool,
    /// Timeout of one attempt, connection and answer included.
    pub timeout: Duration,
    /// Attempts for each notice, at least one. The pauses between them are a quarter of a second, half, one, … up to
    /// ten seconds, each shortened at random by up to a half.
    pub attempts: u32,
    /// Notices that may wait for delivery.
    pub queue: usize,
    /// How long the rest of the queue is delivered after the sender is dropped.
    pub closing: Duration,
}

impl WebhookConfig {
    /// A webhook at `url` with 5 s for an attempt, 4 attempts, 1,024 notices waiting and 5 s for closing.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            secret: None,
            ca_file: None,
            allow_plain_http: false,
            timeout: Duration::from_secs(5),
            attempts: 4,
            queue: 1_024,
            closing: Duration::from_secs(5),
        }
    }
}

impl fmt::Debug for WebhookConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookConfig")
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}
