//! Issuers that change: a CA is made, comes into use, is replaced by another, and ends.
//!
//! A CA is identified by its key ([`IssuerId`]); its name is a label for people, files and URLs, and stays with that key. Its
//! state is in the ledger, and the ledger looks at it in the transaction that reserves: nothing is issued under a CA that
//! is not active, whatever a process remembers. What was issued before stays valid, can be revoked, and is on the CA's
//! CRLs until the last of it has ended.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chancery_x509::time::UnixTime;

use crate::authority::Authority;
use crate::belief::NotBelieved;
use crate::ca::Ca;
pub use crate::ca::IssuerId;
use crate::ca_name::CaName;
use crate::issue::{IssueError, Refusal};
use crate::port::LedgerError;
use crate::port::ledger::{IssuerChange, IssuerState, Search, crl_state};
use crate::principal::Principal;
use crate::publish::LOOK_BACK;

/// How long a process goes by what it read of the CAs, in seconds. Which CA issues by default may lag that much in other
/// processes; a CA that stops issuing stops at once.
pub const ISSUERS_FRESH: i64 = 30;

/// Certificates of a CA that are read at a time to find one that has not ended.
const PAGE: usize = 100;

/// Most open intents that are searched for one of a CA. Where there are more, none is retired.
const OPEN_INTENTS: usize = 10_000;

