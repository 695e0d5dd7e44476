//! What operators watch.

use async_trait::async_trait;

use super::LedgerError;

/// What metrics and health checks read.
#[async_trait]
pub trait Monitoring: Send + Sync {
    /// Counts for metrics: issued, revoked, open intents, rejected.
    async fn counts(&self) -> Result<Counts, LedgerError>;

    /// The error of the last attempted write, if no write has succeeded since. `None` also from a ledger that does not
    /// track this: there, each caller that writes gets the error itself.
    fn write_failure(&self) -> Option<LedgerError>;
}

/// Counts for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Certificates issued.
    pub issued: u64,
    /// Certificates revoked (given-up intents included).
    pub revoked: u64,
    /// Intents open.
    pub open_intents: u64,
    /// Requests rejected.
    pub rejected: u64,
}
