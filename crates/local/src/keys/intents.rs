//! The secret that authenticates intents, as a sealed file beside the keys.
//!
//! Write access to the ledger, or to a backup of it, must not be enough to make an intent that gets signed; so the
//! secret is sealed with the passphrase that seals the CA keys. It is generated when first needed, since older
//! authorities have none.

use std::io;
use std::path::Path;
use std::sync::Mutex;

use chancery_authority::port::KeyStoreError;
use der::asn1::OctetStringRef;
use der::{Decode, Encode};
use pkcs8::PrivateKeyInfoRef;
use pkcs8::spki::{AlgorithmIdentifierRef, ObjectIdentifier};
use zeroize::Zeroizing;

use super::passphrase::Passphrase;
use super::seal::{self, UnsealError};
use super::sealed::files::{self, store_error};

/// The file, in the folder of keys.
pub(super) const FILE: &str = "intents.secret";

/// hmacWithSHA256 (RFC 8018 appendix B.1.2): what the secret is for, in place of a key's algorithm.
const HMAC_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");

/// The secret, wiped from memory when dropped.
pub(super) type Secret = Zeroizing<[u8; 32]>;

/// The secret of a folder of keys, kept once it was needed.
#[derive(Default)]
pub(super) struct IntentSecret(Mutex<Option<Secret>>);

/// Why the secret's file could not be opened.
pub(super) enum NotOpened {
    WrongPassphrase,
    Other(KeyStoreError),
}

impl IntentSecret {
    /// The secret: read, or generated. `to_open` and `to_seal` supply the passphrase; opening and sealing each take as
    /// long as a derivation.
    pub(super) fn get(
        &self,
        folder: &Path,
        to_open: impl FnOnce() -> Result<Passphrase, KeyStoreError>,
        to_seal: impl FnOnce() -> Result<Passphrase, KeyStoreError>,
    ) -> Result<Secret, NotOpened> {
        // Held meanwhile: concurrent callers need the same secret.
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(secret) = known.as_ref() {
            return Ok(secret.clone());
        }
        let path = folder.join(FILE);
        let read = files::read(&path).map_err(|error| NotOpened::Other(store_error(&path, &error)))?;
        let secret = match read {
            Some(pem) => open(&path, &pem, &to_open().map_err(NotOpened::Other)?)?,
            None => make(&path, &to_seal().map_err(NotOpened::Other)?)?,
        };
        Ok(known.insert(secret).clone())
    }
}

fn open(path: &Path, pem: &[u8], passphrase: &Passphrase) -> Result<Secret, NotOpened> {
    let damaged = |detail: &str| {
        NotOpened::Other(KeyStoreError::Denied {
            detail: format!(
                "{}: {detail}; restore it from a backup, or remove it: intents that are open now are given up then",
                path.display()
            ),
        })
    };
    let document = match seal::unseal(pem, passphrase) {
        Ok(document) => document,
        Err(UnsealError::WrongPassphrase) => return Err(NotOpened::WrongPassphrase),
        Err(error) => return Err(damaged(&error.to_string())),
    };
    let info = PrivateKeyInfoRef::from_der(&document).map_err(|error| damaged(&error.to_string()))?;
    let octets: Option<[u8; 32]> = info.private_key.as_bytes().try_into().ok();
    match octets {
        Some(octets) if info.algorithm.oid == HMAC_WITH_SHA256 => Ok(Zeroizing::new(octets)),
        _ => Err(damaged("it holds no secret of intents")),
    }
}

fn make(path: &Path, passphrase: &Passphrase) -> Result<Secret, NotOpened> {
    let unavailable = |detail: String| NotOpened::Other(KeyStoreError::Unavailable { detail });
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut()).map_err(|error| unavailable(format!("no random numbers: {error}")))?;
    let document = document(&secret).map_err(|error| unavailable(error.to_string()))?;
    let sealed = seal::seal(&document, passphrase)
        .map_err(|error| unavailable(format!("the secret of intents could not be sealed: {error}")))?;
    match files::write_new(path, sealed.as_bytes(), 0o600) {
        Ok(()) => Ok(secret),
        // Another process made one meanwhile: use that one.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let pem = files::read(path).map_err(|error| NotOpened::Other(store_error(path, &error)))?;
            open(path, &pem.unwrap_or_default(), passphrase)
        }
        Err(error) => Err(NotOpened::Other(store_error(path, &error))),
    }
}

fn document(secret: &Secret) -> Result<Zeroizing<Vec<u8>>, der::Error> {
    let algorithm = AlgorithmIdentifierRef {
        oid: HMAC_WITH_SHA256,
        parameters: None,
    };
    let info = PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(secret.as_slice())?);
    info.to_der().map(Zeroizing::new)
}
