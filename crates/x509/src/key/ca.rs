//! The public half of a CA key: what verifies the CA's own signatures before they leave the house.

use super::{KeyError, KeyFingerprint, KeyIdentifier, SubjectPublicKey};
use crate::algorithm::{CaKeyAlgorithm, SigningInput};

/// A CA's public key, parsed once and kept for the life of the process.
#[derive(Clone, Debug)]
pub struct CaPublicKey {
    // H1 designs the fields
    subject: SubjectPublicKey,
}

/// A signature that its public key does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify with the CA's public key")]
pub struct BadSignature;

impl CaPublicKey {
    /// Parses a DER SubjectPublicKeyInfo of an algorithm a CA may have.
    pub fn from_der(_spki: &[u8]) -> Result<Self, KeyError> {
        todo!("H1")
    }

    /// Algorithm and size.
    pub fn algorithm(&self) -> CaKeyAlgorithm {
        todo!("H1")
    }

    /// The DER SubjectPublicKeyInfo.
    pub fn as_der(&self) -> &[u8] {
        self.subject.as_der()
    }

    /// The same key as a subject's.
    pub fn as_subject(&self) -> &SubjectPublicKey {
        &self.subject
    }

    /// SHA-256 of the SubjectPublicKeyInfo.
    pub fn fingerprint(&self) -> KeyFingerprint {
        self.subject.fingerprint()
    }

    /// SHA-1 of the key's bits.
    pub fn identifier(&self) -> KeyIdentifier {
        self.subject.identifier()
    }

    /// Verifies a signature over `input`; ECDSA signatures are DER ECDSA-Sig-Value.
    pub fn verify(&self, _input: &SigningInput, _signature: &[u8]) -> Result<(), BadSignature> {
        todo!("H1")
    }
}
