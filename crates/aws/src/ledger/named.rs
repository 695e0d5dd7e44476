//! Under which names rows were said to stand, by serial number. Only ever a way to a row, which is read, and counts by its
//! certificate.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chancery_x509::serial::Serial;

/// Names that are kept at most; a name has 64 characters as a rule.
const MOST: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Named(Mutex<HashMap<Serial, String>>);

impl Named {
    pub(super) fn remember(&self, serial: Serial, partition: &str) {
        let mut named = self.lock();
        // Whoever asks next says it again.
        if named.len() >= MOST {
            named.clear();
        }
        named.insert(serial, partition.to_owned());
    }

    pub(super) fn recall(&self, serial: Serial) -> Option<String> {
        self.lock().get(&serial).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Serial, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
