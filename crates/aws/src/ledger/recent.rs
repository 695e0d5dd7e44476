//! Intents that this process has reserved and not completed, so that completing one needs no read.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chancery_x509::serial::Serial;

use super::entry::Entry;

/// Most intents that are kept; beyond that, the oldest is dropped and read from the journal when it is needed.
const KEPT: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<VecDeque<Entry>>);

impl Recent {
    pub(super) fn remember(&self, entry: Entry) {
        let mut recent = self.lock();
        if recent.len() == KEPT {
            recent.pop_front();
        }
        recent.push_back(entry);
    }

    pub(super) fn recall(&self, serial: Serial) -> Option<Entry> {
        // The newest is nearly always the one that is wanted.
        let recent = self.lock();
        recent.iter().rev().find(|entry| entry.id.serial == serial).cloned()
    }

    pub(super) fn forget(&self, serial: Serial) {
        self.lock().retain(|entry| entry.id.serial != serial);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
