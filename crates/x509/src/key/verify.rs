//! Signatures over whole messages by any supported key: proofs of possession in requests, and certificates.
//!
//! Only secure signatures are accepted: SHA-256 and better, never MD5 or SHA-1.

use aws_lc_rs::signature::{self as aws, ParsedPublicKey, RsaParameters, RsaPssSaltLength, VerificationAlgorithm};
use const_oid::db::{fips204, rfc5912, rfc8410};
use der::asn1::AnyRef;
use der::{Decode, Sequence};
use spki::AlgorithmIdentifierRef;

use super::{KeyKind, SubjectPublicKey};

/// Why a signature is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Not a DER AlgorithmIdentifier.
    #[error("the signature algorithm is malformed")]
    MalformedAlgorithm,
    /// An algorithm that is not accepted at all, or not for a key of this kind.
    #[error("signatures of algorithm {oid} are not accepted for a key of kind {kind}; use SHA-256 or better")]
    Algorithm {
        /// The algorithm's object identifier.
        oid: String,
        /// The key's kind.
        kind: KeyKind,
    },
    /// RSA-PSS with an obsolete hash, with two hashes, or with a salt that is too short (RFC 8017 section 9.1).
    #[error("these RSA-PSS parameters are not accepted; {PSS_ADVICE}")]
    PssParameters,
    /// The signature was not made with this key over this message.
    #[error("the signature does not verify")]
    BadSignature,
}

/// Advice for RSA-PSS parameters that are refused.
pub(crate) const PSS_ADVICE: &str = "use SHA-256, SHA-384 or SHA-512, MGF1 with the same hash, and a salt at least as \
    long as the digest (OpenSSL: -sigopt rsa_pss_saltlen:digest)";

/// Verifies `signature` over `message` with `key`, for the DER AlgorithmIdentifier `algorithm`.
///
/// Accepts PKCS #1 v1.5 and PSS (with MGF1 of the same hash and a salt at least as long as its digest) with SHA-256,
/// SHA-384 or SHA-512, ECDSA with each of these, Ed25519, and pure ML-DSA.
pub fn verify(key: &SubjectPublicKey, algorithm: &[u8], message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    let identifier = AlgorithmIdentifierRef::from_der(algorithm).map_err(|_| VerifyError::MalformedAlgorithm)?;
    let kind = key.kind();
    let refused = || VerifyError::Algorithm {
        oid: identifier.oid.to_string(),
        kind,
    };
    let scheme = match identifier.oid {
        rfc5912::ID_RSASSA_PSS => pss(identifier.parameters).ok_or(VerifyError::PssParameters)?,
        _ => Scheme::of_identifier(&identifier).ok_or_else(refused)?,
    };
    let verified = if let (Scheme::RsaPss { hash, salt }, KeyKind::Rsa { bits: 2048.. }) = (scheme, kind) {
        let algorithm = hash.pss().with_pss_salt_length(RsaPssSaltLength::Custom(salt));
        algorithm.verify_sig(key.key_bits(), message, signature)
    } else if scheme == Scheme::of_kind(kind) {
        key.verifier().verify_sig(message, signature)
    } else {
        let algorithm = scheme.algorithm_for(kind).ok_or_else(refused)?;
        let encoding = if matches!(kind, KeyKind::Rsa { .. }) {
            key.key_bits()
        } else {
            key.as_der()
        };
        ParsedPublicKey::new(algorithm, encoding)
            .map_err(|_| VerifyError::BadSignature)?
            .verify_sig(message, signature)
    };
    verified.map_err(|_| VerifyError::BadSignature)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn pss(self) -> RsaParameters {
        match self {
            Self::Sha256 => aws::RSA_PSS_2048_8192_SHA256,
            Self::Sha384 => aws::RSA_PSS_2048_8192_SHA384,
            Self::Sha512 => aws::RSA_PSS_2048_8192_SHA512,
        }
    }
}

