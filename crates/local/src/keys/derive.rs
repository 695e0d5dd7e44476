//! Keys derived from a passphrase with scrypt (RFC 7914), each derived once.
//!
//! All keys that one store seals share a salt, so that one derivation unseals them all: a server starts in half the
//! time, and allocates scrypt's 16 MiB once. That also saves memory later: glibc returns the first such block to the
//! system, but keeps later ones of that size for as long as the server runs. A salt keeps the passphrases of
//! *different* seals from being guessed with the same work; here it is the same passphrase each time. What must be
//! fresh each time is AES's initialization vector.

use std::sync::{Mutex, PoisonError};

use pkcs5::pbes2::ScryptParams;
use zeroize::Zeroizing;

/// Octets of a derived key: AES-256.
pub(super) const KEY_LENGTH: usize = 32;

/// A key for AES-256, wiped from memory when dropped.
pub(super) type DerivedKey = Zeroizing<[u8; KEY_LENGTH]>;

/// The latest key derived from a passphrase.
#[derive(Default)]
pub(super) struct Derivation(Mutex<Option<(ScryptParams, DerivedKey)>>);

/// Parameters that are not valid for scrypt.
#[derive(Debug)]
pub(super) struct BadParameters;

impl Derivation {
    /// The key that scrypt derives from that passphrase. Other threads wait meanwhile, because they mostly need the
    /// same key.
    pub(super) fn derive(&self, passphrase: &[u8], parameters: &ScryptParams) -> Result<DerivedKey, BadParameters> {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = latest.as_ref().filter(|(known, _)| known == parameters) {
            return Ok(key.clone());
        }
        let log_n = u8::try_from(parameters.cost_parameter.ilog2()).map_err(|_| BadParameters)?;
        let (r, p) = (parameters.block_size.into(), parameters.parallelization.into());
        let scrypt_parameters = scrypt::Params::new(log_n, r, p).map_err(|_| BadParameters)?;
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        scrypt::scrypt(passphrase, parameters.salt.as_ref(), &scrypt_parameters, key.as_mut())
            .map_err(|_| BadParameters)?;
        *latest = Some((*parameters, key.clone()));
        Ok(key)
    }

    /// The parameters of the latest derivation, salt included.
    pub(super) fn parameters(&self) -> Option<ScryptParams> {
        let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.as_ref().map(|(parameters, _)| *parameters)
    }
}
