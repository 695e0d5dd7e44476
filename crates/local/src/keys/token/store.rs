//! CA keys on a token, with a signing log beside them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chancery_authority::port::{
    IntentKey, IntentKeys, IntentNonce, KeyName, KeyStore, KeyStoreError, Signed, SigningRequest,
};
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::key::ca::CaPublicKey;

use super::{Token, TokenConfig};
use crate::keys::log::SigningLog;
use crate::keys::sealed::SealedKeyStore;

/// Lock file held by the process that is generating a key.
const LOCK_FILE: &str = "token.lock";

/// The label of the secret that authenticates intents.
const INTENTS: &str = "chancery-intents";

/// CA keys on a PKCS #11 token.
#[derive(Clone)]
pub struct TokenKeyStore {
    token: Token,
    /// Stores the secret of intents where the token cannot: in a file sealed with the PIN.
    beside: SealedKeyStore,
    folder: PathBuf,
    log: Arc<SigningLog>,
}

impl TokenKeyStore {
    /// The keys on a token; the signing log goes to `folder`, the folder of keys, which is made if need be. The token
    /// is looked up when first needed.
    pub fn start(config: TokenConfig, folder: &Path) -> Result<Self, KeyStoreError> {
        let beside = SealedKeyStore::new(folder, config.pin.clone());
        Ok(Self {
            token: Token::start(config)?,
            beside,
            folder: folder.to_owned(),
            log: Arc::new(SigningLog::new(folder)),
        })
    }

    /// The token, for other uses.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Opens a key ahead of its first use: logs in to the token and finds the private key.
    pub async fn unlock(&self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        self.token.unlock(key).await
    }

    fn make_folder(&self) -> Result<(), KeyStoreError> {
        let made: io::Result<()> = crate::keys::make_folder(&self.folder);
        made.map_err(|error| KeyStoreError::Unavailable {
            detail: format!("{}: {error}", self.folder.display()),
        })
    }
}

#[async_trait]
impl IntentKeys for TokenKeyStore {
    async fn derive(&self, nonce: &IntentNonce) -> Result<IntentKey, KeyStoreError> {
        self.make_folder()?;
        let (name, lock) = (KeyName(INTENTS.to_owned()), self.folder.join(LOCK_FILE));
        let Some(octets) = self.token.hmac(&name, nonce.message(), lock).await? else {
            return self.beside.derive(nonce).await;
        };
        let octets: Option<&[u8; 32]> = octets.as_slice().try_into().ok();
        octets.map(IntentKey::new).ok_or_else(|| KeyStoreError::Damaged {
            key: name,
            detail: "the token answered an HMAC-SHA-256 that is not of 32 octets".to_owned(),
        })
    }
}

#[async_trait]
impl KeyStore for TokenKeyStore {
    async fn create(&self, key: &KeyName, algorithm: CaKeyAlgorithm) -> Result<CaPublicKey, KeyStoreError> {
        self.make_folder()?;
        self.token
            .create(key, algorithm, Some(&self.folder.join(LOCK_FILE)))
            .await
    }

    async fn public_key(&self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        self.token.public_key(key).await
    }

    async fn sign(&self, request: &SigningRequest) -> Result<Signed, KeyStoreError> {
        let (key, input) = (request.key(), request.input());
        let (log, name, signed) = (Arc::clone(&self.log), key.clone(), input.clone());
        let (signature, receipt) = self
            .token
            .sign(key, input, move |public| {
                crate::keys::receipt(&log, &name, public.algorithm(), &signed)
            })
            .await?;
        Ok(Signed { signature, receipt })
    }

    /// What is wrong with it, an operator has to mend.
    async fn wait_to_retry(&self, _failed: u32, _spent: Duration) -> bool {
        false
    }
}
