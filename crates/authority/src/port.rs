//! The ports: traits that a deployment implements. Every implementation passes its suite in `chancery_testing::suite`.

pub mod intent_keys;
pub mod keystore;
pub mod ledger;
pub mod notices;
pub mod publication;
pub mod world;

use std::sync::Arc;

pub use intent_keys::{IntentKey, IntentKeys, IntentNonce};
pub use keystore::{KeyName, KeyStore, KeyStoreError, Purpose, Receipt, Signed, SigningRequest};
pub use ledger::{Attempts, Ledger, LedgerError};
pub use notices::{NoticeError, Notices};
pub use publication::{Body, Content, ETag, Precondition, Publication, PublicationError, PublishedName, Scratch};
pub use world::{Clock, Entropy, Invocation, NoInvocation};

/// Every implementation that an authority needs, one per port.
#[derive(Clone)]
pub struct Ports {
    /// CA keys.
    pub keys: Arc<dyn KeyStore>,
    /// Keys that intents are authenticated with.
    pub intent_keys: Arc<dyn IntentKeys>,
    /// The record of certificates, revocations and CRLs.
    pub ledger: Arc<dyn Ledger>,
    /// Published files.
    pub publication: Arc<dyn Publication>,
    /// Delivers notices about events.
    pub notices: Arc<dyn Notices>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// What the process is working on.
    pub invocation: Arc<dyn Invocation>,
}

impl Ports {
    /// Those that a signature needs.
    pub fn signing(&self) -> SigningPorts<'_> {
        SigningPorts {
            keys: self.keys.as_ref(),
            attempts: self.ledger.attempts(),
            clock: self.clock.as_ref(),
            entropy: self.entropy.as_ref(),
            invocation: self.invocation.as_ref(),
        }
    }
}

/// The ports that a signature needs.
#[derive(Clone, Copy)]
pub struct SigningPorts<'a> {
    /// CA keys.
    pub keys: &'a dyn KeyStore,
    /// The journal of attempts.
    pub attempts: &'a dyn Attempts,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Randomness, for ids.
    pub entropy: &'a dyn Entropy,
    /// What the process is working on.
    pub invocation: &'a dyn Invocation,
}
