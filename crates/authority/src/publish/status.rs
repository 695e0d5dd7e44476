//! How it is with the CRLs: whether the next is late, and how late.

use chancery_x509::time::UnixTime;

use crate::authority::Authority;
use crate::config::Config;
use crate::port::PublishedName;
use crate::port::ledger::{CrlRecord, CrlScope};

/// How it is with one CRL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlStatus {
    /// Which.
    pub scope: CrlScope,
    /// Its file.
    pub name: PublishedName,
    /// The newest one that was signed; `None` where there is none, or the ledger does not answer.
    pub latest: Option<CrlRecord>,
    /// Seconds since it was made.
    pub age: Option<i64>,
    /// Whether the next one is late.
    pub staleness: Staleness,
    /// Rows of the ledger that this process had to leave out of it, in words.
    pub damaged: Vec<String>,
}

/// How late the next CRL is, from best to worst.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Staleness {
    /// It is not due yet, or only just.
    Fresh,
    /// Its interval has passed, and a tenth of it on top.
    Overdue,
    /// Half of the CRL's life has passed: what was to publish the next one does not work.
    HalfSpent,
    /// Signed more than a minute ago, and not published.
    Unpublished,
    /// nextUpdate has passed: clients that check refuse every certificate of this CA.
    Expired,
    /// There is none.
    Missing,
    /// The ledger does not answer.
    Unknown {
        /// What it said.
        detail: String,
    },
}

impl CrlStatus {
    /// Whether somebody has to look after it.
    pub fn is_alarming(&self) -> bool {
        self.staleness != Staleness::Fresh || !self.damaged.is_empty()
    }
}

/// Seconds that publishing a signed CRL may take.
const PUBLISHING: i64 = 60;

/// Interval and lifetime of a CRL, in seconds.
pub(super) struct Timing {
    pub(super) interval: i64,
    pub(super) lifetime: i64,
}

/// As configured; a CA that left the configuration gets a new CRL daily, valid for a week.
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

fn staleness(latest: &CrlRecord, timing: &Timing, now: UnixTime) -> Staleness {
    let half = (latest.next_update.0 - latest.this_update.0) / 2;
    if now > latest.next_update {
        Staleness::Expired
    } else if latest.published.is_none() && now > latest.this_update.plus_seconds(PUBLISHING) {
        Staleness::Unpublished
    } else if now > latest.this_update.plus_seconds(half) {
        Staleness::HalfSpent
    } else if now > latest.this_update.plus_seconds(timing.interval + timing.interval / 10) {
        Staleness::Overdue
    } else {
        Staleness::Fresh
    }
}

impl Authority {
    /// How it is with every CRL of every CA.
    pub async fn crl_status(&self) -> Vec<CrlStatus> {
        let now = self.ports().clock.now();
        let mut all = Vec::new();
        for scope in self.crl_scopes() {
            let (latest, staleness) = match self.ports().ledger.latest_crl(&scope).await {
                Ok(Some(latest)) => {
                    let staleness = staleness(&latest, &timing(self.config(), &scope), now);
                    (Some(latest), staleness)
                }
                Ok(None) => (None, Staleness::Missing),
                Err(error) => (
                    None,
                    Staleness::Unknown {
                        detail: error.to_string(),
                    },
                ),
            };
            all.push(CrlStatus {
                name: Config::crl_name(&scope),
                age: latest.as_ref().map(|crl| now.0 - crl.this_update.0),
                damaged: self.slots.slot(&scope).damaged(),
                latest,
                staleness,
                scope,
            });
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::{ETag, Receipt};
    use crate::slug::Slug;

    #[test]
    fn staleness_rises_with_age() {
        let timing = Timing {
            interval: 100,
            lifetime: 1000,
        };
        let mut crl = CrlRecord {
            scope: CrlScope {
                issuer: Slug::new("a-ca").unwrap(),
                shard: None,
            },
            number: 1,
            this_update: UnixTime(10_000),
            next_update: UnixTime(11_000),
            entries: 0,
            digest: [0; 32],
            receipt: Receipt(String::new()),
            published: Some(ETag("1".to_owned())),
        };
        let at = |crl: &CrlRecord, age: i64| staleness(crl, &timing, UnixTime(10_000 + age));
        assert_eq!(at(&crl, 0), Staleness::Fresh);
        assert_eq!(at(&crl, 110), Staleness::Fresh);
        assert_eq!(at(&crl, 111), Staleness::Overdue);
        assert_eq!(at(&crl, 500), Staleness::Overdue);
        assert_eq!(at(&crl, 501), Staleness::HalfSpent);
        assert_eq!(at(&crl, 1000), Staleness::HalfSpent);
        assert_eq!(at(&crl, 1001), Staleness::Expired);
        crl.published = None;
        assert_eq!(at(&crl, 60), Staleness::Fresh);
        assert_eq!(at(&crl, 61), Staleness::Unpublished);
        assert_eq!(at(&crl, 1001), Staleness::Expired);
    }
}
