//! CA keys in sealed files.
//!
//! A key `NAME` is two files in the folder of keys: `NAME.key`, the private key as encrypted PKCS #8 in PEM, which
//! `openssl pkey -in NAME.key` opens with the passphrase; and `NAME.pub`, the public key as PEM SubjectPublicKeyInfo,
//! which needs none. `NAME.key` is authoritative; a missing `NAME.pub` is made anew from it, and one that does not
//! match it is reported when the key is first unsealed. Keys made elsewhere can be put there too: with any PBES2 seal,
//! under any name.
//!
//! A key is unsealed by its first signature, on a thread of its own, once however many signatures wait for it; from
//! then on it stays in memory. The private key is wiped from memory when the store is dropped, and so is the
//! passphrase, which is kept as long as the store because later keys may need it.
//!
//! `intents.secret` is sealed the same way: it authenticates intents.

pub(super) mod files;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chancery_authority::port::{
    IntentKey, IntentKeys, IntentNonce, KeyName, KeyStore, KeyStoreError, Signed, SigningRequest,
};
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::pem;
use futures_channel::oneshot;

use self::files::{Files, store_error};
use super::intents::{self, IntentSecret, NotOpened, Secret};
use super::log::SigningLog;
use super::passphrase::{Passphrase, PassphraseError, PassphraseSource, Purpose};
use super::private::{PrivateKey, SignError};
use super::seal::{self, UnsealError};

/// PEM label of public keys (RFC 7468 section 13).
const PUBLIC_LABEL: &str = "PUBLIC KEY";

/// A folder of sealed keys.
#[derive(Clone)]
pub struct SealedKeyStore {
    store: Arc<Store>,
}

struct Store {
    folder: PathBuf,
    source: PassphraseSource,
    passphrase: Mutex<Remembered>,
    keys: Mutex<HashMap<KeyName, KeyState>>,
    intents: IntentSecret,
    log: SigningLog,
}

/// The passphrase, kept once its source supplied it.
#[derive(Default)]
struct Remembered {
    passphrase: Option<Passphrase>,
    /// Whether it has opened or sealed a key.
    proven: bool,
}

/// State of a key that was used at least once.
enum KeyState {
    /// A thread is unsealing it; these callers wait for it.
    Unsealing(Vec<oneshot::Sender<Result<Arc<PrivateKey>, KeyStoreError>>>),
    Open(Arc<PrivateKey>),
}

impl SealedKeyStore {
    /// The keys in `folder`, sealed with the passphrase from `source`, which is read when first needed. The folder is
    /// made (mode 0700) with the first key.
    pub fn new(folder: &Path, source: PassphraseSource) -> Self {
        Self {
            store: Arc::new(Store {
                folder: folder.to_owned(),
                source,
                passphrase: Mutex::default(),
                keys: Mutex::default(),
                intents: IntentSecret::default(),
                log: SigningLog::new(folder),
            }),
        }
    }

    /// The names of the keys whose private key is here, sorted.
    pub fn names(&self) -> Result<Vec<KeyName>, KeyStoreError> {
        files::names(&self.store.folder).map_err(|error| store_error(&self.store.folder, &error))
    }

    /// Wipes the passphrase: for callers that have unsealed every key they need. Another key reads its source again.
    pub fn forget_passphrase(&self) {
        lock(&self.store.passphrase).passphrase = None;
    }

    /// Unseals a key ahead of its first signature, e.g. to detect a wrong passphrase at start.
    pub async fn unseal(&self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        Ok(self.open(key).await?.public().clone())
    }

    async fn open(&self, key: &KeyName) -> Result<Arc<PrivateKey>, KeyStoreError> {
        let (sender, receiver) = oneshot::channel();
        let first = match lock(&self.store.keys).entry(key.clone()) {
            Entry::Occupied(mut known) => match known.get_mut() {
                KeyState::Open(private) => return Ok(Arc::clone(private)),
                KeyState::Unsealing(waiting) => {
                    waiting.push(sender);
                    false
                }
            },
            Entry::Vacant(place) => {
                place.insert(KeyState::Unsealing(vec![sender]));
                true
            }
        };
        if first {
            // When it is dropped, run or not, no caller is left waiting.
            let work = Unsealing {
                store: Arc::clone(&self.store),
                key: key.clone(),
                answered: false,
            };
            start_thread(move || work.run())?;
        }
        receiver.await.unwrap_or_else(|_| Err(thread_ended()))
    }
}

