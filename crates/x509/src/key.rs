//! Public keys: of subjects (every supported kind), and of CAs (kinds that CAs may have).

pub mod ca;
pub mod policy;
pub(crate) mod rsa;
mod spki;
#[cfg(test)]
pub(crate) mod test_keys;
pub mod verify;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest;
use aws_lc_rs::signature::ParsedPublicKey;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use crate::algorithm::CaKeyAlgorithm;

/// Kind and size of a subject's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA with a modulus of that many bits.
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

/// A subject's public key: a well-formed SubjectPublicKeyInfo of a supported kind. Cheap to clone.
///
/// A well-formed key may still be unacceptable: [`policy::KeyPolicy::check`] decides that.
#[derive(Clone)]
pub struct SubjectPublicKey(Arc<Parsed>);

struct Parsed {
    der: Box<[u8]>,
    /// The range in `der` of the content of the BIT STRING subjectPublicKey.
    key_bits: Range<usize>,
    kind: KeyKind,
    /// For signatures with [`verify::Scheme::of_kind`], by far the most common scheme for that kind.
    verifier: ParsedPublicKey,
    fingerprint: OnceLock<KeyFingerprint>,
}

/// SHA-256 of a DER SubjectPublicKeyInfo: the ledger's identifier of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyFingerprint(pub [u8; 32]);

/// SHA-1 of the subjectPublicKey's bits (RFC 5280 section 4.2.1.2, method 1): SKI and AKI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyIdentifier(pub [u8; 20]);

/// Why bytes are not a supported public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not a DER SubjectPublicKeyInfo, or one whose key does not match its algorithm: a point off its curve, a wrong
    /// length, wrong parameters.
    #[error("the public key is not a well-formed SubjectPublicKeyInfo")]
    Malformed,
    /// Explicit curve parameters (RFC 5480 section 2.1.1: MUST NOT).
    #[error(
        "the public key has its curve written out as explicit parameters, which RFC 5480 forbids; make the key with a \
         named curve"
    )]
    ExplicitCurve,
    /// A compressed point (RFC 5480 section 2.2: MAY be supported).
    #[error(
        "the public key is a compressed point, which much software does not support; encode the point uncompressed"
    )]
    CompressedPoint,
    /// An RSA key whose parameters are not NULL (RFC 3279 section 2.3.1).
    #[error("the RSA public key's parameters are not NULL, as RFC 3279 section 2.3.1 demands; make the CSR anew")]
    RsaParameters,
    /// An RSA key whose type restricts it to RSASSA-PSS.
    #[error(
        "the public key is of type RSASSA-PSS, which few can use; use an RSA key of the ordinary type (rsaEncryption): \
         it signs by PSS as well"
    )]
    RsaPss,
    /// An unsupported algorithm, by OID (DSA, secp256k1, X25519, …).
    #[error(
        "public keys of algorithm {} are not certified; use RSA 2048-4096, P-256, P-384, P-521, Ed25519 or ML-DSA",
        crate::oid_names::display_name(oid)
    )]
    UnsupportedAlgorithm {
        /// The object identifier of the algorithm, or for elliptic curves of the curve.
        oid: String,
    },
    /// An RSA modulus outside of 1024 to 8192 bits, which is not processed at all.
    #[error("RSA keys of {bits} bits are not read; use 2048 to 4096 bits")]
    RsaSize {
        /// Bits of the modulus.
        bits: u32,
    },
    /// An RSA public exponent that is even, 1, or over 33 bits.
    #[error("the RSA public exponent is not usable; use 65537")]
    RsaExponent,
    /// A supported kind that is not allowed for CA keys.
    #[error("a key of kind {kind} cannot be a CA key; use P-256, P-384, P-521, RSA 2048, 3072 or 4096, or ML-DSA")]
    NotForCas {
        /// The key's kind.
        kind: KeyKind,
    },
}

