//! The authority's state, as `/health` and `/metrics` show it to every caller: read at most every two seconds, by one
//! reader at a time, and so rarely that reading takes at most a tenth of the time. No token is required for it, so the
//! number of callers must not put load on the ledger.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::Counts;
use chancery_authority::publish::CrlStatus;
use chancery_authority::{Authority, CaName, NothingIssued};
use tokio::sync::watch;

/// A snapshot is used for at least this long.
const KEPT: Duration = Duration::from_secs(2);

/// And for this many times as long as reading it took, which with many CRLs is long.
const SHARE: u32 = 10;

/// How long a request waits for the ledger.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A snapshot of the state.
pub(crate) struct HealthSnapshot {
    read: Instant,
    kept: Duration,
    /// The ledger's counts, or why they could not be read.
    pub(crate) counts: Result<Counts, LedgerError>,
    /// Whether the last write to the ledger failed, and none has succeeded since.
    pub(crate) cannot_be_written: bool,
    /// Every CRL.
    pub(crate) crls: Vec<CrlStatus>,
    /// CAs under which nothing is issued any more.
    pub(crate) revoked: Vec<NothingIssued>,
    /// CAs for which the revocation of their chain could not be read.
    pub(crate) unknown: Vec<CaName>,
}

/// Reads a snapshot when one is requested, and keeps it.
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
    /// A snapshot that is fresh enough; `None` where the ledger does not answer in time.
    pub(crate) async fn current(self: &Arc<Self>, authority: &Arc<Authority>) -> Option<Arc<HealthSnapshot>> {
        let mut newest = self.newest.subscribe();
        let fresh = |snapshot: &Option<Arc<HealthSnapshot>>| {
            snapshot
                .as_ref()
                .is_some_and(|snapshot| snapshot.read.elapsed() < snapshot.kept)
        };
        if !fresh(&newest.borrow()) && !self.reading.swap(true, Ordering::SeqCst) {
            let reader = Reader(Arc::clone(self));
            let authority = Arc::clone(authority);
            // On a task of its own: the first caller may go away, and the others wait for this.
            tokio::spawn(async move {
                let snapshot = read(&authority).await;
                reader.0.newest.send_replace(Some(Arc::new(snapshot)));
                drop(reader);
            });
        }
        let arrived = tokio::time::timeout(TIMEOUT, newest.wait_for(fresh)).await;
        arrived.ok()?.ok()?.clone()
    }
}

/// Allows the next reader when it is dropped, also where reading panicked.
struct Reader(Arc<HealthCache>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.reading.store(false, Ordering::SeqCst);
    }
}

async fn read(authority: &Authority) -> HealthSnapshot {
    let begun = Instant::now();
    let counts = authority.ports().ledger.monitoring().counts().await;
    let mut crls = Vec::new();
    let (mut revoked, mut unknown) = (Vec::new(), Vec::new());
    // If the ledger does not answer, it is not queried again for each CRL.
    if counts.is_ok() {
        crls = authority.crl_status().await;
        for ca in authority.cas().iter().filter(|ca| authority.should_issue(ca)) {
            match authority.revoked_in_chain(ca.name()).await {
                Ok(None) => {}
                Ok(Some(above)) => revoked.push(NothingIssued {
                    ca: ca.name().clone(),
                    revoked: above,
                }),
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
        cannot_be_written: authority.ports().ledger.monitoring().write_failure().is_some(),
        crls,
        revoked,
        unknown,
    }
}
