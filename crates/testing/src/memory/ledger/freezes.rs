//! Freezing.

use async_trait::async_trait;
use chancery_authority::port::ledger::{Freezes, Frozen, LedgerError, Statement, Thaw, Thawing};

use super::state::State;
use super::{MemoryLedger, lock};

#[async_trait]
impl Freezes for MemoryLedger {
    async fn freeze(&self, freeze: Statement) -> Result<(), LedgerError> {
        let mut state = lock(&self.0);
        state.check_not_frozen()?;
        state.frozen = Some(Frozen {
            by: freeze,
            thaw_asked: None,
        });
        Ok(())
    }

    async fn thaw(&self, thaw: Thaw) -> Result<Thawing, LedgerError> {
        let mut state = lock(&self.0);
        let frozen = state.frozen.as_mut().ok_or(LedgerError::NotFrozen)?;
        if frozen.is_thawed_by(&thaw) {
            state.frozen = None;
            return Ok(Thawing::Thawed);
        }
        frozen.thaw_asked = Some(thaw.by);
        Ok(Thawing::Asked)
    }

    async fn frozen(&self) -> Result<Option<Frozen>, LedgerError> {
        Ok(lock(&self.0).frozen.clone())
    }
}

impl State {
    pub(super) fn check_not_frozen(&self) -> Result<(), LedgerError> {
        match &self.frozen {
            None => Ok(()),
            Some(frozen) => Err(LedgerError::Frozen(frozen.by.clone())),
        }
    }
}
