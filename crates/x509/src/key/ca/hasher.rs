//! From a message to what a CA key signs.

use std::fmt;
use std::io;

use aws_lc_rs::digest;
use shake::{ExtendableOutput, Shake256, Update};

use super::CaPublicKey;
use crate::algorithm::{CaKeyAlgorithm, SigningInput};

/// Hashes a message, in pieces, into the input of its CA key's signature. Also an [`io::Write`] that never fails.
pub struct SigningHasher(State);

enum State {
    Sha256(digest::Context),
    Sha384(digest::Context),
    Sha512(digest::Context),
    Mu(Box<Shake256>),
}

impl SigningHasher {
    /// A hasher for signatures by `key`. ML-DSA binds the public key into µ, hence the key and not just its algorithm.
    pub fn new(key: &CaPublicKey) -> Self {
        Self(match key.algorithm() {
            CaKeyAlgorithm::Rsa2048 | CaKeyAlgorithm::Rsa3072 | CaKeyAlgorithm::Rsa4096 | CaKeyAlgorithm::P256 => {
                State::Sha256(digest::Context::new(&digest::SHA256))
            }
            CaKeyAlgorithm::P384 => State::Sha384(digest::Context::new(&digest::SHA384)),
            CaKeyAlgorithm::P521 => State::Sha512(digest::Context::new(&digest::SHA512)),
            CaKeyAlgorithm::MlDsa44 | CaKeyAlgorithm::MlDsa65 | CaKeyAlgorithm::MlDsa87 => {
                State::Mu(Box::new(start_of_mu(key.as_subject().key_bits())))
            }
        })
    }

    /// Hashes the next piece of the message.
    pub fn update(&mut self, piece: &[u8]) {
        match &mut self.0 {
            State::Sha256(context) | State::Sha384(context) | State::Sha512(context) => context.update(piece),
            State::Mu(shake) => shake.update(piece),
        }
    }

    /// Returns the signing input of the message.
    pub fn finish(self) -> SigningInput {
        match self.0 {
            State::Sha256(context) => SigningInput::Sha256(octets(context)),
            State::Sha384(context) => SigningInput::Sha384(octets(context)),
            State::Sha512(context) => SigningInput::Sha512(octets(context)),
            State::Mu(shake) => {
                let mut mu = [0; 64];
                shake.finalize_xof_into(&mut mu);
                SigningInput::Mu(mu)
            }
        }
    }
}

impl io::Write for SigningHasher {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.update(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for SigningHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningHasher").finish_non_exhaustive()
    }
}

/// The state of µ before the message: SHAKE256 over tr, the domain separator of pure ML-DSA, and the length of an empty
/// context (FIPS 204 algorithms 3 and 8).
fn start_of_mu(public_key: &[u8]) -> Shake256 {
    let mut tr = [0; 64];
    Shake256::digest_xof(public_key, &mut tr);
    let mut shake = Shake256::default();
    shake.update(&tr);
    shake.update(&[0, 0]);
    shake
}

/// Panics unless the context's algorithm has an output of `N` octets, which [`SigningHasher::new`] guarantees.
fn octets<const N: usize>(context: digest::Context) -> [u8; N] {
    let mut octets = [0; N];
    octets.copy_from_slice(context.finish().as_ref());
    octets
}
