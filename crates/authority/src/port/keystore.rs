//! CA keys: created and used in the key store; the authority never sees the private half.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use chancery_x509::key::ca::CaPublicKey;

use super::ledger::AttemptId;

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

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 4] = [Self::Certificate, Self::CaCertificate, Self::Crl, Self::BackupManifest];

    /// Its name in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::CaCertificate => "ca-certificate",
            Self::Crl => "crl",
            Self::BackupManifest => "backup-manifest",
        }
    }

    /// The purpose of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == name)
    }
}

/// What a key store is asked to sign. Only [`signing`](crate::signing) makes one, after its checks: there is no other way to a
/// signature by a CA's key.
#[derive(Clone, Debug)]
pub struct SigningRequest {
    purpose: Purpose,
    key: KeyName,
    input: SigningInput,
    attempt: AttemptId,
}

impl SigningRequest {
    pub(crate) fn new(purpose: Purpose, key: KeyName, input: SigningInput, attempt: AttemptId) -> Self {
        Self {
            purpose,
            key,
            input,
            attempt,
        }
    }

    /// A request for what nobody checked: for tests of key stores, and for forging in tests of everything else.
    #[cfg(feature = "unchecked-signing")]
    pub fn unchecked(purpose: Purpose, key: KeyName, input: SigningInput) -> Self {
        Self::new(purpose, key, input, AttemptId([0; 16]))
    }

    /// What for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The key to sign with.
    pub fn key(&self) -> &KeyName {
        &self.key
    }

    /// The journal's id of this attempt. A key store that can puts it into its own log beside the call: a label that names an
    /// attempt whose answer was lost, and no evidence.
    pub fn attempt(&self) -> AttemptId {
        self.attempt
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
    ///
    /// One call is one attempt, and one entry of the store's own log at most: it is never repeated behind the caller's back.
    async fn sign(&self, request: &SigningRequest) -> Result<Signed, KeyStoreError>;

    /// Waits until a signature may be asked for again, after so many attempts for one subject got
    /// [`KeyStoreError::Unavailable`] within that time. `false`: another attempt at once is of no use.
    async fn wait_to_retry(&self, failed: u32, spent: Duration) -> bool;
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
