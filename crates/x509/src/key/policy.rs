//! Which keys may be certified: sizes, exponents, and keys that are known or can be shown to be weak.

use std::collections::BTreeSet;

use super::{KeyFingerprint, SubjectPublicKey};

/// The rules a subject's key must keep. The default allows every supported kind and blocks no fingerprint.
#[derive(Clone, Debug, Default)]
pub struct KeyPolicy {
    /// Kinds that may be certified; empty: all supported ones.
    pub kinds: Vec<KeyClass>,
    /// Known-compromised keys.
    pub blocked: BTreeSet<KeyFingerprint>,
}

/// A class of keys, as profiles name them: `rsa`, `p256`, `p384`, `p521`, `ed25519`, `ml-dsa`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyClass {
    /// RSA of 2048 to 4096 bits.
    Rsa,
    /// P-256.
    P256,
    /// P-384.
    P384,
    /// P-521.
    P521,
    /// Ed25519.
    Ed25519,
    /// ML-DSA of any size.
    MlDsa,
}

/// Why a key is not certified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeakKey {
    /// RSA modulus out of 2048 to 4096 bits (or not a whole number of octets).
    #[error("RSA keys must have 2048 to 4096 bits, this one has {bits}")]
    RsaSize {
        /// Bits of the modulus.
        bits: u32,
    },
    /// RSA public exponent other than 65537.
    #[error("RSA keys must have the public exponent 65537")]
    RsaExponent,
    /// RSA modulus divisible by a small prime.
    #[error("the RSA modulus is divisible by {prime}")]
    RsaSmallFactor {
        /// The prime.
        prime: u32,
    },
    /// RSA primes so close that Fermat's method finds them.
    #[error("the RSA primes are too close to each other (Fermat factorisation)")]
    RsaFermat,
    /// RSA modulus with the fingerprint of CVE-2017-15361.
    #[error("the RSA key was made by a generator with the ROCA weakness (CVE-2017-15361)")]
    RsaRoca,
    /// On the block list.
    #[error("the key is on the list of compromised keys")]
    Blocked,
    /// A kind that the profile does not certify.
    #[error("this profile does not certify keys of this kind ({kind})")]
    KindNotAllowed {
        /// The key's kind.
        kind: String,
    },
}

impl KeyPolicy {
    /// Whether `key` may be certified.
    pub fn check(&self, _key: &SubjectPublicKey) -> Result<(), WeakKey> {
        todo!("H1")
    }
}
