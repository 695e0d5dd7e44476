//! CAs.

use async_trait::async_trait;
use chancery_authority::CaName;
use chancery_authority::port::ledger::{
    CaRecord, CertificateIntent, IssuerChange, IssuerState, IssuerStatus, Issuers, LedgerError,
};

use super::state::State;
use super::{MemoryLedger, lock};

#[async_trait]
impl Issuers for MemoryLedger {
    async fn list(&self) -> Result<Vec<CaRecord>, LedgerError> {
        Ok(lock(&self.0).cas())
    }

    async fn is_revoked(&self, ca: &CaName) -> Result<bool, LedgerError> {
        Ok(lock(&self.0).is_ca_revoked(ca))
    }

    async fn change(&self, change: IssuerChange) -> Result<(), LedgerError> {
        lock(&self.0).change_issuer(change)
    }
}

impl State {
    pub(super) fn cas(&self) -> Vec<CaRecord> {
        let with_status = |ca: &CaRecord| CaRecord {
            status: self.issuer_status.get(&ca.ca_name).cloned().unwrap_or_default(),
            ..ca.clone()
        };
        self.cas.iter().map(with_status).collect()
    }

    pub(super) fn change_issuer(&mut self, change: IssuerChange) -> Result<(), LedgerError> {
        let exists = self.cas.iter().any(|ca| ca.ca_name == change.ca_name);
        let recorded = self.issuer_status.get(&change.ca_name).cloned();
        let status = recorded.or_else(|| exists.then(IssuerStatus::default));
        if !change.check(status.as_ref())? {
            return Ok(());
        }
        if change.becomes_default {
            for other in self.issuer_status.values_mut() {
                other.is_default = false;
            }
        }
        let changed = IssuerStatus {
            state: change.state,
            is_default: change.becomes_default || status.is_some_and(|status| status.is_default),
            changed: Some((change.at, change.principal.to_string())),
        };
        self.issuer_status.insert(change.ca_name, changed);
        Ok(())
    }

    /// Checks that the CA that would sign issues. A root signs its own first certificate whatever its state.
    pub(super) fn check_issues(&self, intent: &CertificateIntent) -> Result<(), LedgerError> {
        if intent.signs_itself() {
            return Ok(());
        }
        let ca = &intent.id.issuer;
        match self.issuer_status.get(ca).map(|status| status.state) {
            None | Some(IssuerState::Active) => Ok(()),
            Some(state) => Err(LedgerError::IssuerNotActive { ca: ca.clone(), state }),
        }
    }
}
