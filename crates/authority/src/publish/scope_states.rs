//! This process's knowledge of each CRL: what it published last. The ledger decides what is due.
//!
//! Each state serialises the publications of one CRL, so that a burst of revocations results in few CRLs: a caller that
//! waited finds its own revocation covered by the CRL before.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chancery_x509::serial::Serial;
use futures_util::lock::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard};

use super::published::PublishedCrl;
use crate::ca_name::CaName;
use crate::port::ledger::CrlScope;

/// Most CRLs that are made concurrently: each takes a few file descriptors, and memory for the published CRL that it is
/// compared with.
const AT_A_TIME: usize = 8;

/// The states by scope, and the places to make CRLs.
#[derive(Default)]
pub(crate) struct ScopeStates {
    known: Mutex<HashMap<CrlScope, Arc<ScopeState>>>,
    making: [AsyncMutex<()>; AT_A_TIME],
}

/// What this process knows of one scope's CRLs.
pub(super) struct ScopeState {
    /// Counts changes: a CRL that was reserved when this was `n` covers changes up to `n`.
    changes: AtomicU64,
    /// Held while a CRL of this scope is made and published.
    pub(super) published: AsyncMutex<Published>,
    /// Changes that the last published CRL covers, and rows it had to leave out; read without waiting for a
    /// publication.
    covered: AtomicU64,
    damaged: Mutex<Vec<String>>,
    /// Serial numbers that callers wait to see listed, with the number of callers for each.
    awaited: Mutex<HashMap<Serial, u32>>,
}

/// Serial numbers that a caller waits for; the wait ends when dropped.
pub(super) struct Awaiting<'a> {
    state: &'a ScopeState,
    serials: &'a [Serial],
}

#[derive(Default)]
pub(super) struct Published {
    pub(super) last: Option<PublishedCrl>,
    /// Those awaited serial numbers that were written into it.
    pub(super) seen: HashSet<Serial>,
}

impl ScopeStates {
    pub(super) fn of(&self, scope: &CrlScope) -> Arc<ScopeState> {
        self.lock()
            .entry(scope.clone())
            .or_insert_with(|| Arc::new(ScopeState::new()))
            .clone()
    }

    /// Waits for one of the places to make CRLs; each scope has a fixed one, which it shares with others.
    pub(super) async fn place(&self, scope: &CrlScope) -> AsyncMutexGuard<'_, ()> {
        let of_issuer: usize = scope.issuer.as_str().bytes().map(usize::from).sum();
        let place = of_issuer + usize::from(scope.shard.unwrap_or_default());
        self.making[place % AT_A_TIME].lock().await
    }

    /// Records that something was revoked, or given up, in that scope.
    pub(crate) fn changed(&self, scope: &CrlScope) {
        self.of(scope).change();
    }

    /// The same where only the issuer is known.
    pub(crate) fn issuer_changed(&self, issuer: &CaName) {
        for (scope, state) in self.lock().iter() {
            if scope.issuer == *issuer {
                state.change();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CrlScope, Arc<ScopeState>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Awaiting<'_> {
    fn drop(&mut self) {
        let mut awaited = self.state.awaited();
        for serial in self.serials {
            if let Some(waiting) = awaited.get_mut(serial) {
                *waiting -= 1;
                if *waiting == 0 {
                    awaited.remove(serial);
                }
            }
        }
    }
}

impl ScopeState {
    /// Starts with one uncovered change, since changes before this process are unknown to it.
    fn new() -> Self {
        Self {
            changes: AtomicU64::new(1),
            published: AsyncMutex::default(),
            covered: AtomicU64::new(0),
            damaged: Mutex::default(),
            awaited: Mutex::default(),
        }
    }

    /// Makes the next CRLs look for these serial numbers.
    pub(super) fn await_listing<'a>(&'a self, serials: &'a [Serial]) -> Awaiting<'a> {
        let mut awaited = self.awaited();
        for serial in serials {
            *awaited.entry(*serial).or_default() += 1;
        }
        drop(awaited);
        Awaiting { state: self, serials }
    }

    /// All awaited serial numbers.
    pub(super) fn awaited_serials(&self) -> HashSet<Serial> {
        self.awaited().keys().copied().collect()
    }

    fn awaited(&self) -> MutexGuard<'_, HashMap<Serial, u32>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// Whether a published CRL covers all changes up to that count.
    pub(super) fn covers(&self, changes: u64) -> bool {
        self.covered.load(Ordering::SeqCst) >= changes
    }

    pub(super) fn cover(&self, changes: u64) {
        self.covered.fetch_max(changes, Ordering::SeqCst);
    }

    pub(super) fn damaged(&self) -> Vec<String> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_damaged(&self, damaged: Vec<String>) {
        *self.damaged.lock().unwrap_or_else(PoisonError::into_inner) = damaged;
    }
}
