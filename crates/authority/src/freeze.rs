//! Freezing: an operator stops every issuance at once, and CRLs go on.

use crate::authority::Authority;
use crate::port::LedgerError;
use crate::port::ledger::{Frozen, Statement, Thaw, Thawing};
use crate::principal::Principal;

impl Authority {
    /// Stops every issuance, of CAs' certificates too, until it is [thawed](Self::thaw). Where it is frozen already, the call
    /// gets [`LedgerError::Frozen`].
    pub async fn freeze(&self, reason: &str, principal: &Principal) -> Result<(), LedgerError> {
        let freeze = self.statement(reason, principal);
        self.ports().ledger.freezes().freeze(freeze).await?;
        tracing::error!(reason, %principal, "issuance is frozen");
        Ok(())
    }

    /// Asks for the end of a freeze, or ends it: two people have to say so, or one who expressly decides `alone`.
    pub async fn thaw(&self, reason: &str, alone: bool, principal: &Principal) -> Result<Thawing, LedgerError> {
        let by = self.statement(reason, principal);
        let thawing = self.ports().ledger.freezes().thaw(Thaw { by, alone }).await?;
        match thawing {
            Thawing::Asked => tracing::warn!(reason, %principal, "somebody asks for the end of a freeze"),
            Thawing::Thawed => tracing::error!(reason, alone, %principal, "issuance goes on"),
        }
        Ok(thawing)
    }

    /// The freeze that lasts; `None`: issuance is not frozen.
    pub async fn frozen(&self) -> Result<Option<Frozen>, LedgerError> {
        self.ports().ledger.freezes().frozen().await
    }

    fn statement(&self, reason: &str, principal: &Principal) -> Statement {
        Statement {
            at: self.ports().clock.now(),
            principal: principal.to_string(),
            reason: reason.to_owned(),
        }
    }
}
