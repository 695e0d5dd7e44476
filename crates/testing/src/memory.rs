//! In-memory ports, a clock that only moves when set, and faults on demand: for tests.
//!
//! [`MemoryPorts`] has everything an authority needs. [`MemoryPorts::ports`] returns the ports without faults,
//! [`MemoryPorts::faulty_ports`] the same ones behind [`Faulty`], controlled by [`MemoryPorts::faults`].

mod faulty;
mod intent_keys;
mod keys;
mod ledger;
mod notices;
mod publication;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chancery_authority::port::Ports;
use chancery_x509::time::UnixTime;

pub use faulty::{Fault, Faults, Faulty};
pub use intent_keys::MemoryIntentKeys;
pub use keys::{LoggedSignature, MemoryKeyStore};
pub use ledger::MemoryLedger;
pub use notices::MemoryNotices;
pub use publication::{MemoryPublication, Put};
pub use world::{ManualClock, ManualInvocation, SeededEntropy};

/// All ports in memory.
pub struct MemoryPorts {
    /// The CA keys.
    pub keys: Arc<MemoryKeyStore>,
    /// The keys that authenticate intents.
    pub intent_keys: Arc<MemoryIntentKeys>,
    /// The ledger.
    pub ledger: Arc<MemoryLedger>,
    /// Published files.
    pub publication: Arc<MemoryPublication>,
    /// Notices received.
    pub notices: Arc<MemoryNotices>,
    /// The clock.
    pub clock: Arc<ManualClock>,
    /// Randomness, the same in every run.
    pub entropy: Arc<SeededEntropy>,
    /// What the process is working on.
    pub invocation: Arc<ManualInvocation>,
    /// The faults of [`MemoryPorts::faulty_ports`].
    pub faults: Arc<Faults>,
}

impl MemoryPorts {
    /// An empty deployment at that time.
    pub fn new(now: UnixTime) -> Self {
        let clock = Arc::new(ManualClock::new(now));
        Self {
            keys: Arc::default(),
            intent_keys: Arc::default(),
            ledger: Arc::default(),
            publication: Arc::new(MemoryPublication::new(clock.clone())),
            notices: Arc::default(),
            clock,
            entropy: Arc::new(SeededEntropy::new(1)),
            invocation: Arc::default(),
            faults: Arc::default(),
        }
    }

    /// The ports without faults.
    pub fn ports(&self) -> Ports {
        Ports {
            keys: self.keys.clone(),
            intent_keys: self.intent_keys.clone(),
            ledger: self.ledger.clone(),
            publication: self.publication.clone(),
            notices: self.notices.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            invocation: self.invocation.clone(),
        }
    }

    /// The ports with the faults in [`MemoryPorts::faults`].
    pub fn faulty_ports(&self) -> Ports {
        let faults = &self.faults;
        Ports {
            keys: Arc::new(Faulty::new(self.keys.clone(), faults.clone())),
            intent_keys: Arc::new(Faulty::new(self.intent_keys.clone(), faults.clone())),
            ledger: Arc::new(Faulty::new(self.ledger.clone(), faults.clone())),
            publication: Arc::new(Faulty::new(self.publication.clone(), faults.clone())),
            notices: Arc::new(Faulty::new(self.notices.clone(), faults.clone())),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            invocation: self.invocation.clone(),
        }
    }
}

/// Locks even if a test panicked meanwhile, so that the next assertion can inspect the state.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
