//! News for people and systems. A notice that fails never fails what it tells of.

use async_trait::async_trait;

/// Something that happened. `subject` and the JSON keys are the drop-in contract's (its section "SNS").
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// E.g. `Certificate Issued`.
    pub subject: &'static str,
    /// The payload.
    pub message: serde_json::Value,
}

/// Why a notice was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the notice was not taken: {detail}")]
pub struct NoticeError {
    /// What happened.
    pub detail: String,
}

/// Tells people and systems what happened.
#[async_trait]
pub trait Notices: Send + Sync {
    /// Takes a notice over: answers once it is delivered, or once it is queued to be. Never waits for a slow receiver beyond a
    /// deadline of its own.
    ///
    /// `Ok` after queueing promises attempts, not delivery: what is given up later, or was still queued when the process was
    /// killed, is lost, and told in the log alone. Nothing may depend on a notice: the ledger is the record. Notices that are
    /// handed over one after the other arrive in that order. The caller logs a failure and goes on.
    async fn notify(&self, notice: Notice) -> Result<(), NoticeError>;
}
