//! Names of the authority's own servers.

use async_trait::async_trait;
use chancery_x509::san::AltName;
use chancery_x509::time::UnixTime;

use super::LedgerError;

/// The names by which clients reach the servers of this authority: no requester gets a certificate for them.
#[async_trait]
pub trait ServerNames: Send + Sync {
    /// Records names, until the server's certificate for them ends. A name that is already recorded keeps the later of
    /// both ends. A ledger of a deployment without a server refuses.
    async fn record(&self, names: &[AltName], until: UnixTime) -> Result<(), LedgerError>;

    /// Every such name whose end is not past at `at`, in no order.
    async fn list(&self, at: UnixTime) -> Result<Vec<AltName>, LedgerError>;
}
