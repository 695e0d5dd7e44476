//! Keys in a PKCS #11 token: a hardware security module, a smart card, SoftHSM.
//!
//! A key's name is its label (`CKA_LABEL`) on the token. Keys made here are marked sensitive and not extractable, and
//! get a random `CKA_ID`; keys that are there already are used if there is one private key of that label that may sign,
//! and its public half can be read. A token signs digests with `CKM_ECDSA` and `CKM_RSA_PKCS`. ML-DSA keys are not
//! used: PKCS #11 3.2 defines `CKM_ML_DSA` over whole messages only, and a CA signs µ.
//!
//! PKCS #11 calls block, and sessions belong to one thread at a time: a [`Token`] has a few threads, each with a session
//! of its own, that take work in turn. A session that is lost (token pulled and put back, module restarted) is opened
//! anew once for each piece of work. A PIN that the token refuses is never tried again, so that a wrong one in a
//! configuration file cannot lock the token; one that has a single try left is not tried at all.

mod connection;
mod encode;
mod failure;
mod objects;
mod store;

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use chancery_authority::port::{KeyName, KeyStoreError};
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use chancery_x509::key::ca::CaPublicKey;
use futures_channel::oneshot;
use zeroize::Zeroizing;

use self::connection::{Connection, Shared};
use super::passphrase::PassphraseSource;
pub use store::TokenKeyStore;

/// Which token, and how to log in.
#[derive(Clone, Debug)]
pub struct TokenConfig {
    /// The module's shared library, e.g. `/usr/lib/softhsm/libsofthsm2.so`.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// The user PIN; asked for when a secret is first needed.
    pub pin: PassphraseSource,
    /// Sessions, and so signatures at a time: at least 1, at most 64. Two or three keep most hardware busy.
    pub sessions: usize,
}

/// How long whoever drops a token waits for work that is under way on it.
const LAST_WORK: Duration = Duration::from_secs(5);

/// A token, shared by whoever has a clone; its sessions are closed and its threads end with the last.
#[derive(Clone, Debug)]
pub struct Token {
    threads: Arc<Threads>,
    label: String,
}

/// The threads of a token, waited for when dropped: a module that a thread calls while the process is ending, with the
/// module's own state half taken down, brings the process down.
#[derive(Debug)]
struct Threads {
    /// There until dropped.
    jobs: Option<mpsc::Sender<Job>>,
    /// Of which each thread has the other end.
    ended: Mutex<mpsc::Receiver<Infallible>>,
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

impl Token {
    /// Starts the threads. The module is loaded, and the token looked for, when first needed.
    pub fn start(config: TokenConfig) -> Result<Self, KeyStoreError> {
        let (jobs, receiver) = mpsc::channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        let (sessions, label) = (config.sessions.clamp(1, 64), config.token.clone());
        let shared = Arc::new(Shared::new(config));
        let (running, ended) = mpsc::channel();
        for _ in 0..sessions {
            let (receiver, shared, running) = (Arc::clone(&receiver), Arc::clone(&shared), running.clone());
            std::thread::Builder::new()
                .name("chancery-token".to_owned())
                .spawn(move || {
                    work(&receiver, shared);
                    drop(running);
                })
                .map_err(|error| KeyStoreError::Unavailable {
                    detail: format!("no thread could be started: {error}"),
                })?;
        }
        let (jobs, ended) = (Some(jobs), Mutex::new(ended));
        let threads = Arc::new(Threads { jobs, ended });
        Ok(Self { threads, label })
    }

    /// The token's label.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Makes a key pair that never leaves the token. Of two processes on this machine that give the same `lock` file,
    /// one makes the key and the other is told that it exists; without one, that holds within this `Token` only.
    pub async fn create(
        &self,
        key: &KeyName,
        algorithm: CaKeyAlgorithm,
        lock: Option<&Path>,
    ) -> Result<CaPublicKey, KeyStoreError> {
        let (key, lock) = (key.clone(), lock.map(Path::to_owned));
        self.run(move |connection| connection.create(&key, algorithm, lock.as_deref()))
            .await
    }

    /// The public half. Logs in only where the token shows it to nobody else.
    pub async fn public_key(&self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        let key = key.clone();
        self.run(move |connection| connection.public_key(&key)).await
    }

    /// Logs in and finds the private key, without signing anything: so that a wrong PIN is told before a signature is
    /// wanted.
    pub(super) async fn unlock(&self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        let key = key.clone();
        self.run(move |connection| connection.unlock(&key)).await
    }

    /// HMAC-SHA-256 of a message with a secret on the token, made where there is none; `None` where the token cannot.
    pub(super) async fn hmac(
        &self,
        key: &KeyName,
        message: Vec<u8>,
        lock: PathBuf,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreError> {
        let key = key.clone();
        self.run(move |connection| connection.hmac(&key, &message, &lock)).await
    }

    /// Signs a digest: ECDSA as DER ECDSA-Sig-Value, RSA raw. `before_it_leaves` is run with the signature made and
    /// before anyone has it; its error holds the signature back.
    pub(super) async fn sign<T: Send + 'static>(
        &self,
        key: &KeyName,
        input: &SigningInput,
        before_it_leaves: impl FnOnce(&CaPublicKey) -> Result<T, KeyStoreError> + Send + 'static,
    ) -> Result<(Vec<u8>, T), KeyStoreError> {
        let (key, input) = (key.clone(), input.clone());
        self.run(move |connection| {
            let (signature, public) = connection.sign(&key, &input)?;
            Ok((signature, before_it_leaves(&public)?))
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, KeyStoreError> + Send + 'static,
    ) -> Result<T, KeyStoreError> {
        let ended = || KeyStoreError::Unavailable {
            detail: "the token's threads have ended".to_owned(),
        };
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Who has gone away meanwhile needs no answer.
            let _ = sender.send(work(connection));
        });
        let jobs = self.threads.jobs.as_ref().ok_or_else(ended)?;
        jobs.send(job).map_err(|_| ended())?;
        receiver.await.unwrap_or_else(|_| Err(ended()))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.jobs = None;
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(LAST_WORK) {
            tracing::warn!("a token does not answer: its sessions are left open");
        }
    }
}

/// A thread's life: one session, one piece of work at a time.
fn work(jobs: &Mutex<mpsc::Receiver<Job>>, shared: Arc<Shared>) {
    let mut connection = Connection::new(shared);
    loop {
        // The lock is held while waiting: the next idle thread waits for the lock instead.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(&mut connection),
            Err(mpsc::RecvError) => return,
        }
    }
}
