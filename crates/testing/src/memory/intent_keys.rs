//! Keys of intents, derived from a secret in memory.

use std::sync::Mutex;

use async_trait::async_trait;
use chancery_authority::port::{IntentKey, IntentKeys, IntentNonce, KeyStoreError};

use super::lock;

/// Derives from a secret that is the same in every run, and records the nonces.
pub struct MemoryIntentKeys {
    secret: Mutex<Option<[u8; 32]>>,
    derived: Mutex<Vec<IntentNonce>>,
}

impl Default for MemoryIntentKeys {
    fn default() -> Self {
        Self {
            secret: Mutex::new(Some([0x5e; 32])),
            derived: Mutex::default(),
        }
    }
}

impl MemoryIntentKeys {
    /// The nonces whose keys were derived, in order.
    pub fn derived(&self) -> Vec<IntentNonce> {
        lock(&self.derived).clone()
    }

    /// Refuses every later derivation.
    pub fn deny(&self) {
        *lock(&self.secret) = None;
    }
}

#[async_trait]
impl IntentKeys for MemoryIntentKeys {
    async fn derive(&self, nonce: &IntentNonce) -> Result<IntentKey, KeyStoreError> {
        lock(&self.derived).push(*nonce);
        let secret = *lock(&self.secret);
        let secret = secret.ok_or_else(|| KeyStoreError::Denied {
            detail: "the secret of intents was taken away".to_owned(),
        })?;
        Ok(IntentKey::from_secret(&secret, nonce))
    }
}
