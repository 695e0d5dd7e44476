//! Parses SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).

use std::sync::{Arc, OnceLock};

use aws_lc_rs::signature::ParsedPublicKey;
use const_oid::db::{fips204, rfc5912, rfc8410};
use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Tagged};
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use super::rsa::RsaPublicKey;
use super::verify::Scheme;
use super::{KeyError, KeyKind, Parsed, SubjectPublicKey};

pub(super) fn parse(der: &[u8]) -> Result<SubjectPublicKey, KeyError> {
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| KeyError::Malformed)?;
    let bits = info.subject_public_key.as_bytes().ok_or(KeyError::Malformed)?;
    let kind = kind_of(&info.algorithm, bits)?;
    // Of the two encodings that the parser accepts, the one that it tries first.
    let encoding = if matches!(kind, KeyKind::Rsa { .. }) { bits } else { der };
    let algorithm = Scheme::of_kind(kind).algorithm_for(kind).ok_or(KeyError::Malformed)?;
    let verifier = ParsedPublicKey::new(algorithm, encoding).map_err(|_| KeyError::Malformed)?;
    Ok(SubjectPublicKey(Arc::new(Parsed {
        der: der.into(),
        // The BIT STRING is the last field.
        key_bits: der.len() - bits.len()..der.len(),
        kind,
        verifier,
        fingerprint: OnceLock::new(),
    })))
}

/// The kind for algorithm and parameters, if `bits` have its form.
fn kind_of(algorithm: &AlgorithmIdentifierRef<'_>, bits: &[u8]) -> Result<KeyKind, KeyError> {
    match algorithm.oid {
        rfc5912::RSA_ENCRYPTION => {
            // RFC 3279 section 2.3.1: the parameters are NULL, never absent.
            if !algorithm.parameters.is_some_and(AnyRef::is_null) {
                return Err(KeyError::RsaParameters);
            }
            let bits = RsaPublicKey::from_der(bits)?.bits();
            Ok(KeyKind::Rsa { bits })
        }
        rfc5912::ID_EC_PUBLIC_KEY => {
            let parameters = algorithm.parameters.ok_or(KeyError::Malformed)?;
            // RFC 5480 section 2.1.1: named curves only, no explicit parameters.
            if parameters.tag() == der::Tag::Sequence {
                return Err(KeyError::ExplicitCurve);
            }
            let curve = parameters
                .decode_as::<ObjectIdentifier>()
                .map_err(|_| KeyError::Malformed)?;
            let (kind, field_octets) = match curve {
                rfc5912::SECP_256_R_1 => (KeyKind::P256, 32),
                rfc5912::SECP_384_R_1 => (KeyKind::P384, 48),
                rfc5912::SECP_521_R_1 => (KeyKind::P521, 66),
                other => return Err(KeyError::UnsupportedAlgorithm { oid: other.to_string() }),
            };
            match bits.first() {
                Some(4) if bits.len() == 1 + 2 * field_octets => Ok(kind),
                Some(2 | 3) if bits.len() == 1 + field_octets => Err(KeyError::CompressedPoint),
                _ => Err(KeyError::Malformed),
            }
        }
        rfc5912::ID_RSASSA_PSS => Err(KeyError::RsaPss),
        oid => {
            let (kind, octets) = match oid {
                rfc8410::ID_ED_25519 => (KeyKind::Ed25519, 32),
                fips204::ID_ML_DSA_44 => (KeyKind::MlDsa44, 1312),
                fips204::ID_ML_DSA_65 => (KeyKind::MlDsa65, 1952),
                fips204::ID_ML_DSA_87 => (KeyKind::MlDsa87, 2592),
                other => return Err(KeyError::UnsupportedAlgorithm { oid: other.to_string() }),
            };
            // RFC 8410 section 3 and RFC 9881 section 2: parameters are absent.
            if algorithm.parameters.is_some() || bits.len() != octets {
                return Err(KeyError::Malformed);
            }
            Ok(kind)
        }
    }
}

#[cfg(test)]
mod tests;
