//! Rejected requests.

use async_trait::async_trait;
use chancery_authority::port::ledger::{LedgerError, REJECTIONS_KEPT, Rejection, Rejections};

use super::state::State;
use super::{MemoryLedger, lock};

#[async_trait]
impl Rejections for MemoryLedger {
    async fn record(&self, rejection: Rejection) -> Result<(), LedgerError> {
        lock(&self.0).record_rejection(rejection);
        Ok(())
    }

    async fn latest(&self, limit: usize) -> Result<Vec<Rejection>, LedgerError> {
        Ok(lock(&self.0).rejections(limit))
    }
}

impl State {
    pub(super) fn record_rejection(&mut self, rejection: Rejection) {
        if self.rejections.len() == REJECTIONS_KEPT {
            self.rejections.pop_front();
        }
        self.rejections.push_back(rejection);
    }

    pub(super) fn rejections(&self, limit: usize) -> Vec<Rejection> {
        self.rejections.iter().rev().take(limit).cloned().collect()
    }
}
