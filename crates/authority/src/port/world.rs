//! Time and randomness, passed in so that tests can control them.

use chancery_x509::time::UnixTime;

/// A source of the current time.
pub trait Clock: Send + Sync {
    /// The current time, in whole seconds.
    fn now(&self) -> UnixTime;
}

/// What this process is working on, where it works on one request at a time.
pub trait Invocation: Send + Sync {
    /// The id of the request, as the platform that made it and its log know it: on Lambda the invocation's. `None` elsewhere.
    fn request_id(&self) -> Option<String>;
}

/// A process that no platform invokes.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoInvocation;

impl Invocation for NoInvocation {
    fn request_id(&self) -> Option<String> {
        None
    }
}

/// A source of random octets fit for serial numbers and tokens.
pub trait Entropy: Send + Sync {
    /// Fills `octets`. A generator that cannot must abort the process rather than return.
    fn fill(&self, octets: &mut [u8]);
}
