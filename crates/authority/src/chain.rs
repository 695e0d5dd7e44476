//! Whether a CA or one above it is revoked: nothing is issued, renewed or completed under such a CA.
//!
//! For issuance, the ledger decides this in the transaction that reserves
//! ([`Ledger::reserve`](crate::port::ledger::Ledger::reserve)). The checks here are for callers that have nothing to
//! reserve: an intent that is resumed, a client that presents a certificate, `/health`.

use std::fmt;

use crate::authority::Authority;
use crate::ca::Ca;
use crate::ca_name::CaName;
use crate::port::LedgerError;

/// A CA under which nothing is issued, because a certificate of its chain is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NothingIssued {
    /// The CA.
    pub ca: CaName,
    /// The CA whose certificate is revoked: itself, or one above it.
    pub revoked: CaName,
}

impl fmt::Display for NothingIssued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ca, revoked } = self;
        if ca == revoked {
            write!(f, "the certificate of {ca} is revoked: nothing is issued under it")
        } else {
            write!(
                f,
                "nothing is issued under {ca}: the certificate of {revoked}, above it, is revoked"
            )
        }
    }
}

impl Authority {
    /// The first CA whose own certificate is revoked, from `ca_name` upwards, according to the ledger now.
    ///
    /// A CA counts as unrevoked only if its own record shows it: where that is missing, this returns
    /// [`LedgerError::Damaged`].
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
        let (own, damage) = match ledger.certificates().get(Some(issuer), serial).await {
            // A record of that serial number with another certificate proves nothing about this one.
            Ok(own) => (own.filter(|own| own.certificate == ca.certificate().as_der()), None),
            Err(error @ LedgerError::Damaged { .. }) => (None, Some(error)),
            Err(error) => return Err(error),
        };
        if own.as_ref().is_some_and(|own| own.revocation.is_some()) {
            return Ok(true);
        }
        // A list entry counts even if the record contradicts it: an attacker who can overwrite the record may not be able
        // to remove the entry.
        if ledger
            .revocations()
            .listed(issuer, &[serial])
            .await?
            .contains_key(&serial)
        {
            return Ok(true);
        }
        match own {
            // By a former certificate, or by its key.
            Some(_) => ledger.issuers().is_revoked(ca.name()).await,
            None => Err(damage.unwrap_or_else(|| LedgerError::no_record_of_ca(ca.name()))),
        }
    }
}
