//! Notices of events, for people and systems. A failed notice never fails the operation that it reports.

use async_trait::async_trait;

use crate::event::Event;

/// Why a notice was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the notice was not taken: {detail}")]
pub struct NoticeError {
    /// What happened.
    pub detail: String,
}

/// Sends notices of events. Each implementation renders them in the form of its receivers.
#[async_trait]
pub trait Notices: Send + Sync {
    /// Accepts an event: returns once its notice is delivered, or queued for delivery. Never waits for a slow receiver
    /// beyond a deadline of its own.
    ///
    /// `Ok` after queueing promises attempts, not delivery: a notice that is abandoned later, or still queued when the
    /// process is killed, is lost, and only the log reports it. Nothing may depend on a notice: the ledger is the
    /// record. Notices of events that are passed in sequence arrive in that order. The caller logs a failure and
    /// continues.
    async fn notify(&self, event: Event) -> Result<(), NoticeError>;
}
