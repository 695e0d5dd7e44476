//! The algorithms a CA key may have, and how each signs.
//!
//! A CA signs a digest, or for ML-DSA the 64-octet message representative µ, never a message: that is
//! what AWS KMS takes without a length limit (`MessageType` `DIGEST` and `EXTERNAL_MU`), what a PKCS#11
//! token takes raw, and what lets a CRL of any length be signed in constant memory.

use crate::key::ca::CaPublicKey;

/// Algorithm and size of a CA key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CaKeyAlgorithm {
    /// RSA, 2048 bits, PKCS #1 v1.5 with SHA-256.
    Rsa2048,
    /// RSA, 3072 bits, PKCS #1 v1.5 with SHA-256.
    Rsa3072,
    /// RSA, 4096 bits, PKCS #1 v1.5 with SHA-256.
    Rsa4096,
    /// ECDSA on P-256 with SHA-256.
    P256,
    /// ECDSA on P-384 with SHA-384.
    P384,
    /// ECDSA on P-521 with SHA-512.
    P521,
    /// ML-DSA-44, pure (RFC 9881).
    MlDsa44,
    /// ML-DSA-65, pure (RFC 9881).
    MlDsa65,
    /// ML-DSA-87, pure (RFC 9881).
    MlDsa87,
}

/// What a CA key signs; made by [`SigningHasher`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SigningInput {
    /// SHA-256 digest of the message (RSA, P-256).
    Sha256([u8; 32]),
    /// SHA-384 digest of the message (P-384).
    Sha384([u8; 48]),
    /// SHA-512 digest of the message (P-521).
    Sha512([u8; 64]),
    /// ML-DSA message representative µ for an empty context (FIPS 204 algorithm 7, line 6).
    Mu([u8; 64]),
}

impl SigningInput {
    /// The octets to be signed.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Sha256(digest) => digest,
            Self::Sha384(digest) => digest,
            Self::Sha512(digest) | Self::Mu(digest) => digest,
        }
    }
}

impl CaKeyAlgorithm {
    /// Every algorithm, in the order people meet them in documentation.
    pub const ALL: [Self; 9] = [
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// The name used in configuration and on the command line: `p256`, `rsa2048`, `ml-dsa-65`, …
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::P521 => "p521",
            Self::MlDsa44 => "ml-dsa-44",
            Self::MlDsa65 => "ml-dsa-65",
            Self::MlDsa87 => "ml-dsa-87",
        }
    }

    /// The algorithm of that [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// DER of the AlgorithmIdentifier of this key's signatures, parameters as RFC 4055, RFC 5758 and
    /// RFC 9881 want them (NULL for RSA, absent otherwise).
    pub fn signature_algorithm_der(self) -> &'static [u8] {
        todo!("H1")
    }
}

/// Hashes a message, in pieces, into what its CA key signs.
pub struct SigningHasher(());

impl SigningHasher {
    /// A hasher for signatures by `key`. ML-DSA binds the public key into µ, hence the key and not just its algorithm.
    pub fn new(_key: &CaPublicKey) -> Self {
        todo!("H1")
    }

    /// Takes the next piece of the message.
    pub fn update(&mut self, _piece: &[u8]) {
        todo!("H1")
    }

    /// Ends the message.
    pub fn finish(self) -> SigningInput {
        todo!("H1")
    }
}
