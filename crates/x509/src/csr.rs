//! Certification requests (PKCS #10, RFC 2986), parsed within a work budget.

pub mod builder;
mod structure;

use std::borrow::Cow;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::ID_CE_SUBJECT_ALT_NAME;

use crate::key::verify::{self, PSS_ADVICE, VerifyError};
use crate::key::{KeyError, SubjectPublicKey};
use crate::name::Name;
use crate::pem::{self, PemError};
use crate::san::{self, AltName};
use crate::tlv::tag;

pub use crate::san::RequestedName;

/// Limits on an untrusted request; each is checked before the work that it bounds.
///
/// The default suffices for every legitimate request: the longest keys and signatures (ML-DSA-87) take 7.5 KB of its 32
/// KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsrBudget {
    /// Most octets of DER. PEM, with the text that some tools put before it, may have twice as many and 4 KiB.
    pub octets: usize,
    /// Most attributes in the subject.
    pub subject_attributes: usize,
    /// Most requested extensions.
    pub extensions: usize,
    /// Most names in the requested subjectAltName.
    pub alt_names: usize,
}

impl Default for CsrBudget {
    fn default() -> Self {
        Self {
            octets: 32 * 1024,
            subject_attributes: 64,
            extensions: 64,
            alt_names: 256,
        }
    }
}

/// A request whose signature was verified with its own public key.
#[derive(Clone, Debug)]
pub struct CertificationRequest {
    der: Vec<u8>,
    subject: Name,
    public_key: SubjectPublicKey,
    signature_algorithm: ObjectIdentifier,
    extensions: Vec<RequestedExtension>,
}

/// An extension that a request contains (RFC 2985 section 5.4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedExtension {
    /// extnID.
    pub oid: ObjectIdentifier,
    /// Whether it is requested as critical.
    pub critical: bool,
    /// The content of extnValue, unchecked.
    pub value: Vec<u8>,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrError {
    /// A limit of the budget is exceeded.
    #[error("the CSR has {actual} {what}, at most {limit} are taken")]
    OverBudget {
        /// What was counted: `octets`, `subject attributes`, `extensions`, `alternative names`.
        what: &'static str,
        /// The count.
        actual: usize,
        /// The limit.
        limit: usize,
    },
    /// Neither DER nor PEM labelled CERTIFICATE REQUEST (or NEW CERTIFICATE REQUEST).
    #[error("this is not a CSR, which is PKCS #10 in PEM or DER: {why}")]
    NotACsr {
        /// What is wrong, as far as it can be determined.
        why: PemError,
    },
    /// Not DER, or not the structure of RFC 2986.
    #[error("the CSR is malformed: {detail}")]
    Malformed {
        /// What is wrong, as text that may be shown to the requester.
        detail: &'static str,
    },
    /// An extension that is requested twice.
    #[error("the CSR asks for extension {oid} twice")]
    DuplicateExtension {
        /// Its object identifier.
        oid: String,
    },
    /// The public key is invalid or not supported.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A signature algorithm that is insecure (MD5, SHA-1) or does not match the key.
    #[error("the CSR is signed with {oid}, which is not accepted for its key; use SHA-256 or better")]
    SignatureAlgorithm {
        /// Its object identifier.
        oid: String,
    },
    /// RSA-PSS with an obsolete hash, with two hashes, or with a salt that is too short.
    #[error("the CSR is signed by RSA-PSS with parameters that are not accepted; {PSS_ADVICE}")]
    PssParameters,
    /// The signature does not verify: the requester has not proved possession of the private key.
    #[error("the CSR's signature does not verify: it was not made with the private key of the public key in it")]
    BadSignature,
}

