//! The state of the CRLs: whether the next is late, and by how much.

use chancery_x509::time::UnixTime;

use super::numbers::Believed;
use super::{PublishError, Transition};
use crate::authority::Authority;
use crate::ca_name::CaName;
use crate::config::Config;
use crate::port::PublishedName;
use crate::port::ledger::{CrlRecord, CrlScope, CrlState};

/// The state of one CRL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlStatus {
    /// The CRL's scope.
    pub scope: CrlScope,
    /// The name of its DER file.
    pub name: PublishedName,
    /// The newest one that was signed; `None` where there is none, or the ledger did not answer.
    pub latest: Option<CrlRecord>,
    /// Seconds since it was made.
    pub age: Option<i64>,
    /// Whether the next one is late.
    pub staleness: Staleness,
    /// Descriptions of records that this process could not read, or does not believe.
    pub damaged: Vec<String>,
    /// What is left of revocations of compromised keys that were not finished; reported with one CRL of their CA.
    pub unfinished: Vec<String>,
    /// Differences between the configuration and what the CRL is published for. They need no attention.
    pub transitions: Vec<Transition>,
}

/// How late the next CRL is, from best to worst.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Staleness {
    /// It is not due yet, or only just.
    Fresh,
    /// Its interval, plus a tenth of it, has passed.
    Overdue,
    /// Half of the CRL's lifetime has passed: the publication of the next one is failing.
    HalfSpent,
    /// A certificate that was revoked more than two minutes ago is on no published CRL.
    Lagging {
        /// When the oldest of these revocations was made.
        since: UnixTime,
    },
    /// Signed more than a minute ago, and not published.
    Unpublished,
    /// Its thisUpdate is in the future: it was made while the clock was ahead, and relying parties refuse it until
    /// then.
    FromFuture,
    /// The published file is missing, or is not the one that was published.
    Replaced,
    /// nextUpdate has passed: relying parties that check revocation refuse every certificate of this CA.
    Expired,
    /// No CRL was ever made.
    Missing,
    /// The ledger did not answer.
    Unknown {
        /// The ledger's error.
        detail: String,
    },
}

impl CrlStatus {
    /// Whether the operator has to act.
    pub fn is_alarming(&self) -> bool {
        self.staleness != Staleness::Fresh || !self.damaged.is_empty() || !self.unfinished.is_empty()
    }
}

/// Seconds allowed for publishing a signed CRL.
const PUBLISHING: i64 = 60;

/// Seconds within which a revocation must be on a published CRL: time for a scheduler round, and for a large CRL.
const LISTING: i64 = 120;

/// Interval and lifetime of a CRL, in seconds.
pub(super) struct Timing {
    pub(super) interval: i64,
    pub(super) lifetime: i64,
}

/// As configured; a CA that was removed from the configuration gets a new CRL daily, valid for a week.
pub(super) fn timing(config: &Config, scope: &CrlScope) -> Timing {
    match config.ca(&scope.issuer) {
        Some(ca) => Timing {
            interval: ca.crl().interval_seconds(),
            lifetime: ca.crl().lifetime_seconds(),
        },
        None => Timing {
            interval: 86_400,
            lifetime: 7 * 86_400,
        },
    }
}

fn staleness(state: &CrlState, timing: &Timing, now: UnixTime) -> Staleness {
    let Some(latest) = &state.latest else {
        return Staleness::Missing;
    };
    // Clients have the published one; where none is recorded as published, the newest signed one is the best guess.
    let seen = state.published.as_ref().unwrap_or(latest);
    let is_published = state.published.as_ref().is_some_and(|crl| crl.number >= latest.number);
    let lagging = state.changed_at.filter(|since| now > since.plus_seconds(LISTING));
    let half = (seen.next_update.0 - seen.made_at.0) / 2;
    if now > seen.next_update {
        Staleness::Expired
    } else if seen.this_update > now {
        Staleness::FromFuture
    } else if !is_published && now > latest.made_at.plus_seconds(PUBLISHING) {
        Staleness::Unpublished
    } else if let Some(since) = lagging {
        Staleness::Lagging { since }
    } else if now > seen.made_at.plus_seconds(half) {
        Staleness::HalfSpent
    } else if now > seen.made_at.plus_seconds(timing.interval + timing.interval / 10) {
        Staleness::Overdue
    } else {
        Staleness::Fresh
    }
}

impl Authority {
    /// The state of every CRL of every CA.
    pub async fn crl_status(&self) -> Vec<CrlStatus> {
        let now = self.ports().clock.now();
        self.cache_crl_uses().await;
        let mut unfinished = match self.unfinished_revocations().await {
            Ok(unfinished) => unfinished,
            // Each CRL's state says that the ledger does not answer.
            Err(error) => {
                tracing::error!(%error, "whether compromised keys are left to revoke cannot be read");
                Vec::new()
            }
        };
        let mut all = Vec::new();
        for scope in self.crl_scopes() {
            let of_issuer =
                |(issuer, _): &mut (Option<CaName>, String)| issuer.as_ref().is_none_or(|of| *of == scope.issuer);
            let unfinished = unfinished
                .extract_if(.., of_issuer)
                .map(|(_, problem)| problem)
                .collect();
            let mut damaged = self.scope_states.of(&scope).damaged();
            let (state, staleness) = match self.believed_crl_state(&scope, 0).await {
                Ok(Believed { state, damage, .. }) => {
                    // Reported even before the next CRL reports it.
                    damaged.extend(damage.filter(|damage| !damaged.contains(damage)));
                    let staleness = staleness(&state, &timing(self.config(), &scope), now);
                    let staleness = match staleness {
                        // Where the file cannot be read, it is not reported as replaced.
                        Staleness::Fresh if matches!(self.is_replaced(&scope, &state).await, Ok(Some(true))) => {
                            Staleness::Replaced
                        }
                        other => other,
                    };
                    (state, staleness)
                }
                Err(error) => (
                    CrlState::default(),
                    Staleness::Unknown {
                        detail: error.to_string(),
                    },
                ),
            };
            all.push(CrlStatus {
                name: Config::crl_name(&scope),
                age: state.latest.as_ref().map(|crl| now.0 - crl.made_at.0),
                damaged,
                unfinished,
                transitions: self.transitions(&scope),
                latest: state.latest,
                staleness,
                scope,
            });
        }
        all
    }

