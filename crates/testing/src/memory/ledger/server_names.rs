//! Names of the authority's own servers.

use async_trait::async_trait;
use chancery_authority::port::ledger::{LedgerError, ServerNames};
use chancery_x509::san::AltName;
use chancery_x509::time::UnixTime;

use super::{MemoryLedger, lock};

#[async_trait]
impl ServerNames for MemoryLedger {
    async fn record(&self, names: &[AltName], until: UnixTime) -> Result<(), LedgerError> {
        let known = &mut lock(&self.0).server_names;
        for name in names {
            let end = known.entry(name.clone()).or_insert(until);
            *end = until.max(*end);
        }
        Ok(())
    }

    async fn list(&self, at: UnixTime) -> Result<Vec<AltName>, LedgerError> {
        let state = lock(&self.0);
        let current = state.server_names.iter().filter(|(_, until)| **until > at);
        Ok(current.map(|(name, _)| name.clone()).collect())
    }
}