#[async_trait]
impl KeyStore for SealedKeyStore {
    async fn create(&self, key: &KeyName, algorithm: CaKeyAlgorithm) -> Result<CaPublicKey, KeyStoreError> {
        let (store, key) = (Arc::clone(&self.store), key.clone());
        on_thread(move || store.create(&key, algorithm)).await
    }

    /// Reads a small file on the caller's thread. Needs the passphrase only where `NAME.pub` is missing.
    async fn public_key(&self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        if let Some(public) = self.store.stored_public_key(key)? {
            return Ok(public);
        }
        self.unseal(key).await
    }

    async fn sign(&self, request: &SigningRequest) -> Result<Signed, KeyStoreError> {
        let (key, input) = (request.key(), request.input());
        let private = self.open(key).await?;
        let signature = private.sign(input).map_err(|error| match error {
            SignError::WrongInput => KeyStoreError::WrongInput(key.clone()),
            SignError::Failed => damaged(key, "the cryptographic library could not sign with it"),
        })?;
        let receipt = super::receipt(&self.store.log, key, private.public().algorithm(), input)?;
        Ok(Signed { signature, receipt })
    }

    /// What is wrong with it, an operator has to mend.
    async fn wait_to_retry(&self, _failed: u32, _spent: Duration) -> bool {
        false
    }
}

#[async_trait]
impl IntentKeys for SealedKeyStore {
    async fn derive(&self, nonce: &IntentNonce) -> Result<IntentKey, KeyStoreError> {
        let (store, nonce) = (Arc::clone(&self.store), *nonce);
        on_thread(move || Ok(IntentKey::from_secret(&*store.intent_secret()?, &nonce))).await
    }
}

impl Store {
    fn intent_secret(&self) -> Result<Secret, KeyStoreError> {
        let to_seal = || {
            super::make_folder(&self.folder).map_err(|error| store_error(&self.folder, &error))?;
            self.passphrase_to_seal()
        };
        let secret = self
            .intents
            .get(&self.folder, || self.passphrase(Purpose::Unseal), to_seal);
        secret.map_err(|error| match error {
            NotOpened::Other(error) => error,
            NotOpened::WrongPassphrase => {
                self.forget_passphrase();
                KeyStoreError::Denied {
                    detail: format!(
                        "the passphrase does not open {}: give the one that the CA keys are sealed with; if it is the \
                         right one, remove that file, which is then made anew",
                        self.folder.join(intents::FILE).display()
                    ),
                }
            }
        })
    }

