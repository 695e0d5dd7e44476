//! Intents that this process has reserved and not completed, so that completing one needs no read.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chancery_x509::serial::Serial;

use super::journal_entry::JournalEntry;

/// Most intents that are kept; beyond that, the oldest is dropped and read from the journal when it is needed.
const KEPT: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct ReservedIntents(Mutex<VecDeque<JournalEntry>>);

impl ReservedIntents {
    pub(super) fn remember(&self, entry: JournalEntry) {
        let mut reserved = self.lock();
        if reserved.len() == KEPT {
            reserved.pop_front();
        }
        reserved.push_back(entry);
    }

    pub(super) fn recall(&self, serial: Serial) -> Option<JournalEntry> {
        // The newest is nearly always the one that is wanted.
        let reserved = self.lock();
        reserved.iter().rev().find(|entry| entry.id.serial == serial).cloned()
    }

    pub(super) fn forget(&self, serial: Serial) {
        self.lock().retain(|entry| entry.id.serial != serial);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<JournalEntry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
