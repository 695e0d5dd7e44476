//! CA keys: created and used in the key store; the authority never sees the private half.

use std::fmt;

use async_trait::async_trait;
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use chancery_x509::key::ca::CaPublicKey;

/// A CA key's name in its key store: the CA's name, a KMS alias or a PKCS #11 label.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyName(pub String);

/// Identifies one signature in the key store's own log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receipt(pub String);

/// A signature and its receipt.
#[derive(Clone, Debug)]
pub struct Signed {
    /// As encoded in a certificate's BIT STRING: ECDSA as DER ECDSA-Sig-Value, RSA and ML-DSA raw.
    pub signature: Vec<u8>,
    /// The key store's name for this signature.
    pub receipt: Receipt,
}

/// Why a key store did not perform an operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyStoreError {
    /// No key of that name.
    #[error("the key store has no key named {0}")]
    NotFound(KeyName),
    /// `create` found an existing key of that name.
    #[error("the key store already has a key named {0}")]
    AlreadyExists(KeyName),
    /// The store cannot make or use keys of this algorithm.
    #[error("this key store cannot use {algorithm} keys")]
    UnsupportedAlgorithm {
        /// The algorithm's name.
        algorithm: &'static str,
    },
    /// The signing input is not of the key's algorithm.
    #[error("the signing input does not fit the algorithm of key {0}")]
    WrongInput(KeyName),
    /// Wrong passphrase or PIN, or the process is not permitted to use the key.
    #[error("the key store refused: {detail}")]
    Denied {
        /// What to do about it.
        detail: String,
    },
    /// Throttled, unreachable, token removed: a later attempt may succeed.
    #[error("the key store is unavailable: {detail}")]
    Unavailable {
        /// What happened.
        detail: String,
    },
    /// Permanently broken: a damaged key file, a key pair whose halves do not match.
    #[error("the key {key} is damaged: {detail}")]
    Damaged {
        /// Which key.
        key: KeyName,
        /// What is wrong.
        detail: String,
    },
}

/// What a signature is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A certificate that is no CA's.
    Certificate,
    /// A CA's certificate.
    CaCertificate,
    /// A CRL.
    Crl,
    /// The manifest of a backup.
    BackupManifest,
}

/// What a key store is asked to sign. Only [`signing`](crate::signing) makes one, after its checks: there is no other way to a
/// signature by a CA's key.
#[derive(Clone, Debug)]
pub struct SigningRequest {
    purpose: Purpose,
    key: KeyName,
    input: SigningInput,
}

impl SigningRequest {
    pub(crate) fn new(purpose: Purpose, key: KeyName, input: SigningInput) -> Self {
        Self { purpose, key, input }
    }

    /// A request for what nobody checked: for tests of key stores, and for forging in tests of everything else.
    #[cfg(feature = "unchecked-signing")]
    pub fn unchecked(purpose: Purpose, key: KeyName, input: SigningInput) -> Self {
        Self::new(purpose, key, input)
    }

    /// What for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The key to sign with.
    pub fn key(&self) -> &KeyName {
        &self.key
    }

    /// The digest, or µ, to sign.
    pub fn input(&self) -> &SigningInput {
        &self.input
    }
}

/// Keeps CA keys and signs with them.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// Creates a key. When this returns `Ok`, the key survives a crash. Of two calls for one name, one succeeds and the
    /// other gets [`KeyStoreError::AlreadyExists`].
    async fn create(&self, key: &KeyName, algorithm: CaKeyAlgorithm) -> Result<CaPublicKey, KeyStoreError>;

    /// The public half. Must not require the secret (passphrase, PIN) where the store can avoid it.
    async fn public_key(&self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError>;

    /// Signs. Before a signature is returned, the store's own log has its receipt, with the key's name and the input.
    /// After an error, a signature may exist all the same.
    async fn sign(&self, request: &SigningRequest) -> Result<Signed, KeyStoreError>;
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
