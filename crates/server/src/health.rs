//! How the authority stands, as `/health` and `/metrics` tell it to everybody who asks: read at most every two seconds, by one
//! reader at a time, and seldom enough that reading takes a tenth of the time at most. Nobody has to show a token for it, so
//! however many ask must not cost the ledger anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::Counts;
use chancery_authority::publish::CrlStatus;
use chancery_authority::{Authority, CaName};
use tokio::sync::watch;

/// What was read is told for so long at least.
const KEPT: Duration = Duration::from_secs(2);

/// And for so many times what reading it took, since with many CRLs that is long.
const SHARE: u32 = 10;

/// How long somebody who asks waits for the ledger.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was read.
pub(crate) struct HealthSnapshot {
    read: Instant,
    kept: Duration,
    /// The ledger's counts, or why there are none.
    pub(crate) counts: Result<Counts, LedgerError>,
    /// Whether the last change could not be written, and none since.
    pub(crate) cannot_be_written: bool,
    /// Every CRL.
    pub(crate) crls: Vec<CrlStatus>,
    /// CAs under which nothing is issued any more, each with the revoked CA of its chain.
    pub(crate) revoked: Vec<(CaName, CaName)>,
    /// CAs of which it is not known whether they, or those above them, are revoked.
    pub(crate) unknown: Vec<CaName>,
}

/// Reads it when it is asked for, and keeps it.
pub(crate) struct HealthCache {
    newest: watch::Sender<Option<Arc<HealthSnapshot>>>,
    reading: AtomicBool,
}

impl Default for HealthCache {
    fn default() -> Self {
        Self {
            newest: watch::Sender::new(None),
            reading: AtomicBool::new(false),
        }
    }
}

impl HealthCache {
    /// How it stands, or stood a moment ago; `None` where the ledger does not answer in time.
    pub(crate) async fn current(self: &Arc<Self>, authority: &Arc<Authority>) -> Option<Arc<HealthSnapshot>> {
        let mut newest = self.newest.subscribe();
        let fresh = |standing: &Option<Arc<HealthSnapshot>>| {
            standing
                .as_ref()
                .is_some_and(|standing| standing.read.elapsed() < standing.kept)
        };
        if !fresh(&newest.borrow()) && !self.reading.swap(true, Ordering::SeqCst) {
            let reader = Reader(Arc::clone(self));
            let authority = Arc::clone(authority);
            // On a task of its own: whoever asked first may go away, and the others wait for this.
            tokio::spawn(async move {
                let standing = read(&authority).await;
                reader.0.newest.send_replace(Some(Arc::new(standing)));
                drop(reader);
            });
        }
        let arrived = tokio::time::timeout(PATIENCE, newest.wait_for(fresh)).await;
        arrived.ok()?.ok()?.clone()
    }
}

/// Lets the next one read once it is dropped, also where reading panicked.
struct Reader(Arc<HealthCache>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.reading.store(false, Ordering::SeqCst);
    }
}

async fn read(authority: &Authority) -> HealthSnapshot {
    let begun = Instant::now();
    let counts = authority.ports().ledger.counts().await;
    let mut crls = Vec::new();
    let (mut revoked, mut unknown) = (Vec::new(), Vec::new());
    // A ledger that does not answer is not asked again for each CRL.
    if counts.is_ok() {
        crls = authority.crl_status().await;
        for ca in authority.cas().iter().filter(|ca| !authority.has_ended(ca)) {
            match authority.revoked_in_chain(ca.name()).await {
                Ok(None) => {}
                Ok(Some(above)) => revoked.push((ca.name().clone(), above)),
                Err(error) => {
                    tracing::error!(%error, ca = %ca.name(), "whether a CA is revoked cannot be read");
                    unknown.push(ca.name().clone());
                }
            }
        }
    }
    HealthSnapshot {
        read: Instant::now(),
        kept: KEPT.max(begun.elapsed() * SHARE),
        counts,
        cannot_be_written: authority.ports().ledger.write_failure().is_some(),
        crls,
        revoked,
        unknown,
    }
}