/// Why a CA is not taken into use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActivationError {
    /// It, or a CA above it, is revoked.
    #[error("nothing can be issued under {ca}: the certificate of {revoked} is revoked")]
    Revoked {
        /// Which CA.
        ca: CaName,
        /// The revoked one.
        revoked: CaName,
    },
    /// Its certificate has expired.
    #[error("nothing can be issued under {0}: its certificate has expired")]
    Ended(CaName),
    /// Its certificate is not valid yet: it was made while the clock was ahead, or the clock is behind.
    #[error("nothing can be issued under {0}: its certificate is not valid yet; is the clock right?")]
    NotYetValid(CaName),
    /// A root, which the configuration does not name.
    #[error(
        "{0} is a root: `chancery ca activate {0} --not-default` lets it make CAs again; it issues by default only where `issuing_ca` in \
         the configuration names it"
    )]
    Root(CaName),
    /// Its certificate is not believed.
    #[error(transparent)]
    NotBelieved(#[from] NotBelieved),
    /// The ledger refused, or failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Authority {
    /// Records that a CA that is about to be made is not to issue before it is activated.
    pub async fn announce_issuer(&self, ca_name: &CaName, principal: &Principal) -> Result<(), LedgerError> {
        self.change_issuer(ca_name, IssuerState::Pending, false, principal)
            .await
    }

    /// Takes a CA into use: a pending one, or one that was retiring. With `by_default`, it issues from now on where a profile
    /// names no other. A CA under which nothing can be issued is refused.
    pub async fn activate_issuer(
        &self,
        ca_name: &CaName,
        by_default: bool,
        principal: &Principal,
    ) -> Result<(), ActivationError> {
        self.reload().await?;
        let ca = self
            .ca(ca_name)
            .ok_or_else(|| LedgerError::NoSuchIssuer(ca_name.clone()))?;
        self.believe(&ca).await?;
        if let Some(revoked) = self.revoked_in_chain(ca_name).await? {
            let ca = ca_name.clone();
            return Err(ActivationError::Revoked { ca, revoked });
        }
        if ca.certificate().not_after() < self.ports().clock.now() {
            return Err(ActivationError::Ended(ca_name.clone()));
        }
        if ca.certificate().not_before() > self.ports().clock.now() {
            return Err(ActivationError::NotYetValid(ca_name.clone()));
        }
        if by_default && ca.record.parent.is_none() && self.config().issuing_ca().name() != ca_name {
            return Err(ActivationError::Root(ca_name.clone()));
        }
        self.change_issuer(ca_name, IssuerState::Active, by_default, principal)
            .await?;
        Ok(())
    }

    /// Records which CA issues by default, if no CA was recorded as that: it stays the same when the configuration gets
    /// another CA.
    pub async fn keep_default_issuer(&self, principal: &Principal) -> Result<(), ActivationError> {
        self.reload().await?;
        match self.issuing_ca() {
            Some(ca) if !ca.record.status.is_default && ca.record.status.state == IssuerState::Active => {
                match self.activate_issuer(ca.name(), true, principal).await {
                    // It issues nothing any more: whoever takes its place need not wait for it.
                    Err(ActivationError::Revoked { .. } | ActivationError::Ended(_)) => Ok(()),
                    outcome => outcome,
                }
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether a CA is in use, so that it matters if nothing can be issued under it: not before it is activated, after it was
    /// retired, or when it has [ended](Self::has_ended).
    pub fn should_issue(&self, ca: &Ca) -> bool {
        ca.record.status.state == IssuerState::Active && !self.has_ended(ca)
    }

    /// Lets a CA issue nothing more. Its certificates stay valid, and its CRLs go on. The CA that issues by default cannot
    /// be retired: another has to take its place first.
    pub async fn retire_issuer(&self, ca_name: &CaName, principal: &Principal) -> Result<(), LedgerError> {
        self.reload().await?;
        if self.issuing_ca().is_some_and(|ca| ca.name() == ca_name) {
            return Err(LedgerError::IssuerIsDefault(ca_name.clone()));
        }
        let is_in_use = |below: &&Arc<Ca>| {
            let state = below.record.status.state;
            below.record.parent.as_ref() == Some(ca_name)
                && matches!(state, IssuerState::Pending | IssuerState::Active)
                && !self.has_ended(below)
        };
        if let Some(below) = self.cas().iter().find(is_in_use) {
            return Err(LedgerError::IssuerIsAbove {
                ca: ca_name.clone(),
                below: below.name().clone(),
            });
        }
        self.change_issuer(ca_name, IssuerState::Retiring, false, principal)
            .await
    }

    /// Ends every retiring CA whose last certificate has ended, and returns them. Nothing is published for them any more. The
    /// failure of one does not stop the others: the first is returned.
    pub async fn end_retired_issuers(&self) -> Result<Vec<CaName>, LedgerError> {
        self.reload().await?;
        self.refresh_crl_uses().await?;
        let (mut ended, mut failure) = (Vec::new(), None);
        for ca in self.cas().iter() {
            if ca.record.status.state != IssuerState::Retiring {
                continue;
            }
            match self.end_if_over(ca).await {
                Ok(true) => ended.push(ca.name().clone()),
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(ca = %ca.name(), %error, "it is not known whether a retiring CA has ended");
                    failure = failure.or(Some(error));
                }
            }
        }
        failure.map_or(Ok(ended), Err)
    }

    async fn end_if_over(&self, ca: &Ca) -> Result<bool, LedgerError> {
        if self.is_needed(ca).await? {
            return Ok(false);
        }
        self.change_issuer(ca.name(), IssuerState::Retired, false, &Principal::AUTHORITY)
            .await?;
        tracing::info!(ca = %ca.name(), "the last certificate of a retiring CA has ended: it is retired");
        Ok(true)
    }

    /// Whether a CRL of a CA may still be asked for: it lists something, a certificate was to name it and has not ended, or
    /// there is such a certificate or an open intent. What counts as ended did so as long ago as CRLs look back.
    async fn is_needed(&self, ca: &Ca) -> Result<bool, LedgerError> {
        let ledger = &self.ports().ledger;
        let ended = self.ports().clock.now().plus_seconds(-LOOK_BACK);
        // Recorded before any certificate is reserved, so that this covers what was signed and never recorded.
        if self.has_crl_uses(ca.name(), ended) {
            return Ok(true);
        }
        for scope in self.crl_scopes().into_iter().filter(|scope| scope.issuer == *ca.name()) {
            let state = crl_state(ledger.crls(), &scope).await?;
            // It lists, for one, what a restore took over from a CRL and knows no certificate of.
            if state.has_changes() || state.published.is_none_or(|crl| crl.entries > 0) {
                return Ok(true);
            }
        }
        let open = ledger
            .intents()
            .list_open(None, UnixTime(i64::MAX), OPEN_INTENTS)
            .await?;
        if !open.unreadable.is_empty()
            || open.intents.len() == OPEN_INTENTS
            || open.intents.iter().any(|intent| intent.id.issuer == *ca.name())
        {
            return Ok(true);
        }
        let query = Search {
            issuer: Some(ca.name().clone()),
            expires_from: Some(ended),
            oldest_first: true,
            ..Search::default()
        };
        let mut after = None;
        loop {
            let page = ledger.certificates().search(&query, after.as_ref(), PAGE).await?;
            // A root is its own issuer.
            let own = ca.certificate().serial();
            if page.certificates.iter().any(|record| record.id.serial != own) {
                return Ok(true);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(false),
            }
        }
    }

    async fn change_issuer(
        &self,
        ca_name: &CaName,
        state: IssuerState,
        becomes_default: bool,
        principal: &Principal,
    ) -> Result<(), LedgerError> {
        let change = IssuerChange {
            ca_name: ca_name.clone(),
            state,
            becomes_default,
            at: self.ports().clock.now(),
            principal: principal.clone(),
        };
        self.ports().ledger.issuers().change(change).await?;
        tracing::info!(ca = %ca_name, %state, becomes_default, %principal, "the state of a CA was set");
        self.reload().await
    }

    /// Reads the CAs again where that was long ago. Of many requests at a time one does: the others go by what was read
    /// before, since the ledger looks at the state in any case. So they do after an error, until it is time again.
    pub async fn reload_cas_if_stale(&self) {
        let now = self.ports().clock.now().0;
        let read_at = self.issuers_read_at.load(Ordering::Relaxed);
        let is_fresh = (0..ISSUERS_FRESH).contains(&now.saturating_sub(read_at));
        let claim = || {
            self.issuers_read_at
                .compare_exchange(read_at, now, Ordering::Relaxed, Ordering::Relaxed)
        };
        if is_fresh || claim().is_err() {
            return;
        }
        if let Err(error) = self.reload().await {
            tracing::warn!(%error, "the CAs could not be read again: which one issues is as it was read before");
        }
    }

    /// Reads the CAs again where an issuance was refused because its CA stopped issuing after this process had read that
    /// it does. Returns whether it did: then the same request gets another CA.
    pub(crate) async fn reload_if_issuer_stopped<T: Sync>(&self, outcome: &Result<T, IssueError>) -> bool {
        let Err(IssueError::Refused(Refusal::IssuerNotActive { .. })) = outcome else {
            return false;
        };
        self.reload().await.is_ok()
    }
}
