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

/// Why a notice was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the notice was not delivered: {detail}")]
pub struct NoticeError {
    /// What happened.
    pub detail: String,
}

/// Tells people and systems what happened.
#[async_trait]
pub trait Notices: Send + Sync {
    /// Delivers or fails within its own deadline; the caller logs a failure and goes on.
    async fn notify(&self, notice: Notice) -> Result<(), NoticeError>;
}