    /// Whether the published file is missing, or is not the one that the ledger recorded; `None` during a concurrent
    /// publication, when it is not known yet which one is expected.
    ///
    /// Ledger and file are read one after the other, and a publication changes both, the file first. So a file with
    /// another version is only reported if the ledger, queried again, still records the same one and has no publication
    /// in progress.
    pub(super) async fn is_replaced(&self, scope: &CrlScope, state: &CrlState) -> Result<Option<bool>, PublishError> {
        let (name, now) = (Config::crl_name(scope), self.ports().clock.now());
        let noted = |state: &CrlState| state.published.as_ref().and_then(|crl| crl.published.clone());
        let mut expected = noted(state);
        for _ in 0..LOOKS {
            let Some(etag) = expected else { return Ok(Some(false)) };
            // A file is replaced atomically: it is never missing during a publication.
            let Some(stat) = self.ports().publication.stat(&name).await? else {
                return Ok(Some(true));
            };
            if stat.etag == etag {
                return Ok(Some(false));
            }
            let state = self.believed_crl_state(scope, 0).await?.state;
            if is_under_way(&state, now) {
                return Ok(None);
            }
            expected = noted(&state);
            if expected.as_ref() == Some(&etag) {
                return Ok(Some(true));
            }
        }
        Ok(None)
    }
}

/// Most re-reads because a publication was recorded while the published file was checked.
const LOOKS: usize = 3;

/// Whether a CRL was signed so recently that its file may be published and not be recorded yet.
fn is_under_way(state: &CrlState, now: UnixTime) -> bool {
    let published = state.published.as_ref().map_or(0, |crl| crl.number);
    let latest = state.latest.as_ref().filter(|latest| latest.number > published);
    latest.is_some_and(|latest| now.0.abs_diff(latest.made_at.0) <= PUBLISHING.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca_name::CaName;
    use crate::port::{ETag, Receipt};

    #[test]
    fn staleness_rises_with_age() {
        let timing = Timing {
            interval: 100,
            lifetime: 1000,
        };
        let crl = CrlRecord {
            scope: CrlScope {
                issuer: CaName::new("a-ca").unwrap(),
                shard: None,
            },
            number: 1,
            made_at: UnixTime(10_000),
            this_update: UnixTime(9_700),
            next_update: UnixTime(11_000),
            entries: 0,
            digest: [0; 32],
            receipt: Receipt(String::new()),
            mark: None,
            published: Some(ETag("1".to_owned())),
        };
        let mut state = CrlState {
            latest: Some(crl.clone()),
            published: Some(crl.clone()),
            ..CrlState::default()
        };
        let at = |state: &CrlState, age: i64| staleness(state, &timing, UnixTime(10_000 + age));
        assert_eq!(at(&state, -301), Staleness::FromFuture);
        assert_eq!(at(&state, -300), Staleness::Fresh, "a clock that is a little behind");
        assert_eq!(at(&state, 0), Staleness::Fresh);
        // Something was revoked, and no CRL can be made.
        let since = UnixTime(10_020);
        state.changed_at = Some(since);
        assert_eq!(at(&state, 140), Staleness::Overdue, "it may take a moment");
        assert_eq!(at(&state, 141), Staleness::Lagging { since });
        assert_eq!(at(&state, 501), Staleness::Lagging { since });
        assert_eq!(at(&state, 1001), Staleness::Expired);
        state.changed_at = None;
        assert_eq!(at(&state, 110), Staleness::Fresh);
        assert_eq!(at(&state, 111), Staleness::Overdue);
        assert_eq!(at(&state, 500), Staleness::Overdue);
        assert_eq!(at(&state, 501), Staleness::HalfSpent);
        assert_eq!(at(&state, 1000), Staleness::HalfSpent);
        assert_eq!(at(&state, 1001), Staleness::Expired);
        // The next one is signed but cannot be published: the age is still that of the one before.
        let next = CrlRecord {
            number: 2,
            made_at: UnixTime(10_100),
            next_update: UnixTime(11_100),
            published: None,
            ..crl
        };
        state.latest = Some(next);
        assert_eq!(at(&state, 160), Staleness::Overdue);
        assert_eq!(at(&state, 161), Staleness::Unpublished);
        assert_eq!(at(&state, 1001), Staleness::Expired);
        state.published = None;
        assert_eq!(at(&state, 160), Staleness::Fresh);
        assert_eq!(at(&state, 161), Staleness::Unpublished);
    }
}