impl CertificationRequest {
    /// Parses PEM or DER and verifies the signature (proof of possession).
    ///
    /// PEM may have text and other blocks around it, but only one request.
    /// The key is well-formed but not yet checked against a [`KeyPolicy`](crate::key::policy::KeyPolicy).
    pub fn parse(input: &[u8], budget: &CsrBudget) -> Result<Self, CsrError> {
        let der = budget.der(input)?;
        let request = structure::read(&der, budget)?;

        let public_key = SubjectPublicKey::from_der(request.public_key)?;
        verify::verify(
            &public_key,
            request.signature_algorithm,
            request.info,
            request.signature,
        )?;

        let subject = Name::from_der(request.subject).map_err(|_| CsrError::Malformed {
            detail: "its subject is not a distinguished name",
        })?;
        let signature_algorithm = request.signature_algorithm_oid;
        let extensions = request.extensions;
        Ok(Self {
            der: der.into_owned(),
            subject,
            public_key,
            signature_algorithm,
            extensions,
        })
    }

    /// The DER.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// The subject as requested.
    pub fn subject(&self) -> &Name {
        &self.subject
    }

    /// The key to be certified.
    pub fn public_key(&self) -> &SubjectPublicKey {
        &self.public_key
    }

    /// The algorithm that the request is signed with.
    pub fn signature_algorithm_oid(&self) -> ObjectIdentifier {
        self.signature_algorithm
    }

    /// The requested extensions, in order; none twice.
    pub fn requested_extensions(&self) -> &[RequestedExtension] {
        &self.extensions
    }

    /// The requested alternative names, without those of unsupported types.
    ///
    /// They are unchecked, and may be invalid for their types: [`AltName::parse`] validates them.
    pub fn requested_alt_names(&self) -> Result<Vec<AltName>, CsrError> {
        let requested = self
            .extensions
            .iter()
            .find(|extension| extension.oid == ID_CE_SUBJECT_ALT_NAME);
        requested.map_or(Ok(Vec::new()), |extension| {
            san::from_der(&extension.value).map_err(|_| CsrError::Malformed {
                detail: structure::BAD_ALT_NAME,
            })
        })
    }
}

impl CertificationRequest {
    /// Every requested alternative name, including those that no certificate here can have.
    pub fn requested_names(&self) -> Result<Vec<RequestedName>, CsrError> {
        let requested = self
            .extensions
            .iter()
            .find(|extension| extension.oid == ID_CE_SUBJECT_ALT_NAME);
        requested.map_or(Ok(Vec::new()), |extension| {
            san::all_from_der(&extension.value).map_err(|_| CsrError::Malformed {
                detail: structure::BAD_ALT_NAME,
            })
        })
    }
}

impl CsrBudget {
    /// The DER of the request in `input`, within the limit on octets.
    fn der<'a>(&self, input: &'a [u8]) -> Result<Cow<'a, [u8]>, CsrError> {
        let pem_octets = self.octets.saturating_mul(2).saturating_add(4096);
        if !pem::is_pem(&input[..input.len().min(pem_octets)]) {
            if input.first() != Some(&tag::SEQUENCE) || pem::line_end_behind_der(input) {
                let why = pem::diagnose(&input[..input.len().min(pem_octets)]);
                return Err(CsrError::NotACsr { why });
            }
            within("octets", input.len(), self.octets)?;
            return Ok(Cow::Borrowed(input));
        }
        within("octets", input.len(), pem_octets)?;
        let mut requests = pem::decode(input, &LABELS).map_err(|why| CsrError::NotACsr { why })?;
        let request = requests.swap_remove(0);
        if !requests.is_empty() {
            return Err(CsrError::Malformed {
                detail: "there is more than one in the file",
            });
        }
        within("octets", request.der.len(), self.octets)?;
        Ok(Cow::Owned(request.der))
    }
}

/// RFC 7468 section 7: the label, and that of old generators (Java's keytool still uses it).
const LABELS: [&str; 2] = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"];

fn within(what: &'static str, actual: usize, limit: usize) -> Result<(), CsrError> {
    if actual <= limit {
        return Ok(());
    }
    Err(CsrError::OverBudget { what, actual, limit })
}

impl From<VerifyError> for CsrError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::MalformedAlgorithm => Self::Malformed {
                detail: "its signature algorithm is not an AlgorithmIdentifier",
            },
            VerifyError::Algorithm { oid, .. } => Self::SignatureAlgorithm { oid },
            VerifyError::PssParameters => Self::PssParameters,
            VerifyError::BadSignature => Self::BadSignature,
        }
    }
}

#[cfg(test)]
mod tests;