/// A signature scheme with its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    RsaPkcs1(Hash),
    RsaPss {
        hash: Hash,
        /// Length in octets.
        salt: u16,
    },
    Ecdsa(Hash),
    Ed25519,
    MlDsa44,
    MlDsa65,
    MlDsa87,
}

impl Scheme {
    /// The scheme that keys of this kind nearly always use, and CA keys always.
    pub(super) fn of_kind(kind: KeyKind) -> Self {
        match kind {
            KeyKind::Rsa { .. } => Self::RsaPkcs1(Hash::Sha256),
            KeyKind::P256 => Self::Ecdsa(Hash::Sha256),
            KeyKind::P384 => Self::Ecdsa(Hash::Sha384),
            KeyKind::P521 => Self::Ecdsa(Hash::Sha512),
            KeyKind::Ed25519 => Self::Ed25519,
            KeyKind::MlDsa44 => Self::MlDsa44,
            KeyKind::MlDsa65 => Self::MlDsa65,
            KeyKind::MlDsa87 => Self::MlDsa87,
        }
    }

    /// The scheme of an AlgorithmIdentifier other than PSS, if the parameters are as required; `None` if it is not
    /// accepted.
    fn of_identifier(identifier: &AlgorithmIdentifierRef<'_>) -> Option<Self> {
        let parameters = identifier.parameters;
        match identifier.oid {
            rfc5912::SHA_256_WITH_RSA_ENCRYPTION => null_or_absent(parameters, Self::RsaPkcs1(Hash::Sha256)),
            rfc5912::SHA_384_WITH_RSA_ENCRYPTION => null_or_absent(parameters, Self::RsaPkcs1(Hash::Sha384)),
            rfc5912::SHA_512_WITH_RSA_ENCRYPTION => null_or_absent(parameters, Self::RsaPkcs1(Hash::Sha512)),
            rfc5912::ECDSA_WITH_SHA_256 => absent(parameters, Self::Ecdsa(Hash::Sha256)),
            rfc5912::ECDSA_WITH_SHA_384 => absent(parameters, Self::Ecdsa(Hash::Sha384)),
            rfc5912::ECDSA_WITH_SHA_512 => absent(parameters, Self::Ecdsa(Hash::Sha512)),
            rfc8410::ID_ED_25519 => absent(parameters, Self::Ed25519),
            fips204::ID_ML_DSA_44 => absent(parameters, Self::MlDsa44),
            fips204::ID_ML_DSA_65 => absent(parameters, Self::MlDsa65),
            fips204::ID_ML_DSA_87 => absent(parameters, Self::MlDsa87),
            _ => None,
        }
    }

