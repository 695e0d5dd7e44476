//! Which keys may be certified: sizes, exponents, and keys that are known to be weak or can be proved so.

mod ed25519;
mod primes;
mod rsa;

use std::collections::BTreeSet;

use super::{KeyFingerprint, KeyKind, SubjectPublicKey};

/// The rules for subject keys. The default allows every supported kind and blocks no fingerprint.
#[derive(Clone, Debug, Default)]
pub struct KeyPolicy {
    /// Kinds that may be certified; empty: every supported one.
    pub kinds: Vec<KeyClass>,
    /// Fingerprints of compromised keys.
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

/// Why a key may not be certified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeakKey {
    /// RSA modulus outside of 2048 to 4096 bits (or not a whole number of octets).
    #[error("RSA keys must have 2048 to 4096 bits, in multiples of 8; this one has {bits}")]
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
    /// An Ed25519 point of small order, for which anyone can forge signatures.
    #[error("the Ed25519 public key is a point of small order: it belongs to no private key")]
    Ed25519SmallOrder,
    /// The key's fingerprint is on the block list.
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
    pub fn check(&self, key: &SubjectPublicKey) -> Result<(), WeakKey> {
        if !self.blocked.is_empty() && self.blocked.contains(&key.fingerprint()) {
            return Err(WeakKey::Blocked);
        }
        let kind = key.kind();
        if !self.kinds.is_empty() && !self.kinds.contains(&kind.class()) {
            return Err(WeakKey::KindNotAllowed { kind: kind.to_string() });
        }
        match kind {
            KeyKind::Rsa { bits } => rsa::check(bits, key.key_bits()),
            KeyKind::Ed25519 => ed25519::check(key.key_bits()),
            // Points are on their curve, whose order is prime; no weak ML-DSA keys are known.
            KeyKind::P256 | KeyKind::P384 | KeyKind::P521 | KeyKind::MlDsa44 | KeyKind::MlDsa65 | KeyKind::MlDsa87 => {
                Ok(())
            }
        }
    }
}

impl KeyKind {
    /// The key's class, as used in profiles.
    pub fn class(self) -> KeyClass {
        match self {
            Self::Rsa { .. } => KeyClass::Rsa,
            Self::P256 => KeyClass::P256,
            Self::P384 => KeyClass::P384,
            Self::P521 => KeyClass::P521,
            Self::Ed25519 => KeyClass::Ed25519,
            Self::MlDsa44 | Self::MlDsa65 | Self::MlDsa87 => KeyClass::MlDsa,
        }
    }
}

impl KeyClass {
    /// Every class.
    pub const ALL: [Self; 6] = [
        Self::Rsa,
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Ed25519,
        Self::MlDsa,
    ];

    /// The name used in profiles.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::P521 => "p521",
            Self::Ed25519 => "ed25519",
            Self::MlDsa => "ml-dsa",
        }
    }

    /// The class of that [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

#[cfg(test)]
mod tests;
