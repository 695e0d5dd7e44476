//! Keys in a PKCS #11 token: a hardware security module, a smart card, SoftHSM.
//!
//! A key's name is its label (`CKA_LABEL`) on the token. Keys generated here are marked sensitive and not extractable,
//! and get a random `CKA_ID`; an existing key is used if there is exactly one private key of that label that may sign,
//! and its public key can be read. A token signs digests with `CKM_ECDSA` and `CKM_RSA_PKCS`. ML-DSA keys are not used:
//! PKCS #11 3.2 defines `CKM_ML_DSA` over whole messages only, and a CA signs µ.
//!
//! PKCS #11 calls block, and a session belongs to one thread at a time: a [`Token`] has a few threads, each with a
//! session of its own, that take jobs from one queue. A lost session (token pulled and put back, module restarted) is
//! reopened once for each job. A PIN that the token refuses is never tried again, so that a wrong one in a
//! configuration file cannot lock the token; when a single try is left, no PIN is tried at all.
//!
//! A call to a module may never return, as with a network HSM that hangs. The caller gets an error after one minute, or
//! five, all the same; the session is unusable until the call returns, and once every session is, callers get an error
//! at once.

mod config;
mod connection;
mod encode;
mod failure;
mod objects;
mod queue;
mod store;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chancery_authority::port::{KeyName, KeyStoreError};
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use chancery_x509::key::ca::CaPublicKey;
use zeroize::Zeroizing;

use self::connection::{Connection, Shared};
use self::queue::Queue;
pub use config::TokenConfig;
pub use store::TokenKeyStore;

/// How long a caller waits for a call, its time in the queue included; a signature takes a second or two on the slowest
/// cards.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The same for generating a key, which takes cards minutes, and for unlocking one, where a person may be asked for the
/// PIN.
const LONG_TIMEOUT: Duration = Duration::from_mins(5);

/// A token, shared by its clones; its sessions are closed and its threads end with the last clone.
#[derive(Clone, Debug)]
pub struct Token {
    queue: Arc<Queue<Connection>>,
    label: String,
}

impl Token {
    /// Starts the threads. The module is loaded, and the token looked up, when first needed.
    pub fn start(config: TokenConfig) -> Result<Self, KeyStoreError> {
        let (sessions, label) = (config.sessions.clamp(1, 64), config.token.clone());
        let shared = Arc::new(Shared::new(config));
        let connections = (0..sessions).map(|_| {
            let shared = Arc::clone(&shared);
            move || Connection::new(shared)
        });
        let queue = Queue::start(connections).map_err(|error| KeyStoreError::Unavailable {
            detail: format!("no thread could be started: {error}"),
        })?;
        let queue = Arc::new(queue);
        Ok(Self { queue, label })
    }

    /// The token's label.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Generates a key pair that never leaves the token. Of two processes on this machine that give the same `lock`
    /// file, one generates the key and the other fails with `AlreadyExists`; without the file, that holds within this
    /// `Token` only.
    pub async fn create(
        &self,
        key: &KeyName,
        algorithm: CaKeyAlgorithm,
        lock: Option<&Path>,
    ) -> Result<CaPublicKey, KeyStoreError> {
        let (key, lock) = (key.clone(), lock.map(Path::to_owned));
        let create = move |connection: &mut Connection| connection.create(&key, algorithm, lock.as_deref());
        self.queue.run(LONG_TIMEOUT, create).await
    }

    /// The public key. Logs in only where the token shows it to nobody else.
    pub async fn public_key(&self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        let key = key.clone();
        let find = move |connection: &mut Connection| connection.public_key(&key);
        self.queue.run(TIMEOUT, find).await
    }

    /// Logs in and finds the private key, without signing: reveals a wrong PIN before a signature is needed.
    pub(super) async fn unlock(&self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        let key = key.clone();
        let unlock = move |connection: &mut Connection| connection.unlock(&key);
        self.queue.run(LONG_TIMEOUT, unlock).await
    }

    /// HMAC-SHA-256 of a message with a secret on the token, generated where there is none; `None` where the token does
    /// not support it.
    pub(super) async fn hmac(
        &self,
        key: &KeyName,
        message: Vec<u8>,
        lock: PathBuf,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreError> {
        let key = key.clone();
        let hmac = move |connection: &mut Connection| connection.hmac(&key, &message, &lock);
        self.queue.run(TIMEOUT, hmac).await
    }

    /// Signs a digest: ECDSA as DER ECDSA-Sig-Value, RSA raw. `before_it_leaves` runs after the signature is made and
    /// before the caller gets it; its error withholds the signature.
    pub(super) async fn sign<T: Send + 'static>(
        &self,
        key: &KeyName,
        input: &SigningInput,
        before_it_leaves: impl FnOnce(&CaPublicKey) -> Result<T, KeyStoreError> + Send + 'static,
    ) -> Result<(Vec<u8>, T), KeyStoreError> {
        let (key, input) = (key.clone(), input.clone());
        let sign = move |connection: &mut Connection| {
            let (signature, public) = connection.sign(&key, &input)?;
            Ok((signature, before_it_leaves(&public)?))
        };
        self.queue.run(TIMEOUT, sign).await
    }
}
