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
        let now = SystemTime::now();
        match now.duration_since(UNIX_EPOCH) {
            Ok(since) => UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX)),
            // A clock before 1970 is rounded down too, so that no second around zero lasts twice as long.
            Err(before) => {
                let before = before.duration();
                let seconds = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
                UnixTime(-seconds - i64::from(before.subsec_nanos() > 0))
            }
        }
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, octets: &mut [u8]) {
        if let Err(error) = getrandom::fill(octets) {
            // A predictable serial number or key is worse than no process: abort.
            tracing::error!(%error, "the operating system gives no random numbers: aborting");
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_agrees_with_the_system() {
        let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let now = u64::try_from(SystemClock.now().0).unwrap();
        let after = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert!((before..=after).contains(&now));
    }

    #[test]
    fn entropy_fills_every_octet() {
        // Each octet must differ from zero at least once in 64 fills: a chance of 256^-64 to fail for each.
        let mut seen = [0_u8; 100];
        for _ in 0..64 {
            let mut octets = [0_u8; 100];
            SystemEntropy.fill(&mut octets);
            for (seen, octet) in seen.iter_mut().zip(octets) {
                *seen |= octet;
            }
        }
        assert!(seen.iter().all(|octet| *octet != 0));
    }
}
