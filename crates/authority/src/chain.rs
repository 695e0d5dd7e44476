//! Whether a chain still stands: nothing is issued, renewed or completed under a CA whose certificate, or that of a CA above
//! it, is revoked.
//!
//! That is a fact of the ledger. It is read again after [`KEPT`] seconds, and at once where this process revoked a CA: a
//! leaf that another process's revocation is too late for is worth no more than one that was issued a moment earlier, since
//! a relying party looks at the CA's revocation and not at the time of the leaf.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chancery_x509::time::UnixTime;

use crate::authority::Authority;
use crate::port::LedgerError;
use crate::slug::Slug;

/// Seconds for which what the ledger said of a chain is believed.
const KEPT: i64 = 5;

/// What was read of each chain, and when.
#[derive(Debug, Default)]
pub(crate) struct Chains(Mutex<HashMap<Slug, (UnixTime, Option<Slug>)>>);

impl Chains {
    /// A CA's certificate was, or may have been, revoked.
    pub(crate) fn changed(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    #[expect(
        clippy::option_option,
        reason = "outside: whether it is known; inside: which CA is revoked, if one is"
    )]
    fn known(&self, slug: &Slug, now: UnixTime) -> Option<Option<Slug>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, revoked) = known.get(slug)?;
        (0..KEPT).contains(&(now.0 - at.0)).then(|| revoked.clone())
    }

    fn learn(&self, slug: &Slug, at: UnixTime, revoked: Option<Slug>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(slug.clone(), (at, revoked));
    }
}

impl Authority {
    /// Of a CA and those above it, the first whose own certificate is revoked; as the ledger says now.
    pub async fn revoked_in_chain(&self, slug: &Slug) -> Result<Option<Slug>, LedgerError> {
        let now = self.ports().clock.now();
        let mut revoked = None;
        for ca in self.chain(slug) {
            // A root stands under its own name; its certificate's issuer is itself.
            let issuer = ca.record.parent.as_ref().unwrap_or(ca.slug());
            let own = self
                .ports()
                .ledger
                .certificate(Some(issuer), ca.certificate().serial())
                .await?;
            if own.is_some_and(|own| own.revocation.is_some() && own.certificate == ca.certificate().as_der()) {
                revoked = Some(ca.slug().clone());
                break;
            }
        }
        self.chains.learn(slug, now, revoked.clone());
        Ok(revoked)
    }

    /// The same, from what was read a moment ago.
    pub(crate) async fn lately_revoked_in_chain(&self, slug: &Slug) -> Result<Option<Slug>, LedgerError> {
        match self.chains.known(slug, self.ports().clock.now()) {
            Some(known) => Ok(known),
            None => self.revoked_in_chain(slug).await,
        }
    }
}
