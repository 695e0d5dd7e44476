//! Notices for people and systems. A failed notice never fails the operation that it reports.

use async_trait::async_trait;

/// One event. `subject` and the JSON keys are those of the drop-in contract (its section "SNS").
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The kind of event, e.g. `Certificate Issued`.
    pub subject: &'static str,
    /// The JSON payload.
    pub message: serde_json::Value,
}

/// Why a notice was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the notice was not taken: {detail}")]
pub struct NoticeError {
    /// What happened.
    pub detail: String,
}

/// Sends notices to people and systems.
#[async_trait]
pub trait Notices: Send + Sync {
    /// Accepts a notice: returns once it is delivered, or queued for delivery. Never waits for a slow receiver beyond a
    /// deadline of its own.
    ///
    /// `Ok` after queueing promises attempts, not delivery: a notice that is abandoned later, or still queued when the
    /// process is killed, is lost, and only the log reports it. Nothing may depend on a notice: the ledger is the
    /// record. Notices that are passed in sequence arrive in that order. The caller logs a failure and continues.
    async fn notify(&self, notice: Notice) -> Result<(), NoticeError>;
}
