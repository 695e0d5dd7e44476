//! CA keys on one machine, and the log of what they signed.
//!
//! - [`sealed`]: keys in passphrase-sealed PKCS #8 files, which OpenSSL reads too;
//! - [`token`]: keys in a PKCS #11 token, which never leave it;
//! - [`passphrase`]: sources of passphrases and PINs;
//! - [`log`]: the log of every signature, which receipts name;
//! - [`client`]: subjects' own keys: generated, read, and signing certification requests.
//!
//! Threads: generating a key and unsealing one take from milliseconds to seconds and run on threads of their own. A
//! signature by an unsealed key is made on the caller's thread: it takes from 13 µs (P-256) to about 1.5 ms (RSA-4096),
//! less than the cost of moving it to another thread and back. Tokens run on threads that own the token's sessions.

pub mod client;
pub mod log;
pub mod passphrase;
pub mod sealed;
pub mod token;

mod derive;
mod intents;
mod private;
mod seal;

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use chancery_authority::port::{KeyName, KeyStoreError, Receipt};
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};

pub use log::SigningLog;
pub use passphrase::{Passphrase, PassphraseSource};
pub use sealed::SealedKeyStore;
pub use token::{Token, TokenConfig, TokenKeyStore};

/// Whether a key of this algorithm signs this kind of input.
fn fits(algorithm: CaKeyAlgorithm, input: &SigningInput) -> bool {
    match algorithm {
        CaKeyAlgorithm::Rsa2048 | CaKeyAlgorithm::Rsa3072 | CaKeyAlgorithm::Rsa4096 | CaKeyAlgorithm::P256 => {
            matches!(input, SigningInput::Sha256(_))
        }
        CaKeyAlgorithm::P384 => matches!(input, SigningInput::Sha384(_)),
        CaKeyAlgorithm::P521 => matches!(input, SigningInput::Sha512(_)),
        CaKeyAlgorithm::MlDsa44 | CaKeyAlgorithm::MlDsa65 | CaKeyAlgorithm::MlDsa87 => {
            matches!(input, SigningInput::Mu(_))
        }
    }
}

/// Makes the folder of keys, accessible to its owner only, where there is none.
fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Logs a signature just made, and returns its receipt; without a receipt the signature must not be returned.
fn receipt(
    log: &SigningLog,
    key: &KeyName,
    algorithm: CaKeyAlgorithm,
    input: &SigningInput,
) -> Result<Receipt, KeyStoreError> {
    log.record(key, algorithm, input)
        .map_err(|error| KeyStoreError::Unavailable {
            detail: format!("the signature was withheld because it could not be logged: {error}"),
        })
}
