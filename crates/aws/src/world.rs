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
            // A predictable serial number is worse than no process: abort.
            tracing::error!(%error, "the operating system gives no random numbers: aborting");
            std::process::abort();
        }
    }
}

/// A random value of 128 bits, in hexadecimal. A write that carries one can be recognised as this process's own after
/// its answer was lost.
pub(crate) fn nonce() -> String {
    let mut octets = [0; 16];
    SystemEntropy.fill(&mut octets);
    data_encoding::HEXLOWER.encode(&octets)
}

/// A random number in `0..end`; `end` must not be zero. Not exactly uniform, which suffices for pauses.
pub(crate) fn random_below(end: u64) -> u64 {
    let mut octets = [0; 8];
    SystemEntropy.fill(&mut octets);
    u64::from_le_bytes(octets) % end
}
