//! Time and randomness under the control of tests.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use aws_lc_rs::digest;
use chancery_authority::port::{Clock, Entropy, Invocation};
use chancery_x509::time::UnixTime;

use super::lock;

/// A clock that only moves when it is set.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that is set to that time.
    pub fn new(now: UnixTime) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Sets the time.
    pub fn set(&self, now: UnixTime) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    /// Advances the time by that many seconds.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixTime {
        UnixTime(self.0.load(Ordering::SeqCst))
    }
}

/// Octets that look random and are the same in every run: SHA-256 of a seed and a counter. For tests only.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    counter: AtomicU64,
    /// Octets to return before any others.
    scripted: Mutex<Vec<u8>>,
}

impl SeededEntropy {
    /// The sequence for that seed.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            counter: AtomicU64::new(0),
            scripted: Mutex::default(),
        }
    }

    /// Returns these octets next, e.g. a serial number that is taken.
    pub fn next_octets(&self, octets: &[u8]) {
        lock(&self.scripted).extend_from_slice(octets);
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, octets: &mut [u8]) {
        let mut scripted = lock(&self.scripted);
        let ready = scripted.len().min(octets.len());
        octets[..ready].copy_from_slice(&scripted[..ready]);
        scripted.drain(..ready);
        drop(scripted);
        for chunk in octets[ready..].chunks_mut(digest::SHA256_OUTPUT_LEN) {
            let mut input = self.seed.to_be_bytes().to_vec();
            input.extend(self.counter.fetch_add(1, Ordering::SeqCst).to_be_bytes());
            chunk.copy_from_slice(&digest::digest(&digest::SHA256, &input).as_ref()[..chunk.len()]);
        }
    }
}

/// An invocation whose id is set by tests; at first there is none.
#[derive(Debug, Default)]
pub struct ManualInvocation(Mutex<Option<String>>);

impl ManualInvocation {
    /// Sets the id of the request that the process works on.
    pub fn set(&self, request_id: Option<&str>) {
        *lock(&self.0) = request_id.map(str::to_owned);
    }
}

impl Invocation for ManualInvocation {
    fn request_id(&self) -> Option<String> {
        lock(&self.0).clone()
    }
}
