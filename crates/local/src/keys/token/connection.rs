//! One thread's session with a token.

use std::collections::{HashMap, HashSet};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chancery_authority::port::{KeyName, KeyStoreError};
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use chancery_x509::key::ca::CaPublicKey;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::ObjectHandle;
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::RawAuthPin;
use rustix::fs::FlockOperation;
use zeroize::Zeroizing;

use super::config::TokenConfig;
use super::failure::Failure;
use super::{encode, objects};
use crate::keys::passphrase::{Passphrase, Purpose};

/// How often this process has initialized a module. Each time, a module numbers its handles from the start: an earlier
/// handle may now be another thread's session, or another object.
static INITIALISED: AtomicU64 = AtomicU64::new(0);

/// What the threads of one token share.
pub(super) struct Shared {
    config: TokenConfig,
    module: Mutex<Option<Pkcs11>>,
    pin: Mutex<Pin>,
    /// Keys that the token has shown to this process: where one is missing later, the token is at fault.
    seen: Mutex<HashSet<KeyName>>,
    /// Held while a key is looked up and generated: PKCS #11 itself allows two keys of one label.
    creating: Mutex<()>,
}

#[derive(Default)]
struct Pin {
    /// Kept where its source cannot supply it again: a token that was pulled and put back needs it once more. Wiped
    /// when dropped, as every [`Passphrase`] is.
    value: Option<Passphrase>,
    /// Why it is never tried again.
    refused: Option<String>,
}

/// A thread's session, opened when needed.
pub(super) struct Connection {
    shared: Arc<Shared>,
    open: Option<Open>,
}

struct Open {
    /// Value of [`INITIALISED`] when the session was opened.
    initialised: u64,
    module: Pkcs11,
    slot: Slot,
    session: Session,
    /// Handles are valid as long as the session.
    keys: HashMap<KeyName, TokenKey>,
}

#[derive(Clone)]
struct TokenKey {
    private: ObjectHandle,
    public: CaPublicKey,
    /// Whether a signature by the private key has verified with the public one.
    proven: bool,
}

impl Shared {
    pub(super) fn new(config: TokenConfig) -> Self {
        Self {
            config,
            module: Mutex::default(),
            pin: Mutex::default(),
            seen: Mutex::default(),
            creating: Mutex::default(),
        }
    }

    /// The module, loaded and initialized, which a process does once for all users of the module.
    fn module(&self) -> Result<Pkcs11, Failure> {
        let path = &self.config.module;
        let mut loaded = lock(&self.module);
        let module = if let Some(module) = &*loaded {
            module
        } else {
            let module = Pkcs11::new(path).map_err(|error| KeyStoreError::Unavailable {
                detail: format!(
                    "the PKCS #11 module {} cannot be loaded: {error}; check its path and that it is installed",
                    path.display()
                ),
            })?;
            // Never unloaded: modules have threads and state of their own that do not expect it.
            std::mem::forget(module.clone());
            loaded.insert(module)
        };
        match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) => {
                INITIALISED.fetch_add(1, Ordering::SeqCst);
                Ok(module.clone())
            }
            Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(module.clone()),
            Err(error) => Err(KeyStoreError::Unavailable {
                detail: format!(
                    "the PKCS #11 module {} does not start: {error}; check its configuration",
                    path.display()
                ),
            }
            .into()),
        }
    }

    fn missing(&self, key: &KeyName) -> KeyStoreError {
        if !lock(&self.seen).contains(key) {
            return KeyStoreError::NotFound(key.clone());
        }
        unavailable(format!(
            "the token {} does not show the key {key} any more; check that it is plugged in and its service runs",
            self.config.token
        ))
    }

    /// The slot with the token.
    fn slot(&self, module: &Pkcs11) -> Result<Slot, Failure> {
        let wanted = &self.config.token;
        let mut found = Vec::new();
        let mut others = Vec::new();
        for slot in module.get_slots_with_token()? {
            // A slot whose token goes away at this moment must not prevent the use of others.
            let Ok(info) = module.get_token_info(slot) else {
                continue;
            };
            if info.label() == wanted {
                found.push(slot);
            } else if info.token_initialized() {
                others.push(info.label().to_owned());
            }
        }
        match (found.as_slice(), others.as_slice()) {
            ([slot], _) => Ok(*slot),
            ([], []) => Err(unavailable(format!(
                "no token {wanted}, and no other: plug it in; some modules see it only once Chancery was started again"
            ))
            .into()),
            ([], others) => Err(unavailable(format!(
                "no token {wanted}: plug it in, or choose one that is there: {}",
                others.join(", ")
            ))
            .into()),
            (several, _) => Err(unavailable(format!(
                "{} tokens are labelled {wanted}: unplug all but one, or label them apart",
                several.len()
            ))
            .into()),
        }
    }
}

