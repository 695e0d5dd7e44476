//! Common names that callers gave for serial numbers. They only lead to a row, which is then read; what counts is the
//! row's certificate.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chancery_x509::serial::Serial;

/// Most names that are kept; a name usually has up to 64 characters.
const MOST: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct NameHints(Mutex<HashMap<Serial, String>>);

impl NameHints {
    pub(super) fn remember(&self, serial: Serial, partition: &str) {
        let mut hints = self.lock();
        // The next caller gives its name again.
        if hints.len() >= MOST {
            hints.clear();
        }
        hints.insert(serial, partition.to_owned());
    }

    pub(super) fn recall(&self, serial: Serial) -> Option<String> {
        self.lock().get(&serial).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Serial, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
