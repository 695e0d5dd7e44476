//! Time and randomness, as parameters.

use chancery_x509::time::UnixTime;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> UnixTime;
}

/// Gives random octets fit for serial numbers and tokens.
pub trait Entropy: Send + Sync {
    /// Fills `octets`. A generator that cannot must abort the process rather than return.
    fn fill(&self, octets: &mut [u8]);
}
