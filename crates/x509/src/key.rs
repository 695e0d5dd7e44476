//! Public keys: of subjects (any supported kind), and of CAs (kinds that can sign).

pub mod ca;
pub mod policy;

use crate::algorithm::CaKeyAlgorithm;

/// Kind and size of a subject's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA with a modulus of so many bits.
    Rsa {
        /// Bits of the modulus.
        bits: u32,
    },
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// ECDSA on P-521.
    P521,
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// ML-DSA-44 (RFC 9881).
    MlDsa44,
    /// ML-DSA-65 (RFC 9881).
    MlDsa65,
    /// ML-DSA-87 (RFC 9881).
    MlDsa87,
}

/// A subject's public key: a well-formed SubjectPublicKeyInfo of a supported kind.
///
/// Well-formed is not yet acceptable: [`policy::KeyPolicy::check`] decides that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectPublicKey {
    // H1 designs the fields
    der: Vec<u8>,
    kind: KeyKind,
}

/// SHA-256 of a DER SubjectPublicKeyInfo: how the ledger knows a key again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyFingerprint(pub [u8; 32]);

/// SHA-1 of the subjectPublicKey's bits (RFC 5280 section 4.2.1.2, method 1): SKI and AKI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyIdentifier(pub [u8; 20]);

/// Why bytes are no supported public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not a DER SubjectPublicKeyInfo.
    #[error("the public key is not a well-formed SubjectPublicKeyInfo")]
    Malformed,
    /// An algorithm outside the key policy, by OID (DSA, secp256k1, X25519, …).
    #[error(
        "public keys of algorithm {oid} are not certified; use RSA 2048-4096, P-256, P-384, P-521, Ed25519 or ML-DSA"
    )]
    UnsupportedAlgorithm {
        /// The algorithm's, or for elliptic curves the curve's, object identifier.
        oid: String,
    },
}

impl SubjectPublicKey {
    /// Parses a DER SubjectPublicKeyInfo, strictly: parameters as the algorithm's RFC wants them, points on their curve.
    pub fn from_der(_spki: &[u8]) -> Result<Self, KeyError> {
        todo!("H1")
    }

    /// The DER SubjectPublicKeyInfo.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// Kind and size.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// SHA-256 of the SubjectPublicKeyInfo.
    pub fn fingerprint(&self) -> KeyFingerprint {
        todo!("H1")
    }

    /// SHA-1 of the key's bits.
    pub fn identifier(&self) -> KeyIdentifier {
        todo!("H1")
    }
}

impl TryFrom<KeyKind> for CaKeyAlgorithm {
    type Error = KeyKind;

    /// The CA algorithm of a key of this kind; Ed25519 and odd RSA sizes have none.
    fn try_from(_kind: KeyKind) -> Result<Self, KeyKind> {
        todo!("H1")
    }
}
