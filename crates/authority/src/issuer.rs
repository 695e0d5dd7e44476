//! Issuers that change: a CA is made, comes into use, is replaced by another, and ends.
//!
//! A CA is identified by its key ([`IssuerId`]); its name is a label for people, files and URLs, and stays with that key. Its
//! state is in the ledger, and the ledger looks at it in the transaction that reserves: nothing is issued under a CA that
//! is not active, whatever a process remembers. What was issued before stays valid, can be revoked, and is on the CA's
//! CRLs until the last of it has ended.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chancery_x509::key::KeyFingerprint;
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::time::UnixTime;

use crate::authority::{Authority, Ca};
use crate::ca_name::CaName;
use crate::config::Config;
use crate::issue::{IssueError, Refusal};
use crate::port::LedgerError;
use crate::port::ledger::{IssuerChange, IssuerState, Search};
use crate::principal::Principal;

/// How long a process goes by what it read of the CAs, in seconds. Which CA issues by default may lag that much in other
/// processes; a CA that stops issuing stops at once.
pub const ISSUERS_FRESH: i64 = 30;

/// Certificates of a CA that are read at a time to find one that has not ended.
const PAGE: usize = 100;

/// Most open intents that are searched for one of a CA. Where there are more, none is retired.
const OPEN_INTENTS: usize = 10_000;

/// A CA's identity: SHA-256 of its key's SubjectPublicKeyInfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IssuerId(pub KeyFingerprint);

impl IssuerId {
    /// That of the CA with that key.
    pub fn of(key: &CaPublicKey) -> Self {
        Self(KeyFingerprint::of(key.as_der()))
    }
}

impl fmt::Display for IssuerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The CA that issues where a profile names none.
pub(crate) fn default_issuer<'a>(cas: &'a [Arc<Ca>], config: &Config) -> Option<&'a Arc<Ca>> {
    let made = cas.iter().find(|ca| ca.record.status.is_default);
    made.or_else(|| cas.iter().find(|ca| ca.name() == config.issuing_ca().name()))
}

impl Authority {
    /// Records that a CA that is about to be made is not to issue before it is activated.
    pub async fn announce_issuer(&self, ca_name: &CaName, principal: &Principal) -> Result<(), LedgerError> {
        self.change_issuer(ca_name, IssuerState::Pending, false, principal)
            .await
    }

    /// Takes a CA into use: a pending one, or one that was retiring. With `by_default`, it issues from now on where a profile
    /// names no other.
    pub async fn activate_issuer(
        &self,
        ca_name: &CaName,
        by_default: bool,
        principal: &Principal,
    ) -> Result<(), LedgerError> {
        self.change_issuer(ca_name, IssuerState::Active, by_default, principal)
            .await
    }

    /// Lets a CA issue nothing more. Its certificates stay valid, and its CRLs go on. The CA that issues by default cannot
    /// be retired: another has to take its place first.
    pub async fn retire_issuer(&self, ca_name: &CaName, principal: &Principal) -> Result<(), LedgerError> {
        self.reload().await?;
        if self.issuing_ca().is_some_and(|ca| ca.name() == ca_name) {
            return Err(LedgerError::IssuerIsDefault(ca_name.clone()));
        }
        self.change_issuer(ca_name, IssuerState::Retiring, false, principal)
            .await
    }

    /// Ends every retiring CA whose last certificate has ended, and returns them. Nothing is published for them any more.
    pub async fn end_retired_issuers(&self) -> Result<Vec<CaName>, LedgerError> {
        self.reload().await?;
        let mut ended = Vec::new();
        for ca in self.cas().iter() {
            if ca.record.status.state == IssuerState::Retiring && !self.has_living_certificates(ca).await? {
                self.change_issuer(ca.name(), IssuerState::Retired, false, &Principal::AUTHORITY)
                    .await?;
                tracing::info!(ca = %ca.name(), "the last certificate of a retiring CA has ended: it is retired");
                ended.push(ca.name().clone());
            }
        }
        Ok(ended)
    }

    /// Whether anything that a CA issued may still be looked up on its CRLs: an open intent, or a certificate that has not
    /// ended for as long as CRLs list what has ended.
    async fn has_living_certificates(&self, ca: &Ca) -> Result<bool, LedgerError> {
        let now = self.ports().clock.now();
        let open = self
            .ports()
            .ledger
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
            expires_from: Some(now.plus_seconds(-crate::publish::LOOK_BACK)),
            ..Search::default()
        };
        let mut after = None;
        loop {
            let page = self
                .ports()
                .ledger
                .certificates()
                .search(&query, after.as_ref(), PAGE)
                .await?;
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

    /// Reads the CAs again where that was long ago. An error leaves what was read before.
    pub(crate) async fn keep_issuers_fresh(&self) {
        let age = self
            .ports()
            .clock
            .now()
            .0
            .saturating_sub(self.issuers_read_at.load(Ordering::Relaxed));
        if (0..ISSUERS_FRESH).contains(&age) {
            return;
        }
        if let Err(error) = self.reload().await {
            tracing::warn!(%error, "the CAs could not be read again: which one issues is as it was read before");
        }
    }

    /// Whether an issuance was refused because its CA stopped issuing after this process had read that it does: then the
    /// CAs are read again, and the same request gets another CA.
    pub(crate) async fn issuers_changed<T: Sync>(&self, outcome: &Result<T, IssueError>) -> bool {
        let Err(IssueError::Rejected(Refusal::IssuerNotActive { .. })) = outcome else {
            return false;
        };
        self.reload().await.is_ok()
    }
}
