//! Certification requests (PKCS #10, RFC 2986), parsed within a work budget.

use crate::key::{KeyError, SubjectPublicKey};
use crate::name::Name;

/// Limits on a request from outside; each is checked before the work it bounds.
#[derive(Clone, Copy, Debug)]
pub struct CsrBudget {
    /// Octets, PEM or DER, at most.
    pub octets: usize,
    /// Attributes in the subject at most.
    pub subject_attributes: usize,
    /// Extensions requested at most.
    pub extensions: usize,
    /// Names in the requested subjectAltName at most.
    pub alt_names: usize,
}

/// A request whose signature verified with the key that it carries.
#[derive(Clone, Debug)]
pub struct CertificationRequest {
    // H1 designs the fields
    der: Vec<u8>,
    subject: Name,
    public_key: SubjectPublicKey,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrError {
    /// Over the budget.
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
    #[error("this is not a CSR: expected PKCS #10 in PEM or DER")]
    NotACsr,
    /// Not DER, or not the structure of RFC 2986.
    #[error("the CSR is malformed: {detail}")]
    Malformed {
        /// What was wrong, in words fit to be shown.
        detail: &'static str,
    },
    /// An extension requested twice.
    #[error("the CSR asks for extension {oid} twice")]
    DuplicateExtension {
        /// Its object identifier.
        oid: String,
    },
    /// The public key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A signature algorithm that proves nothing (MD5, SHA-1) or does not fit the key.
    #[error("the CSR is signed with {oid}, which is not accepted for its key; use SHA-256 or better")]
    SignatureAlgorithm {
        /// Its object identifier.
        oid: String,
    },
    /// The signature does not verify: whoever asks has not shown to hold the private key.
    #[error("the CSR's signature does not verify: it was not made with the private key of the public key in it")]
    BadSignature,
}

impl CertificationRequest {
    /// Parses PEM or DER and verifies the signature (proof of possession).
    ///
    /// The key is well-formed but not yet checked against a [`KeyPolicy`](crate::key::policy::KeyPolicy).
    pub fn parse(_input: &[u8], _budget: &CsrBudget) -> Result<Self, CsrError> {
        todo!("H1")
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
}
