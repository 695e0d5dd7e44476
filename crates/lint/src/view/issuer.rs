//! A CA's certificate, parsed once for all that it issues.

use sha1::{Digest, Sha1};

use super::algorithm::Algorithm;
use super::certificate::Certificate;
use super::der::Malformed;
use super::extension::{KeyUsage, NameConstraints};
use super::oid;
use super::public_key::Family;

/// The fields of a CA's certificate that rules compare with, independent of its bytes. Parsed once, cheap to keep.
#[derive(Clone, Debug)]
pub struct IssuerView {
    /// The DER subject.
    pub(crate) subject: Vec<u8>,
    /// The SKI; without one, the SHA-1 of the key.
    pub(crate) key_identifier: Vec<u8>,
    /// notAfter in seconds since 1970; `None` if it is malformed.
    pub(crate) not_after: Option<i64>,
    /// notAfter as encoded.
    pub(crate) not_after_text: Vec<u8>,
    pub(crate) is_ca: bool,
    pub(crate) path_len: Option<u32>,
    key_usage: Option<KeyUsage>,
    key_family: Family,
    name_constraints: Option<Vec<u8>>,
}

/// Why a CA's certificate cannot be used for comparison.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the CA's certificate is malformed: {detail}; give the DER of an X.509 certificate")]
pub struct IssuerError {
    /// What is wrong.
    pub detail: &'static str,
}

impl From<Malformed> for IssuerError {
    fn from(malformed: Malformed) -> Self {
        Self { detail: malformed.0 }
    }
}

impl IssuerView {
    /// Parses the DER of a CA's certificate. Whether it is valid is up to linting it.
    pub fn parse(der: &[u8]) -> Result<Self, IssuerError> {
        let certificate = Certificate::parse(der)?;
        let known = &certificate.known;
        let key_identifier = known.subject_key_identifier.value;
        Ok(Self {
            subject: certificate.subject.der.to_vec(),
            key_identifier: key_identifier
                .map_or_else(|| Sha1::digest(certificate.public_key.key).to_vec(), <[u8]>::to_vec),
            not_after: certificate.not_after.seconds,
            not_after_text: certificate.not_after.text.to_vec(),
            is_ca: certificate.is_ca(),
            path_len: known
                .basic_constraints
                .value
                .and_then(|constraints| constraints.path_len),
            key_usage: known.key_usage.value,
            key_family: certificate.public_key.family,
            name_constraints: known.name_constraints_der.map(<[u8]>::to_vec),
        })
    }

    /// Whether keyUsage allows any of these bits; `true` without keyUsage.
    pub(crate) fn may(&self, usage: u16) -> bool {
        self.key_usage.is_none_or(|allowed| allowed.any(usage))
    }

    /// Whether the key can make signatures of that algorithm.
    pub(crate) fn signs_with(&self, algorithm: &Algorithm<'_>) -> bool {
        match algorithm.oid {
            oid::SHA224_WITH_RSA
            | oid::SHA256_WITH_RSA
            | oid::SHA384_WITH_RSA
            | oid::SHA512_WITH_RSA
            | oid::SHA1_WITH_RSA
            | oid::MD5_WITH_RSA
            | oid::MD2_WITH_RSA
            | oid::RSASSA_PSS => self.key_family == Family::Rsa,
            oid::ECDSA_WITH_SHA1
            | oid::ECDSA_WITH_SHA224
            | oid::ECDSA_WITH_SHA256
            | oid::ECDSA_WITH_SHA384
            | oid::ECDSA_WITH_SHA512 => {
                matches!(
                    self.key_family,
                    Family::P256 | Family::P384 | Family::P521 | Family::OtherEc
                )
            }
            oid::ED25519 | oid::ED448 => self.key_family == Family::Edwards,
            oid::ML_DSA_44 => self.key_family == Family::MlDsa44,
            oid::ML_DSA_65 => self.key_family == Family::MlDsa65,
            oid::ML_DSA_87 => self.key_family == Family::MlDsa87,
            _ => true,
        }
    }

    /// The CA's name constraints, if they are present and well-formed.
    pub(crate) fn name_constraints(&self) -> Option<NameConstraints<'_>> {
        NameConstraints::parse(self.name_constraints.as_deref()?).ok()
    }
}
