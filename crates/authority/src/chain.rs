//! Whether a chain stands: nothing is issued, renewed or completed under a CA whose certificate, or that of a CA above it,
//! is revoked.
//!
//! For what is issued, that is decided by the ledger in the transaction that reserves
//! ([`Ledger::reserve`](crate::port::ledger::Ledger::reserve)). What is read here is for those who have nothing to reserve: an
//! intent that is taken up again, a client that shows a certificate, `/health`.

use crate::authority::{Authority, Ca};
use crate::ca_name::CaName;
use crate::port::LedgerError;

impl Authority {
    /// Of a CA and those above it, the first whose own certificate is revoked; as the ledger says now.
    ///
    /// That a CA is not revoked, its own record has to say: where that is gone, nothing is known, and
    /// [`LedgerError::Damaged`] says so.
    pub async fn revoked_in_chain(&self, ca_name: &CaName) -> Result<Option<CaName>, LedgerError> {
        for ca in self.chain(ca_name) {
            if self.is_revoked(&ca).await? {
                return Ok(Some(ca.name().clone()));
            }
        }
        Ok(None)
    }

    async fn is_revoked(&self, ca: &Ca) -> Result<bool, LedgerError> {
        let (ledger, issuer, serial) = (&self.ports().ledger, ca.signer(), ca.certificate().serial());
        let (own, damage) = match ledger.certificate(Some(issuer), serial).await {
            // A record of that serial number with another certificate says nothing of this one.
            Ok(own) => (own.filter(|own| own.certificate == ca.certificate().as_der()), None),
            Err(error @ LedgerError::Damaged { .. }) => (None, Some(error)),
            Err(error) => return Err(error),
        };
        if own.as_ref().is_some_and(|own| own.revocation.is_some()) {
            return Ok(true);
        }
        // Whatever its own record says: who can write one over may not be able to take the other back.
        if ledger.listed_among(issuer, &[serial]).await?.contains_key(&serial) {
            return Ok(true);
        }
        match own {
            Some(_) => Ok(false),
            None => Err(damage.unwrap_or_else(|| LedgerError::no_record_of_ca(ca.name()))),
        }
    }
}
