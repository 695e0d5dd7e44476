//! Time and randomness, passed in so that tests can control them.

use chancery_x509::time::UnixTime;

/// A source of the current time.
pub trait Clock: Send + Sync {
    /// The current time, in whole seconds.
    fn now(&self) -> UnixTime;
}

/// A source of random octets fit for serial numbers and tokens.
pub trait Entropy: Send + Sync {
    /// Fills `octets`. A generator that cannot must abort the process rather than return.
    fn fill(&self, octets: &mut [u8]);
}
