//! Whether a chain stands: nothing is issued, renewed or completed under a CA whose certificate, or that of a CA above it,
//! is revoked.
//!
//! For what is issued, that is decided by the ledger in the transaction that reserves
//! ([`Ledger::reserve`](crate::port::ledger::Ledger::reserve)). What is read here is for those who have nothing to reserve: an
//! intent that is taken up again, a client that shows a certificate, `/health`.

use crate::authority::Authority;
use crate::port::LedgerError;
use crate::slug::Slug;

impl Authority {
    /// Of a CA and those above it, the first whose own certificate is revoked; as the ledger says now.
    pub async fn revoked_in_chain(&self, slug: &Slug) -> Result<Option<Slug>, LedgerError> {
        for ca in self.chain(slug) {
            // A root stands under its own name; its certificate's issuer is itself.
            let issuer = ca.record.parent.as_ref().unwrap_or(ca.slug());
            let own = self
                .ports()
                .ledger
                .certificate(Some(issuer), ca.certificate().serial())
                .await?;
            if own.is_some_and(|own| own.revocation.is_some() && own.certificate == ca.certificate().as_der()) {
                return Ok(Some(ca.slug().clone()));
            }
        }
        Ok(None)
    }
}
