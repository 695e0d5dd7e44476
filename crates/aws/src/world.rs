//! Time and randomness from the operating system.

use std::time::{SystemTime, UNIX_EPOCH};

use chancery_authority::port::{Clock, Entropy};
use chancery_x509::time::UnixTime;

/// The system's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// The kernel's random number generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, octets: &mut [u8]) {
        if let Err(error) = getrandom::fill(octets) {
            // A predictable serial number is worse than no process: nothing may go on from here.
            tracing::error!(%error, "the operating system gives no random numbers: aborting");
            std::process::abort();
        }
    }
}

/// Octets that nobody else has: they tell our own write from another's when an answer was lost.
pub(crate) fn nonce() -> String {
    let mut octets = [0; 16];
    SystemEntropy.fill(&mut octets);
    data_encoding::HEXLOWER.encode(&octets)
}

/// A random number below that, which is not zero.
pub(crate) fn random_below(end: u64) -> u64 {
    let mut octets = [0; 8];
    SystemEntropy.fill(&mut octets);
    u64::from_le_bytes(octets) % end
}
