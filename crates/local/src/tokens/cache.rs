//! A cache of recently verified tokens.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chancery_x509::time::UnixTime;

use super::store::{self, Digest};
use super::{CACHED_FOR, TokenRecord};

/// Most tokens kept; beyond that, expired entries are removed first.
const CAPACITY: usize = 10_000;

/// Keeps verified tokens for [`CACHED_FOR`] seconds. Stores digests, never secrets.
#[derive(Default)]
pub(super) struct Cache(Mutex<State>);

#[derive(Default)]
struct State {
    /// Rises with every revocation.
    generation: u64,
    verified: HashMap<String, Verified>,
}

struct Verified {
    digest: Digest,
    at: UnixTime,
    record: TokenRecord,
}

/// Shows that no revocation happened since before the ledger was read.
pub(super) struct Generation(u64);

impl Cache {
    pub(super) fn get(&self, id: &str, digest: &Digest, now: UnixTime) -> Option<TokenRecord> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let verified = state.verified.get(id)?;
        (verified.is_fresh(now) && store::is_same(&verified.digest, digest)).then(|| verified.record.clone())
    }

    pub(super) fn generation(&self) -> Generation {
        Generation(self.0.lock().unwrap_or_else(PoisonError::into_inner).generation)
    }

    pub(super) fn insert(&self, generation: &Generation, record: &TokenRecord, digest: Digest, now: UnixTime) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if generation.0 != state.generation {
            return;
        }
        if state.verified.len() >= CAPACITY {
            state.verified.retain(|_, verified| verified.is_fresh(now));
        }
        if state.verified.len() < CAPACITY {
            state.verified.insert(
                record.id.clone(),
                Verified {
                    digest,
                    at: now,
                    record: record.clone(),
                },
            );
        }
    }

    pub(super) fn forget(&self, id: &str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.generation += 1;
        state.verified.remove(id);
    }
}

impl Verified {
    /// A clock that was set back makes an entry expire, too.
    fn is_fresh(&self, now: UnixTime) -> bool {
        (self.at.0..self.at.plus_seconds(CACHED_FOR).0).contains(&now.0)
    }
}
