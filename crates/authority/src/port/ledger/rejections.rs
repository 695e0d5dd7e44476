//! Rejected requests.

use async_trait::async_trait;
use chancery_x509::time::UnixTime;

use super::LedgerError;

/// The record of rejected requests.
#[async_trait]
pub trait Rejections: Send + Sync {
    /// Records a rejected request, the only trace that it leaves. Also deletes some older rejections: those beyond the
    /// newest [`REJECTIONS_KEPT`], or those older than [`REJECTION_DAYS`]; each ledger chooses one of the two rules.
    async fn record(&self, rejection: Rejection) -> Result<(), LedgerError>;

    /// The newest rejections, at most `limit`.
    async fn latest(&self, limit: usize) -> Result<Vec<Rejection>, LedgerError>;
}

/// The newest rejections that a ledger keeps at least. It may forget older ones, since any requester can cause as many
/// as they like; the log has them too.
pub const REJECTIONS_KEPT: usize = 100_000;

/// Days for which a ledger that forgets rejections by age keeps them at least.
pub const REJECTION_DAYS: i64 = 90;

/// Characters that are kept of a rejection's reason, which quotes the request and may be long.
pub const REASON_KEPT: usize = 1_000;

/// A request that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// When.
    pub at: UnixTime,
    /// Who asked, as text.
    pub principal: String,
    /// The common name asked for, shortened to 255 characters.
    pub common_name: Option<String>,
    /// A stable error code: `bad_signature`, `weak_key`, …
    pub code: String,
    /// The message in the answer.
    pub reason: String,
}