impl SubjectPublicKey {
    /// Parses a DER SubjectPublicKeyInfo, strictly: parameters as the algorithm's RFC requires (RFC 3279, RFC 5480, RFC
    /// 8410, RFC 9881), elliptic curves by name, their points uncompressed and on the curve.
    ///
    /// RSA keys are accepted from 1024 to 8192 bits, so that old certificates can be shown and weak keys be reported as
    /// such.
    pub fn from_der(spki: &[u8]) -> Result<Self, KeyError> {
        spki::parse(spki)
    }

    /// The DER SubjectPublicKeyInfo.
    pub fn as_der(&self) -> &[u8] {
        &self.0.der
    }

    /// The content of the BIT STRING subjectPublicKey: the point, the DER RSAPublicKey, or the raw key.
    pub fn key_bits(&self) -> &[u8] {
        &self.0.der[self.0.key_bits.clone()]
    }

    /// Kind and size.
    pub fn kind(&self) -> KeyKind {
        self.0.kind
    }

    /// SHA-256 of the SubjectPublicKeyInfo; computed once.
    pub fn fingerprint(&self) -> KeyFingerprint {
        *self.0.fingerprint.get_or_init(|| KeyFingerprint::of(self.as_der()))
    }

    /// SHA-1 of the key's bits.
    pub fn identifier(&self) -> KeyIdentifier {
        let mut identifier = [0; 20];
        identifier.copy_from_slice(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, self.key_bits()).as_ref());
        KeyIdentifier(identifier)
    }

    fn verifier(&self) -> &ParsedPublicKey {
        &self.0.verifier
    }
}

impl PartialEq for SubjectPublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.as_der() == other.as_der()
    }
}

impl Eq for SubjectPublicKey {}

impl fmt::Debug for SubjectPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubjectPublicKey")
            .field("kind", &self.kind())
            .field("fingerprint", &self.fingerprint())
            .finish()
    }
}

impl KeyFingerprint {
    /// The fingerprint of a DER SubjectPublicKeyInfo, of any algorithm.
    pub fn of(spki: &[u8]) -> Self {
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest::digest(&digest::SHA256, spki).as_ref());
        Self(fingerprint)
    }

    /// Parses 64 hexadecimal digits, as written by [`Display`](fmt::Display), in any case.
    pub fn from_hex(digits: &str) -> Option<Self> {
        let octets = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?;
        octets.try_into().ok().map(Self)
    }
}

impl fmt::Display for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Display for KeyIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "RSA {bits}"),
            Self::P256 => f.write_str("P-256"),
            Self::P384 => f.write_str("P-384"),
            Self::P521 => f.write_str("P-521"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::MlDsa44 => f.write_str("ML-DSA-44"),
            Self::MlDsa65 => f.write_str("ML-DSA-65"),
            Self::MlDsa87 => f.write_str("ML-DSA-87"),
        }
    }
}

impl TryFrom<KeyKind> for CaKeyAlgorithm {
    type Error = KeyKind;

    /// The CA algorithm for keys of this kind; Ed25519 and other RSA sizes have none.
    fn try_from(kind: KeyKind) -> Result<Self, KeyKind> {
        match kind {
            KeyKind::Rsa { bits: 2048 } => Ok(Self::Rsa2048),
            KeyKind::Rsa { bits: 3072 } => Ok(Self::Rsa3072),
            KeyKind::Rsa { bits: 4096 } => Ok(Self::Rsa4096),
            KeyKind::P256 => Ok(Self::P256),
            KeyKind::P384 => Ok(Self::P384),
            KeyKind::P521 => Ok(Self::P521),
            KeyKind::MlDsa44 => Ok(Self::MlDsa44),
            KeyKind::MlDsa65 => Ok(Self::MlDsa65),
            KeyKind::MlDsa87 => Ok(Self::MlDsa87),
            KeyKind::Rsa { .. } | KeyKind::Ed25519 => Err(kind),
        }
    }
}
