//! Which CRLs exist: those of the configuration, and those named by certificates that are still valid.
//!
//! A configuration changes at once, while certificates end one by one. The CRL that a certificate names is recorded in
//! the ledger before it is signed; these records decide what is published and what a CRL may claim to cover (RFC 5280
//! section 5.2.5: a CRL without issuingDistributionPoint is complete for its issuer).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chancery_x509::crl::Coverage;
use chancery_x509::time::{DAY, UnixTime};

use super::PublishError;
use crate::authority::Authority;
use crate::ca::Ca;
use crate::ca_name::CaName;
use crate::config::Config;
use crate::port::LedgerError;
use crate::port::ledger::{CrlScope, CrlUse, IssuerState};

/// Ends are rounded up to a multiple of this many seconds, so that one record serves a whole span of issuance. A CRL is
/// published at most that much longer than necessary.
const SPAN: i64 = 30 * DAY;

/// A difference between what is published and the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transition {
    /// The configuration no longer has this CRL; it is published for certificates issued before.
    Kept {
        /// The end of the last of those certificates.
        until: UnixTime,
    },
    /// Its CA is pending, and not in the configuration that this process has read: mostly because it was added since.
    NotConfigured,
    /// Certificates name it by a URL other than the configured one.
    OtherUrl {
        /// That URL.
        url: String,
        /// The end of the last of those certificates.
        until: UnixTime,
    },
    /// It covers only a part of its CA's certificates, since others name CRLs of shards.
    Partial {
        /// The end of the last certificate that names a shard's CRL.
        until: UnixTime,
    },
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept { until } => write!(
                f,
                "the configuration has no such CRL any more; it is published until {until}, for certificates that name it"
            ),
            Self::NotConfigured => f.write_str(
                "its CA is pending, and was not in the configuration when that was read: if it was added since, start the \
                 server again before it is activated",
            ),
            Self::OtherUrl { url, until } => {
                write!(f, "certificates name it as {url}: let it be found there until {until}")
            }
            Self::Partial { until } => write!(
                f,
                "until {until} it covers a part of this CA's certificates, and says so: others name CRLs of shards"
            ),
        }
    }
}

impl Authority {
    /// Records that a certificate that is about to be reserved names that CRL, unless that is already recorded.
    pub(crate) async fn record_crl_use(
        &self,
        scope: CrlScope,
        url: Option<&str>,
        not_after: UnixTime,
    ) -> Result<(), LedgerError> {
        if self.crl_uses.covers(&scope, url, not_after) {
            return Ok(());
        }
        let used = CrlUse {
            scope,
            url: url.map(str::to_owned),
            until: UnixTime(not_after.0.saturating_add(SPAN - 1) / SPAN * SPAN),
        };
        self.ports().ledger.crls().record_use(used.clone()).await?;
        self.crl_uses.learn([used]);
        Ok(())
    }

    /// Reads the recorded uses: other processes issue as well, perhaps under another configuration.
    pub async fn refresh_crl_uses(&self) -> Result<(), LedgerError> {
        let uses = self.ports().ledger.crls().uses().await?;
        self.crl_uses.learn(uses);
        Ok(())
    }

    /// The uses that still valid certificates may depend on; for an authority without shards, only those of full CRLs.
    fn needed_uses(&self) -> Vec<CrlUse> {
        let mut still_needed = self.crl_uses.still_needed(self.ports().clock.now());
        if self.config().is_never_sharded() {
            still_needed.retain(|used| used.scope.shard.is_none());
        }
        still_needed
    }

    /// When the last certificate of that CA that names a shard's CRL ends; always `None` for an authority without
    /// shards.
    fn shards_until(&self, issuer: &CaName) -> Option<UnixTime> {
        let never = self.config().is_never_sharded();
        let now = self.ports().clock.now();
        (!never).then(|| self.crl_uses.shards_until(issuer, now)).flatten()
    }

    /// Describes recorded uses of shards in an authority that never has any: it issued no such certificates, so the
    /// records are false and are ignored.
    pub(super) fn impossible_uses(&self, scope: &CrlScope) -> Option<String> {
        let still_needed = self.crl_uses.still_needed(self.ports().clock.now());
        let mut impossible = still_needed.iter().filter_map(|used| {
            used.scope
                .shard
                .filter(|_| self.config().is_never_sharded() && used.scope.issuer == scope.issuer)
        });
        let first = impossible.next()?;
        Some(format!(
            "the ledger has it that certificates of {} name CRLs of shards, {first} for one, and this authority never had any: \
             nothing is made of that. Find out who wrote it",
            scope.issuer
        ))
    }

    /// The CRL scopes of every CA that exists, is not retired and has not [ended](Self::has_ended): those of the configuration, and
    /// those that still valid certificates name, as last read. A CA that was removed from the configuration still
    /// publishes for what it issued.
    pub fn crl_scopes(&self) -> Vec<CrlScope> {
        let now = self.ports().clock.now();
        // A CA that was recorded as retired while the clock was ahead goes on once that is right.
        let is_retired = |ca: &Ca| ca.record.status.state == IssuerState::Retired && !self.has_crl_uses(ca.name(), now);
        self.crl_scopes_of(|ca| !self.has_ended(ca) && !is_retired(ca))
    }

