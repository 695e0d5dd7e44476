//! The public half of a CA key, which verifies the CA's own signatures before they leave this process.

mod hasher;

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use ml_dsa::{MlDsa44, MlDsa65, MlDsa87, MlDsaParams, VerifyingKey};

pub use hasher::SigningHasher;

use super::{KeyError, KeyFingerprint, KeyIdentifier, SubjectPublicKey};
use crate::algorithm::{CaKeyAlgorithm, SigningInput};

/// A CA's public key, parsed once and kept for the lifetime of the process. Cheap to clone.
#[derive(Clone)]
pub struct CaPublicKey {
    subject: SubjectPublicKey,
    algorithm: CaKeyAlgorithm,
    mu_verifier: Option<MuVerifier>,
}

/// Verifies ML-DSA signatures over µ, which the subject key's own verifier does not support. The matrix is expanded
/// once.
#[derive(Clone)]
enum MuVerifier {
    MlDsa44(Arc<VerifyingKey<MlDsa44>>),
    MlDsa65(Arc<VerifyingKey<MlDsa65>>),
    MlDsa87(Arc<VerifyingKey<MlDsa87>>),
}

/// A signature that does not verify with the public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify with the CA's public key")]
pub struct BadSignature;

impl CaPublicKey {
    /// Parses a DER SubjectPublicKeyInfo of an algorithm that CAs may have.
    pub fn from_der(spki: &[u8]) -> Result<Self, KeyError> {
        SubjectPublicKey::from_der(spki)?.try_into()
    }

    /// Algorithm and size.
    pub fn algorithm(&self) -> CaKeyAlgorithm {
        self.algorithm
    }

    /// The DER SubjectPublicKeyInfo.
    pub fn as_der(&self) -> &[u8] {
        self.subject.as_der()
    }

    /// The same key as a subject key.
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
    pub fn verify(&self, input: &SigningInput, signature: &[u8]) -> Result<(), BadSignature> {
        let verified = match input {
            SigningInput::Sha256(digest) => self.verify_digest(digest, &digest::SHA256, signature),
            SigningInput::Sha384(digest) => self.verify_digest(digest, &digest::SHA384, signature),
            SigningInput::Sha512(digest) => self.verify_digest(digest, &digest::SHA512, signature),
            SigningInput::Mu(mu) => self
                .mu_verifier
                .as_ref()
                .is_some_and(|verifier| verifier.verify(mu, signature)),
        };
        if verified { Ok(()) } else { Err(BadSignature) }
    }

    /// Whether the key made a signature over that message in whatever way such a key can sign: with another hash than CAs here use,
    /// and for RSA with PSS. For looking for what somebody else had the key sign; nothing is accepted by it.
    pub fn signed_in_any_way(&self, message: &[u8], signature: &[u8]) -> bool {
        let algorithms: &[&'static dyn VerificationAlgorithm] = match self.algorithm {
            CaKeyAlgorithm::P256 => &[
                &signature::ECDSA_P256_SHA1_ASN1,
                &signature::ECDSA_P256_SHA256_ASN1,
                &signature::ECDSA_P256_SHA384_ASN1,
                &signature::ECDSA_P256_SHA512_ASN1,
            ],
            CaKeyAlgorithm::P384 => &[
                &signature::ECDSA_P384_SHA256_ASN1,
                &signature::ECDSA_P384_SHA384_ASN1,
                &signature::ECDSA_P384_SHA512_ASN1,
            ],
            CaKeyAlgorithm::P521 => &[
                &signature::ECDSA_P521_SHA1_ASN1,
                &signature::ECDSA_P521_SHA224_ASN1,
                &signature::ECDSA_P521_SHA256_ASN1,
                &signature::ECDSA_P521_SHA384_ASN1,
                &signature::ECDSA_P521_SHA512_ASN1,
            ],
            CaKeyAlgorithm::Rsa2048 | CaKeyAlgorithm::Rsa3072 | CaKeyAlgorithm::Rsa4096 => &[
                &signature::RSA_PKCS1_2048_8192_SHA256,
                &signature::RSA_PKCS1_2048_8192_SHA384,
                &signature::RSA_PKCS1_2048_8192_SHA512,
                &signature::RSA_PSS_2048_8192_SHA256,
                &signature::RSA_PSS_2048_8192_SHA384,
                &signature::RSA_PSS_2048_8192_SHA512,
            ],
            // They have one way.
            CaKeyAlgorithm::MlDsa44 | CaKeyAlgorithm::MlDsa65 | CaKeyAlgorithm::MlDsa87 => &[],
        };
        let bits = self.subject.key_bits();
        algorithms.iter().any(|algorithm| {
            UnparsedPublicKey::new(*algorithm, bits)
                .verify(message, signature)
                .is_ok()
        })
    }

    /// The verifier refuses a digest of another algorithm than that of the key, and every digest for an ML-DSA key.
    fn verify_digest(&self, digest: &[u8], algorithm: &'static digest::Algorithm, signature: &[u8]) -> bool {
        Digest::import_less_safe(digest, algorithm)
            .is_ok_and(|digest| self.subject.verifier().verify_digest_sig(&digest, signature).is_ok())
    }
}

impl TryFrom<SubjectPublicKey> for CaPublicKey {
    type Error = KeyError;

    fn try_from(subject: SubjectPublicKey) -> Result<Self, KeyError> {
        let algorithm = CaKeyAlgorithm::try_from(subject.kind()).map_err(|kind| KeyError::NotForCas { kind })?;
        let bits = subject.key_bits();
        let mu_verifier = match algorithm {
            CaKeyAlgorithm::MlDsa44 => Some(MuVerifier::MlDsa44(expand(bits)?)),
            CaKeyAlgorithm::MlDsa65 => Some(MuVerifier::MlDsa65(expand(bits)?)),
            CaKeyAlgorithm::MlDsa87 => Some(MuVerifier::MlDsa87(expand(bits)?)),
            _ => None,
        };
        Ok(Self {
            subject,
            algorithm,
            mu_verifier,
        })
    }
}

impl PartialEq for CaPublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.subject == other.subject
    }
}

impl Eq for CaPublicKey {}

impl fmt::Debug for CaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaPublicKey")
            .field("algorithm", &self.algorithm)
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

fn expand<P: MlDsaParams>(bits: &[u8]) -> Result<Arc<VerifyingKey<P>>, KeyError> {
    let encoded = bits.try_into().map_err(|_| KeyError::Malformed)?;
    Ok(Arc::new(VerifyingKey::decode(&encoded)))
}

impl MuVerifier {
    fn verify(&self, mu: &[u8; 64], signature: &[u8]) -> bool {
        match self {
            Self::MlDsa44(key) => verify_mu(key, mu, signature),
            Self::MlDsa65(key) => verify_mu(key, mu, signature),
            Self::MlDsa87(key) => verify_mu(key, mu, signature),
        }
    }
}

fn verify_mu<P: MlDsaParams>(key: &VerifyingKey<P>, mu: &[u8; 64], signature: &[u8]) -> bool {
    ml_dsa::Signature::<P>::try_from(signature).is_ok_and(|signature| key.verify_mu(&(*mu).into(), &signature))
}

#[cfg(test)]
mod tests;
