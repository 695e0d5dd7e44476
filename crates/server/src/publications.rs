//! Publications of CRLs on request: each runs on a task of its own, since with a thousand shards it takes longer than a
//! caller waits for an answer, and its progress can be queried by its id. The ledger and the files show what is
//! published; only the progress of a request is kept here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chancery_authority::Authority;
use chancery_authority::port::ledger::CrlScope;
use tokio::sync::watch;

use crate::api::crls::{CrlEntry, problem_of};
use crate::changes::{Changes, LONGEST};

/// Most publications kept, running or done; beyond that the oldest one that is done is dropped, and while all are
/// running no further one is accepted.
const KEPT: usize = 16;

/// Progress of one publication.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// CRLs to be made.
    pub(crate) total: usize,
    /// Outcomes of those that were.
    pub(crate) done: Vec<CrlEntry>,
}

impl Progress {
    pub(crate) fn is_finished(&self) -> bool {
        self.done.len() == self.total
    }
}

/// One publication.
#[derive(Clone)]
pub(crate) struct Publishing {
    /// Its id.
    pub(crate) id: String,
    progress: watch::Receiver<Progress>,
}

impl Publishing {
    /// Its progress once it is finished, or after that time.
    pub(crate) async fn after(&self, patience: Duration) -> Progress {
        let mut progress = self.progress.clone();
        let finished = progress.wait_for(Progress::is_finished);
        if let Ok(Ok(progress)) = tokio::time::timeout(patience, finished).await {
            return progress.clone();
        }
        self.progress.borrow().clone()
    }

    /// Whether nothing more comes: all are made, or its task ended early.
    fn is_over(&self) -> bool {
        self.progress.has_changed().is_err() || self.progress.borrow().is_finished()
    }

    /// Whether its task ended before all were made.
    pub(crate) fn ended_early(&self) -> bool {
        self.progress.has_changed().is_err() && !self.progress.borrow().is_finished()
    }
}

/// The publications of this process.
#[derive(Default)]
pub(crate) struct Publications(Mutex<VecDeque<Publishing>>);

impl Publications {
    /// Makes and publishes those CRLs one after another, whether or not each succeeds. `None`: too much is in progress.
    pub(crate) fn order(
        &self,
        authority: &Arc<Authority>,
        changes: &Changes,
        scopes: Vec<CrlScope>,
    ) -> Option<Publishing> {
        let mut orders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if orders.len() >= KEPT {
            let over = orders.iter().position(Publishing::is_over)?;
            orders.remove(over);
        }
        let mut octets = [0; 8];
        authority.ports().entropy.fill(&mut octets);
        let (told, progress) = watch::channel(Progress {
            total: scopes.len(),
            done: Vec::new(),
        });
        let worker = Arc::clone(authority);
        // Each CRL has the time that a request has: a publication of a thousand takes longer than that, but no step may
        // hang.
        let longest = LONGEST.saturating_mul(u32::try_from(scopes.len()).unwrap_or(u32::MAX).saturating_add(1));
        changes.run(longest, async move {
            for scope in scopes {
                let entry = match tokio::time::timeout(LONGEST, worker.publish_crl(&scope)).await {
                    Ok(outcome) => CrlEntry::published(&scope, &outcome, problem_of),
                    Err(_) => CrlEntry::given_up(&scope, LONGEST),
                };
                told.send_modify(|progress| progress.done.push(entry));
            }
        })?;
        let order = Publishing {
            id: data_encoding::HEXLOWER.encode(&octets),
            progress,
        };
        orders.push_back(order.clone());
        Some(order)
    }

    /// The publication of that id, as long as it is kept.
    pub(crate) fn find(&self, id: &str) -> Option<Publishing> {
        let orders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        orders.iter().find(|order| order.id == id).cloned()
    }
}