    /// The verification algorithm for this scheme and a key of that kind; `None` if they do not match, or for PSS,
    /// whose salt length is only known with the signature.
    pub(super) fn algorithm_for(self, kind: KeyKind) -> Option<&'static dyn VerificationAlgorithm> {
        Some(match (kind, self) {
            (KeyKind::Rsa { bits: 0..=2047 }, Self::RsaPkcs1(Hash::Sha256)) => {
                &aws::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY
            }
            (KeyKind::Rsa { bits: 0..=2047 }, Self::RsaPkcs1(Hash::Sha512)) => {
                &aws::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY
            }
            (KeyKind::Rsa { bits: 0..=2047 }, _) => return None,
            (KeyKind::Rsa { .. }, Self::RsaPkcs1(Hash::Sha256)) => &aws::RSA_PKCS1_2048_8192_SHA256,
            (KeyKind::Rsa { .. }, Self::RsaPkcs1(Hash::Sha384)) => &aws::RSA_PKCS1_2048_8192_SHA384,
            (KeyKind::Rsa { .. }, Self::RsaPkcs1(Hash::Sha512)) => &aws::RSA_PKCS1_2048_8192_SHA512,
            (KeyKind::P256, Self::Ecdsa(Hash::Sha256)) => &aws::ECDSA_P256_SHA256_ASN1,
            (KeyKind::P256, Self::Ecdsa(Hash::Sha384)) => &aws::ECDSA_P256_SHA384_ASN1,
            (KeyKind::P256, Self::Ecdsa(Hash::Sha512)) => &aws::ECDSA_P256_SHA512_ASN1,
            (KeyKind::P384, Self::Ecdsa(Hash::Sha256)) => &aws::ECDSA_P384_SHA256_ASN1,
            (KeyKind::P384, Self::Ecdsa(Hash::Sha384)) => &aws::ECDSA_P384_SHA384_ASN1,
            (KeyKind::P384, Self::Ecdsa(Hash::Sha512)) => &aws::ECDSA_P384_SHA512_ASN1,
            (KeyKind::P521, Self::Ecdsa(Hash::Sha256)) => &aws::ECDSA_P521_SHA256_ASN1,
            (KeyKind::P521, Self::Ecdsa(Hash::Sha384)) => &aws::ECDSA_P521_SHA384_ASN1,
            (KeyKind::P521, Self::Ecdsa(Hash::Sha512)) => &aws::ECDSA_P521_SHA512_ASN1,
            (KeyKind::Ed25519, Self::Ed25519) => &aws::ED25519,
            (KeyKind::MlDsa44, Self::MlDsa44) => &aws::ML_DSA_44,
            (KeyKind::MlDsa65, Self::MlDsa65) => &aws::ML_DSA_65,
            (KeyKind::MlDsa87, Self::MlDsa87) => &aws::ML_DSA_87,
            _ => return None,
        })
    }
}

fn absent(parameters: Option<AnyRef<'_>>, scheme: Scheme) -> Option<Scheme> {
    parameters.is_none().then_some(scheme)
}

/// RFC 4055 section 5: NULL must be sent, and absent parameters be accepted as well.
fn null_or_absent(parameters: Option<AnyRef<'_>>, scheme: Scheme) -> Option<Scheme> {
    parameters.is_none_or(AnyRef::is_null).then_some(scheme)
}

/// RSASSA-PSS-params (RFC 4055 section 3.1). The defaults of the first three fields are for SHA-1; the trailer field
/// has only one value.
#[derive(Sequence)]
struct PssParameters<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifierRef<'a>>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<AlgorithmIdentifierRef<'a>>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    salt_octets: Option<u32>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    trailer: Option<u8>,
}

/// PSS with the hash in the parameters, if the mask uses it too and the salt is at least as long as a digest. By
/// default OpenSSL uses the longest salt that fits.
fn pss(parameters: Option<AnyRef<'_>>) -> Option<Scheme> {
    let parameters: PssParameters<'_> = parameters?.decode_as().ok()?;
    let (hash, octets) = hash_of(&parameters.hash?)?;
    let mask = parameters.mask.filter(|mask| mask.oid == rfc5912::ID_MGF_1)?;
    let mask_hash: AlgorithmIdentifierRef<'_> = mask.parameters?.decode_as().ok()?;
    let salt = u16::try_from(parameters.salt_octets?).ok()?;
    let fits =
        hash_of(&mask_hash)?.0 == hash && salt >= octets && parameters.trailer.is_none_or(|trailer| trailer == 1);
    fits.then_some(Scheme::RsaPss { hash, salt })
}

/// A hash and the length of its digests in octets. RFC 4055 section 2.1: NULL and absent parameters are equivalent.
fn hash_of(identifier: &AlgorithmIdentifierRef<'_>) -> Option<(Hash, u16)> {
    if !identifier.parameters.is_none_or(AnyRef::is_null) {
        return None;
    }
    match identifier.oid {
        rfc5912::ID_SHA_256 => Some((Hash::Sha256, 32)),
        rfc5912::ID_SHA_384 => Some((Hash::Sha384, 48)),
        rfc5912::ID_SHA_512 => Some((Hash::Sha512, 64)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