impl Connection {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, open: None }
    }

    pub(super) fn public_key(&mut self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        self.attempt(|connection| {
            let open = connection.open()?;
            if let Some(known) = open.keys.get(key) {
                return Ok(known.public.clone());
            }
            match objects::public_key(&open.session, key)? {
                Some(public) => Ok(public),
                None => Ok(connection.key(key)?.public),
            }
        })
    }

    pub(super) fn unlock(&mut self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        self.attempt(|connection| Ok(connection.key(key)?.public))
    }

    pub(super) fn sign(
        &mut self,
        key: &KeyName,
        input: &SigningInput,
    ) -> Result<(Vec<u8>, CaPublicKey), KeyStoreError> {
        self.attempt(|connection| {
            let TokenKey {
                private,
                public,
                proven,
            } = connection.key(key)?;
            if !crate::keys::fits(public.algorithm(), input) {
                return Err(KeyStoreError::WrongInput(key.clone()).into());
            }
            let damaged = |detail: &str| KeyStoreError::Damaged {
                key: key.clone(),
                detail: detail.to_owned(),
            };
            let session = &connection.open()?.session;
            let signature = match (public.algorithm(), input) {
                (
                    CaKeyAlgorithm::Rsa2048 | CaKeyAlgorithm::Rsa3072 | CaKeyAlgorithm::Rsa4096,
                    SigningInput::Sha256(digest),
                ) => session.sign(&Mechanism::RsaPkcs, private, &encode::digest_info(digest))?,
                (CaKeyAlgorithm::P256 | CaKeyAlgorithm::P384 | CaKeyAlgorithm::P521, digest) => {
                    let raw = session.sign(&Mechanism::Ecdsa, private, digest.as_bytes())?;
                    encode::ecdsa_signature(&raw).map_err(|_| damaged("the token's signature is no r ‖ s"))?
                }
                (algorithm, _) => return Err(objects::unsupported(algorithm).into()),
            };
            if !proven {
                public.verify(input, &signature).map_err(|_| {
                    damaged("the token's public key of that label does not belong to the private key: remove it")
                })?;
                if let Some(known) = connection.open()?.keys.get_mut(key) {
                    known.proven = true;
                }
            }
            Ok((signature, public))
        })
    }

    pub(super) fn create(
        &mut self,
        key: &KeyName,
        algorithm: CaKeyAlgorithm,
        lock_file: Option<&Path>,
    ) -> Result<CaPublicKey, KeyStoreError> {
        let shared = Arc::clone(&self.shared);
        let _here = lock(&shared.creating);
        let _elsewhere = lock_file.map(hold).transpose()?;

        self.attempt(|connection| {
            let open = connection.open()?;
            if !objects::supports(&open.module, open.slot, algorithm)? {
                return Err(objects::unsupported(algorithm).into());
            }
            connection.log_in()?;
            let session = &connection.open()?.session;
            if objects::private_key(session, key)?.is_some() || objects::public_key(session, key)?.is_some() {
                return Err(KeyStoreError::AlreadyExists(key.clone()).into());
            }
            Ok(())
        })?;
        // Not attempted again when the session is lost half-way: the key may exist by then.
        self.generate(key, algorithm)
            .map_err(|failure| failure.into_store_error(&shared.config.token))
    }

    /// HMAC-SHA-256 of a message with the secret of that label, generated where there is none. `None`: the token does
    /// not support it.
    pub(super) fn hmac(
        &mut self,
        key: &KeyName,
        message: &[u8],
        lock_file: &Path,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreError> {
        let shared = Arc::clone(&self.shared);
        let found = self.attempt(|connection| {
            let open = connection.open()?;
            if !objects::supports_hmac(&open.module, open.slot)? {
                return Ok(None);
            }
            connection.log_in()?;
            Ok(Some(objects::secret_key(&connection.open()?.session, key)?))
        })?;
        match found {
            None => return Ok(None),
            Some(Some(_)) => {}
            Some(None) => {
                let _here = lock(&shared.creating);
                let _elsewhere = hold(lock_file)?;
                self.make_secret(key)
                    .map_err(|failure| failure.into_store_error(&shared.config.token))?;
            }
        }
        self.attempt(|connection| {
            connection.log_in()?;
            let session = &connection.open()?.session;
            let secret = objects::secret_key(session, key)?.ok_or_else(|| shared.missing(key))?;
            Ok(Some(Zeroizing::new(session.sign(
                &Mechanism::Sha256Hmac,
                secret,
                message,
            )?)))
        })
    }

    fn make_secret(&mut self, key: &KeyName) -> Result<(), Failure> {
        self.log_in()?;
        let open = self.open()?;
        let writing = open.module.open_rw_session(open.slot)?;
        // Another process may have made one meanwhile.
        if objects::secret_key(&writing, key)?.is_none() {
            objects::generate_secret(&writing, key)?;
        }
        Ok(())
    }

    fn generate(&mut self, key: &KeyName, algorithm: CaKeyAlgorithm) -> Result<CaPublicKey, Failure> {
        let open = self.open()?;
        // Objects are made in a read-write session, kept only for that long; the login holds for all sessions.
        let writing = open.module.open_rw_session(open.slot)?;
        let (public, private) = objects::generate(&writing, key, algorithm)?;
        let made = objects::is_kept_inside(&writing, private).and_then(|inside| {
            if !inside {
                let detail = "the token made an extractable key, which was removed again: check its policy".to_owned();
                return Err(KeyStoreError::Denied { detail }.into());
            }
            objects::public_key(&writing, key)?.ok_or_else(|| {
                let detail = "the token does not show the public half of the key it made".to_owned();
                KeyStoreError::Damaged {
                    key: key.clone(),
                    detail,
                }
                .into()
            })
        });
        if made.is_err() {
            for object in [private, public] {
                if let Err(error) = writing.destroy_object(object) {
                    tracing::warn!(%key, %error, "an unusable new key could not be removed from the token");
                }
            }
        }
        made
    }

    /// Runs `work`, and once more with a new session if the old one turns out to be lost.
    fn attempt<T>(&mut self, work: impl Fn(&mut Self) -> Result<T, Failure>) -> Result<T, KeyStoreError> {
        let first = match work(self) {
            Ok(done) => return Ok(done),
            Err(Failure::Lost(error)) => error.to_string(),
            // The failure may come from a stale handle, and says nothing about the token.
            Err(Failure::Final(error)) if self.is_stale() => error.to_string(),
            Err(failure) => return Err(failure.into_store_error(&self.shared.config.token)),
        };
        tracing::info!(token = %self.shared.config.token, error = %first, "the token's session was lost: opening another");
        self.close();
        work(self).map_err(|failure| {
            self.close();
            failure.into_store_error(&self.shared.config.token)
        })
    }

    /// Whether the session dates from before the last initialization of the module.
    fn is_stale(&self) -> bool {
        let now = INITIALISED.load(Ordering::SeqCst);
        self.open.as_ref().is_some_and(|open| open.initialised != now)
    }

    fn close(&mut self) {
        let stale = self.is_stale();
        let Some(open) = self.open.take() else { return };
        if stale {
            // It ended with the module's state; closing it would close another thread's session of the same number.
            std::mem::forget(open.session);
        }
    }

    fn open(&mut self) -> Result<&mut Open, Failure> {
        if self.is_stale() {
            self.close();
        }
        if self.open.is_none() {
            let module = self.shared.module()?;
            let initialised = INITIALISED.load(Ordering::SeqCst);
            let slot = self.shared.slot(&module)?;
            let session = module.open_ro_session(slot)?;
            self.open = Some(Open {
                initialised,
                module,
                slot,
                session,
                keys: HashMap::new(),
            });
        }
        // Set just above if it was not.
        self.open
            .as_mut()
            .ok_or_else(|| unavailable("the token's session did not open".to_owned()).into())
    }

    /// A key's handle and public key, looked up once for each session.
    fn key(&mut self, key: &KeyName) -> Result<TokenKey, Failure> {
        if let Some(known) = self.open()?.keys.get(key) {
            return Ok(known.clone());
        }
        self.log_in()?;
        let shared = Arc::clone(&self.shared);
        let open = self.open()?;
        let private = objects::private_key(&open.session, key)?.ok_or_else(|| shared.missing(key))?;
        let public = match objects::public_key(&open.session, key)? {
            Some(public) => public,
            None => objects::public_half(&open.session, private, key)?.ok_or_else(|| KeyStoreError::Damaged {
                key: key.clone(),
                detail: "the token shows no public half of it: import one under the same label".to_owned(),
            })?,
        };
        let found = TokenKey {
            private,
            public,
            proven: false,
        };
        open.keys.insert(key.clone(), found.clone());
        lock(&shared.seen).insert(key.clone());
        Ok(found)
    }

    /// Logs the user in, unless another thread of this process has, or the token requires no login.
    fn log_in(&mut self) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        let open = self.open()?;
        // One thread at a time: the others then find themselves logged in.
        let mut pin = lock(&shared.pin);
        let state = open.session.get_session_info()?.session_state();
        if matches!(state, SessionState::RoUser | SessionState::RwUser) {
            return Ok(());
        }
        let info = open.module.get_token_info(open.slot)?;
        if !info.login_required() {
            return Ok(());
        }
        if let Some(detail) = &pin.refused {
            return Err(KeyStoreError::Denied { detail: detail.clone() }.into());
        }
        if info.user_pin_locked() {
            return Err(Failure::from(Error::Pkcs11(
                RvError::PinLocked,
                cryptoki::context::Function::Login,
            )));
        }
        let logged_in = if info.protected_authentication_path() {
            // The user types the PIN on the token's own keypad.
            open.session.login(UserType::User, None)
        } else {
            if info.user_pin_final_try() {
                let detail = format!(
                    "the token {} has one PIN try left, which Chancery does not use: log in once with the token's own tool",
                    shared.config.token
                );
                return Err(KeyStoreError::Denied { detail }.into());
            }
            let value = if let Some(value) = &pin.value {
                value.clone()
            } else {
                let source = &shared.config.pin;
                let value = source.read(Purpose::Login).map_err(|error| KeyStoreError::Denied {
                    detail: error.to_string(),
                })?;
                if !source.keeps_its_answer() {
                    pin.value = Some(value.clone());
                }
                value
            };
            open.session
                .login_with_raw(UserType::User, &RawAuthPin::new(Box::new(value.as_bytes().to_vec())))
        };
        match logged_in {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(Error::Pkcs11(code @ (RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange), _)) => {
                let detail = format!(
                    "the token {} refused the PIN ({code}); it is not tried again, so that the token is not locked: \
                     start again with the right one",
                    shared.config.token
                );
                pin.value = None;
                pin.refused = Some(detail.clone());
                Err(KeyStoreError::Denied { detail }.into())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Waits for, and holds, a lock between processes; closing the file releases it.
fn hold(path: &Path) -> Result<std::fs::File, KeyStoreError> {
    let held = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .and_then(|file| {
            rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
            Ok(file)
        });
    held.map_err(|error| unavailable(format!("{} cannot be locked: {error}", path.display())))
}

fn unavailable(detail: String) -> KeyStoreError {
    KeyStoreError::Unavailable { detail }
}

/// A panic while a lock was held leaves a valid state: each lock is held for single steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