    fn create(&self, key: &KeyName, algorithm: CaKeyAlgorithm) -> Result<CaPublicKey, KeyStoreError> {
        let files = Files::of(&self.folder, key).ok_or_else(|| KeyStoreError::Denied {
            detail: format!(
                "{:?} cannot name a key file: use up to 128 letters, digits, '-', '_' and '.'",
                key.0
            ),
        })?;
        // A public key without the private one belongs to a key that was removed on purpose, e.g. an offline root.
        if files.private.exists() || files.public.exists() {
            return Err(KeyStoreError::AlreadyExists(key.clone()));
        }
        super::make_folder(&self.folder).map_err(|error| store_error(&self.folder, &error))?;
        let passphrase = self.passphrase_to_seal()?;

        let (private, pkcs8) =
            PrivateKey::generate(algorithm).map_err(|error| damaged(key, format!("it could not be made: {error}")))?;
        let sealed = seal::seal(&pkcs8, &passphrase).map_err(|error| KeyStoreError::Unavailable {
            detail: format!("the key could not be sealed: {error}"),
        })?;
        drop(pkcs8);
        // Here the key comes into existence; of two processes, only one succeeds.
        files::write_new(&files.private, sealed.as_bytes(), 0o600).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => KeyStoreError::AlreadyExists(key.clone()),
            _ => store_error(&files.private, &error),
        })?;
        Self::write_public(&files, private.public()).map_err(|error| store_error(&files.public, &error))?;

        lock(&self.passphrase).proven = true;
        let public = private.public().clone();
        self.keep(key, private);
        Ok(public)
    }

    /// Keeps an open key for signing; where a thread is just unsealing the same key, its result is used instead.
    fn keep(&self, key: &KeyName, private: PrivateKey) {
        lock(&self.keys)
            .entry(key.clone())
            .or_insert_with(|| KeyState::Open(Arc::new(private)));
    }

    /// The public key in `NAME.pub`; `None` where only the private key is there.
    fn stored_public_key(&self, key: &KeyName) -> Result<Option<CaPublicKey>, KeyStoreError> {
        let Some(files) = Files::of(&self.folder, key) else {
            return Err(KeyStoreError::NotFound(key.clone()));
        };
        let Some(pem) = files::read(&files.public).map_err(|error| store_error(&files.public, &error))? else {
            return match files.private.try_exists() {
                Ok(true) => Ok(None),
                Ok(false) => Err(KeyStoreError::NotFound(key.clone())),
                Err(error) => Err(store_error(&files.private, &error)),
            };
        };
        let mend = |what: &dyn std::fmt::Display| {
            damaged(
                key,
                format!(
                    "{}: {what}; remove that file and it is made anew",
                    files.public.display()
                ),
            )
        };
        let block = pem::first(&pem, |_| true).map_err(|error| mend(&error))?;
        let der = block.decode().map_err(|error| mend(&error))?;
        if block.label() != PUBLIC_LABEL {
            return Err(mend(&format_args!("it holds a {}", block.label())));
        }
        CaPublicKey::from_der(&der).map(Some).map_err(|error| mend(&error))
    }

    fn write_public(files: &Files, public: &CaPublicKey) -> io::Result<()> {
        let pem = pem::encode(PUBLIC_LABEL, public.as_der());
        files::write_new(&files.public, pem.as_bytes(), 0o644)
    }

    /// Opens a key file, and compares it with its public key.
    fn unseal(&self, key: &KeyName) -> Result<PrivateKey, KeyStoreError> {
        let Some(files) = Files::of(&self.folder, key) else {
            return Err(KeyStoreError::NotFound(key.clone()));
        };
        let pem = files::read(&files.private).map_err(|error| store_error(&files.private, &error))?;
        let pem = pem.ok_or_else(|| KeyStoreError::NotFound(key.clone()))?;
        let passphrase = self.passphrase(Purpose::Unseal)?;
        let private = self.open_file(key, &files, &pem, &passphrase)?;

        match self.stored_public_key(key)? {
            Some(stored) if stored.as_der() == private.public().as_der() => {}
            Some(_) => {
                let detail = format!("{} is not its public half", files.public.display());
                return Err(damaged(key, detail));
            }
            None => {
                // A convenience: a folder without write permission works without it.
                if let Err(error) = Self::write_public(&files, private.public()) {
                    tracing::warn!(path = %files.public.display(), %error, "the public half could not be written");
                }
            }
        }
        Ok(private)
    }

    fn open_file(
        &self,
        key: &KeyName,
        files: &Files,
        pem: &[u8],
        passphrase: &Passphrase,
    ) -> Result<PrivateKey, KeyStoreError> {
        let path = files.private.display();
        let pkcs8 = match seal::unseal(pem, passphrase) {
            Ok(pkcs8) => pkcs8,
            Err(UnsealError::WrongPassphrase) => {
                self.forget_passphrase();
                return Err(KeyStoreError::Denied {
                    detail: format!(
                        "the passphrase does not open {path}: give the one it was sealed with (if it is the right one, \
                         the file is damaged: restore it from a backup)"
                    ),
                });
            }
            Err(error @ (UnsealError::NotSealed | UnsealError::Unsupported(_) | UnsealError::TooCostly(_))) => {
                return Err(KeyStoreError::Denied {
                    detail: format!("{path} is not opened: {error}"),
                });
            }
            Err(error @ UnsealError::Malformed(_)) => {
                return Err(damaged(key, format!("{path}: {error}; restore it from a backup")));
            }
        };
        lock(&self.passphrase).proven = true;
        PrivateKey::from_pkcs8(&pkcs8).map_err(|error| damaged(key, format!("{path}: {error}")))
    }

    /// The passphrase for a new key: one that opens the others, because a store has one passphrase only.
    fn passphrase_to_seal(&self) -> Result<Passphrase, KeyStoreError> {
        let others = files::names(&self.folder).map_err(|error| store_error(&self.folder, &error))?;
        let Some(other) = others.first() else {
            return self.passphrase(Purpose::Seal);
        };
        let passphrase = self.passphrase(Purpose::Unseal)?;
        if !lock(&self.passphrase).proven {
            match self.unseal(other) {
                Ok(private) => self.keep(other, private),
                Err(error @ KeyStoreError::Denied { .. }) => return Err(error),
                // Damage of another key does not concern this one.
                Err(error) => tracing::warn!(key = %other, %error, "a key in the same folder cannot be used"),
            }
        }
        Ok(passphrase)
    }

    fn passphrase(&self, purpose: Purpose) -> Result<Passphrase, KeyStoreError> {
        // Held while a person is asked, so that several keys ask once.
        let mut remembered = lock(&self.passphrase);
        if let Some(passphrase) = &remembered.passphrase {
            return Ok(passphrase.clone());
        }
        let passphrase = self.source.read(purpose).map_err(|error| passphrase_error(&error))?;
        remembered.passphrase = Some(passphrase.clone());
        Ok(passphrase)
    }

    /// Called after a wrong passphrase, so that the next attempt can read another.
    fn forget_passphrase(&self) {
        let mut remembered = lock(&self.passphrase);
        if !remembered.proven && self.source.may_answer_anew() {
            remembered.passphrase = None;
        }
    }
}

