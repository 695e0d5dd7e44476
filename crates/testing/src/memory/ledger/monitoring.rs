//! What operators watch.

use async_trait::async_trait;
use chancery_authority::port::ledger::{Counts, LedgerError, Monitoring};

use super::state::State;
use super::{MemoryLedger, lock};

#[async_trait]
impl Monitoring for MemoryLedger {
    async fn counts(&self) -> Result<Counts, LedgerError> {
        Ok(lock(&self.0).counts())
    }

    /// It has no disk that could be full.
    fn write_failure(&self) -> Option<LedgerError> {
        None
    }
}

impl State {
    pub(super) fn counts(&self) -> Counts {
        Counts {
            issued: self.issued.len() as u64,
            revoked: self.revoked.values().map(|scope| scope.len() as u64).sum(),
            open_intents: self.open.len() as u64,
            rejected: self.rejections.len() as u64,
        }
    }
}