    /// Whether certificates of that CA that end at `from` or later name a CRL of its, as last read.
    pub(crate) fn has_crl_uses(&self, issuer: &CaName, from: UnixTime) -> bool {
        self.crl_uses
            .still_needed(from)
            .iter()
            .any(|used| used.scope.issuer == *issuer)
    }

    fn crl_scopes_of(&self, wanted: impl Fn(&Ca) -> bool) -> Vec<CrlScope> {
        let still_needed = self.needed_uses();
        let cas = self.cas();
        let of = |ca: &Ca| {
            let mut scopes: BTreeSet<CrlScope> = still_needed
                .iter()
                .map(|used| &used.scope)
                .filter(|scope| scope.issuer == *ca.name())
                .cloned()
                .collect();
            scopes.extend(self.configured_scopes(ca));
            scopes
        };
        cas.iter().filter(|ca| wanted(ca)).flat_map(|ca| of(ca)).collect()
    }

    /// Refuses a configuration in which two CRLs would share a file, `NAME-3.crl`: the full one of a CA of that name,
    /// and the third shard of another. CRLs that valid certificates name, and CAs that were removed or have ended,
    /// count as well.
    pub async fn check_crl_files(&self) -> Result<(), PublishError> {
        self.refresh_crl_uses().await?;
        let mut files = BTreeMap::new();
        let scopes = self
            .crl_scopes_of(|_| true)
            .into_iter()
            .chain(self.config().crl_scopes());
        for scope in scopes {
            let name = Config::crl_name(&scope);
            match files.insert(name.clone(), scope.clone()) {
                Some(other) if other != scope => {
                    return Err(PublishError::SharedFile {
                        name,
                        ca: scope.issuer,
                        other: other.issuer,
                    });
                }
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    /// The configured scopes; for a CA that is not configured, that of its full CRL.
    fn configured_scopes(&self, ca: &Ca) -> Vec<CrlScope> {
        self.config().ca(ca.name()).map_or_else(
            || {
                vec![CrlScope {
                    issuer: ca.name().clone(),
                    shard: None,
                }]
            },
            crate::config::CaConfig::crl_scopes,
        )
    }

    /// What a CRL claims to cover. It is complete, without issuingDistributionPoint, if no certificate of its CA names
    /// a shard's CRL, or is about to; otherwise it lists every URL by which the certificates that it covers name it.
    pub(super) async fn covers(&self, scope: &CrlScope) -> Result<Coverage, PublishError> {
        self.refresh_crl_uses().await?;
        let now = self.ports().clock.now();
        let configured = self.config().ca(&scope.issuer);
        let sharded = configured.is_some_and(|ca| ca.crl().shards() > 0);
        if scope.shard.is_none() && !sharded && self.shards_until(&scope.issuer).is_none() {
            return Ok(Coverage::Full);
        }
        let is_configured = configured.is_some_and(|ca| ca.crl_scopes().contains(scope));
        let mut urls: Vec<String> = self
            .config()
            .crl_url(scope)
            .filter(|_| is_configured)
            .into_iter()
            .collect();
        for url in self.crl_uses.of(scope, now).into_iter().filter_map(|used| used.url) {
            if !urls.contains(&url) {
                urls.push(url);
            }
        }
        if urls.is_empty() {
            urls.extend(self.config().crl_url(scope));
        }
        if urls.is_empty() {
            return Err(PublishError::ShardWithoutUrl(scope.issuer.clone()));
        }
        Ok(Coverage::Shard {
            distribution_points: urls,
        })
    }

    /// The differences between the configuration and what a CRL is published for; usually none.
    pub(super) fn transitions(&self, scope: &CrlScope) -> Vec<Transition> {
        let now = self.ports().clock.now();
        let configured = self.config().ca(&scope.issuer);
        let url = self.config().crl_url(scope);
        let own = self.crl_uses.of(scope, now);
        let mut transitions = Vec::new();
        if !configured.is_some_and(|ca| ca.crl_scopes().contains(scope)) {
            let ca = self.ca(&scope.issuer);
            // A pending CA has issued nothing that could name a CRL of a former configuration.
            let is_pending = |ca: &Ca| ca.record.status.state == IssuerState::Pending;
            if configured.is_none() && own.is_empty() && ca.as_deref().is_some_and(is_pending) {
                transitions.push(Transition::NotConfigured);
            } else {
                let end = ca.map(|ca| ca.certificate().not_after());
                let until = own.iter().map(|used| used.until).max().or(end).unwrap_or_default();
                transitions.push(Transition::Kept { until });
            }
        }
        for used in &own {
            if let Some(other) = used.url.as_ref().filter(|other| Some(*other) != url.as_ref()) {
                transitions.push(Transition::OtherUrl {
                    url: other.clone(),
                    until: used.until,
                });
            }
        }
        let unsharded = configured.is_none_or(|ca| ca.crl().shards() == 0);
        if scope.shard.is_none()
            && unsharded
            && let Some(until) = self.shards_until(&scope.issuer)
        {
            transitions.push(Transition::Partial { until });
        }
        transitions
    }
}
