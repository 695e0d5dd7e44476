//! CAs.

use async_trait::async_trait;

use super::state::State;
use super::{MemoryLedger, lock};
use crate::port::ledger::{AuthorityRecord, Issuers, LedgerError};

#[async_trait]
impl Issuers for MemoryLedger {
    async fn list(&self) -> Result<Vec<AuthorityRecord>, LedgerError> {
        Ok(lock(&self.0).authorities())
    }
}

impl State {
    pub(super) fn authorities(&self) -> Vec<AuthorityRecord> {
        self.authorities.clone()
    }
}
