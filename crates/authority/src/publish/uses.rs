//! Which CRLs there are: those of the configuration, and those that certificates name that still live.
//!
//! A configuration changes in a moment, certificates end one by one. What they were issued with is recorded in the ledger
//! before they are signed, and decides what is published and what a CRL may claim to cover (RFC 5280 section 5.2.5: a CRL
//! without issuingDistributionPoint is complete for its issuer).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chancery_x509::crl::Coverage;
use chancery_x509::time::{DAY, UnixTime};

use super::PublishError;
use crate::authority::{Authority, Ca};
use crate::ca_name::CaName;
use crate::config::Config;
use crate::port::LedgerError;
use crate::port::ledger::{CrlScope, CrlUse};

/// Ends are recorded as the end of the span of so many seconds that they fall in: once for a whole span of issuance, and a
/// CRL is published for that much longer than it need be at most.
const SPAN: i64 = 30 * DAY;

/// What this process knows of the uses that the ledger has.
#[derive(Debug, Default)]
pub(crate) struct CrlUses(Mutex<BTreeMap<(CrlScope, Option<String>), UnixTime>>);

/// That what is published is not only what the configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transition {
    /// The configuration has no such CRL any more; it is published for certificates of before.
    Kept {
        /// Until when.
        until: UnixTime,
    },
    /// Certificates name it by a URL that is not the configuration's.
    OtherUrl {
        /// That URL.
        url: String,
        /// Until when.
        until: UnixTime,
    },
    /// It covers only a part of its CA's certificates, since others name CRLs of their own.
    Partial {
        /// Until when.
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

impl CrlUses {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(CrlScope, Option<String>), UnixTime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, uses: impl IntoIterator<Item = CrlUse>) {
        let mut known = self.lock();
        for used in uses {
            let until = known.entry((used.scope, used.url)).or_insert(used.until);
            *until = used.until.max(*until);
        }
    }

    fn covers(&self, scope: &CrlScope, url: Option<&str>, end: UnixTime) -> bool {
        let key = (scope.clone(), url.map(str::to_owned));
        self.lock().get(&key).is_some_and(|until| *until >= end)
    }

    /// Those of one CRL that a certificate may still live by.
    fn of(&self, scope: &CrlScope, now: UnixTime) -> Vec<CrlUse> {
        let known = self.lock();
        let own = known
            .range((scope.clone(), None)..)
            .take_while(|((of, _), _)| of == scope);
        let living = own.filter(|(_, until)| **until >= now);
        let used = |((scope, url), until): (&(CrlScope, Option<String>), &UnixTime)| CrlUse {
            scope: scope.clone(),
            url: url.clone(),
            until: *until,
        };
        living.map(used).collect()
    }

    /// Until when certificates of that CA name CRLs of shards; `None` where none does any more.
    fn shards_until(&self, issuer: &CaName, now: UnixTime) -> Option<UnixTime> {
        let known = self.lock();
        let of_shards = known
            .iter()
            .filter(|((scope, _), until)| scope.issuer == *issuer && scope.shard.is_some() && **until >= now);
        of_shards.map(|(_, until)| *until).max()
    }

    /// Those that a certificate may still live by.
    fn living(&self, now: UnixTime) -> Vec<CrlUse> {
        let known = self.lock();
        let living = known.iter().filter(|(_, until)| **until >= now);
        let used = |((scope, url), until): (&(CrlScope, Option<String>), &UnixTime)| CrlUse {
            scope: scope.clone(),
            url: url.clone(),
            until: *until,
        };
        living.map(used).collect()
    }
}

impl Authority {
    /// Records that a certificate that is about to be reserved names that CRL, unless that is known to be recorded.
    pub(crate) async fn note_crl_use(
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
        self.ports().ledger.record_crl_use(used.clone()).await?;
        self.crl_uses.learn([used]);
        Ok(())
    }

    /// Reads which CRLs are in use: other processes issue, too, perhaps by another configuration.
    pub async fn refresh_crl_uses(&self) -> Result<(), LedgerError> {
        let uses = self.ports().ledger.crl_uses().await?;
        self.crl_uses.learn(uses);
        Ok(())
    }

    /// The uses that certificates may still live by; of an authority that never has shards, those of whole CRLs.
    fn living_uses(&self) -> Vec<CrlUse> {
        let mut living = self.crl_uses.living(self.ports().clock.now());
        if self.config().is_never_sharded() {
            living.retain(|used| used.scope.shard.is_none());
        }
        living
    }

    /// Until when certificates of that CA name CRLs of shards; of an authority that never has shards, whatever is said, none.
    fn shards_until(&self, issuer: &CaName) -> Option<UnixTime> {
        let never = self.config().is_never_sharded();
        let now = self.ports().clock.now();
        (!never).then(|| self.crl_uses.shards_until(issuer, now)).flatten()
    }

    /// That certificates are said to name CRLs of shards, which an authority that never has any did not issue: a claim of the
    /// ledger that nothing is made of.
    pub(super) fn impossible_uses(&self, scope: &CrlScope) -> Option<String> {
        let living = self.crl_uses.living(self.ports().clock.now());
        let mut impossible = living.iter().filter_map(|used| {
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

    /// Every CRL of every CA that exists and has not [ended](Self::has_ended): those of the configuration, and those that living
    /// certificates name, as far as this process has read. A CA that left the configuration still answers for what it issued.
    pub fn crl_scopes(&self) -> Vec<CrlScope> {
        self.crl_scopes_of(|ca| !self.has_ended(ca))
    }

    fn crl_scopes_of(&self, wanted: impl Fn(&Ca) -> bool) -> Vec<CrlScope> {
        let living = self.living_uses();
        let cas = self.cas();
        let of = |ca: &Ca| {
            let mut scopes: BTreeSet<CrlScope> = living
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

    /// Refuses a configuration by which two CRLs would have one file, `NAME-3.crl`: the full one of a CA of that name, and the
    /// third shard of another. What living certificates name, and CAs that left the configuration or have ended, count as well.
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

    /// Those of the configuration; of a CA that is not in it, the full one.
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

    /// What a CRL may say that it covers. It is complete, and says nothing, where no certificate of its CA names a CRL of a
    /// shard, nor is about to; else it names every URL that the certificates that it covers name it by.
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

    /// What is between the configuration and what a CRL is published for; nothing, most of the time.
    pub(super) fn transitions(&self, scope: &CrlScope) -> Vec<Transition> {
        let now = self.ports().clock.now();
        let configured = self.config().ca(&scope.issuer);
        let url = self.config().crl_url(scope);
        let own = self.crl_uses.of(scope, now);
        let mut transitions = Vec::new();
        if !configured.is_some_and(|ca| ca.crl_scopes().contains(scope)) {
            let end = self.ca(&scope.issuer).map(|ca| ca.certificate().not_after());
            let until = own.iter().map(|used| used.until).max().or(end).unwrap_or_default();
            transitions.push(Transition::Kept { until });
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
