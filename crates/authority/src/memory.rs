//! The ports in memory, a clock that stands still until told, and faults on demand: what tests stand on.
//!
//! [`MemoryPorts`] has everything an authority needs. [`MemoryPorts::ports`] gives the ports as they are,
//! [`MemoryPorts::faulty_ports`] the same ones behind [`Faulty`], ruled by [`MemoryPorts::faults`].

mod faulty;
mod intent_keys;
mod keys;
mod ledger;
mod notices;
mod publication;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chancery_x509::time::UnixTime;

pub use faulty::{Fault, Faults, Faulty};
pub use intent_keys::MemoryIntentKeys;
pub use keys::{LoggedSignature, MemoryKeyStore};
pub use ledger::MemoryLedger;
pub use notices::MemoryNotices;
pub use publication::{MemoryPublication, Put};
pub use world::{ManualClock, SeededEntropy};

use crate::port::Ports;

/// All ports in memory.
pub struct MemoryPorts {
    /// Keys.
    pub keys: Arc<MemoryKeyStore>,
    /// Keys of intents.
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
    /// What goes wrong behind [`MemoryPorts::faulty_ports`].
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
            faults: Arc::default(),
        }
    }

    /// The ports as they are.
    pub fn ports(&self) -> Ports {
        Ports {
            keys: self.keys.clone(),
            intent_keys: self.intent_keys.clone(),
            ledger: self.ledger.clone(),
            publication: self.publication.clone(),
            notices: self.notices.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    /// The ports, failing as [`MemoryPorts::faults`] says.
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
        }
    }
}

/// Locks whether or not a test panicked meanwhile: what it left is what the next assertion wants to see.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