/// The work of one unsealing thread, which owns the key's state until it has answered.
struct Unsealing {
    store: Arc<Store>,
    key: KeyName,
    answered: bool,
}

impl Unsealing {
    fn run(mut self) {
        let opened = self.store.unseal(&self.key).map(Arc::new);
        let before = {
            let mut keys = lock(&self.store.keys);
            // From here on the key's state may belong to another thread.
            self.answered = true;
            match &opened {
                Ok(private) => keys.insert(self.key.clone(), KeyState::Open(Arc::clone(private))),
                Err(_) => keys.remove(&self.key),
            }
        };
        if let Some(KeyState::Unsealing(waiting)) = before {
            for sender in waiting {
                // A caller that no longer waits needs no answer.
                let _ = sender.send(opened.clone());
            }
        }
    }
}

impl Drop for Unsealing {
    /// Without an answer, after a panic or because no thread could be started, waiting callers notice that their
    /// senders are dropped, and the next one may try again.
    fn drop(&mut self) {
        if !self.answered {
            lock(&self.store.keys).remove(&self.key);
        }
    }
}

/// Runs something slow on a thread of its own, independent of the caller's executor.
async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeyStoreError> + Send + 'static,
) -> Result<T, KeyStoreError> {
    let (sender, receiver) = oneshot::channel();
    start_thread(move || {
        // A caller that no longer waits needs no answer.
        let _ = sender.send(work());
    })?;
    receiver.await.unwrap_or_else(|_| Err(thread_ended()))
}

fn start_thread(work: impl FnOnce() + Send + 'static) -> Result<(), KeyStoreError> {
    match std::thread::Builder::new().name("chancery-key".to_owned()).spawn(work) {
        Ok(_) => Ok(()),
        Err(error) => Err(KeyStoreError::Unavailable {
            detail: format!("no thread could be started: {error}"),
        }),
    }
}

fn thread_ended() -> KeyStoreError {
    KeyStoreError::Unavailable {
        detail: "the thread that worked on the key ended without an answer".to_owned(),
    }
}

fn passphrase_error(error: &PassphraseError) -> KeyStoreError {
    KeyStoreError::Denied {
        detail: error.to_string(),
    }
}

fn damaged(key: &KeyName, detail: impl Into<String>) -> KeyStoreError {
    KeyStoreError::Damaged {
        key: key.clone(),
        detail: detail.into(),
    }
}

/// A panic while a lock was held leaves a valid state: each lock is held for single steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
