//! Certificates: a template becomes a TBSCertificate; a signature makes it whole; and the way back.

pub mod issuer;
pub mod template;

use const_oid::ObjectIdentifier;

use crate::algorithm::{CaKeyAlgorithm, SigningInput};
use crate::key::{KeyIdentifier, SubjectPublicKey};
use crate::name::Name;
use crate::san::AltName;
use crate::serial::Serial;
use crate::time::UnixTime;

pub use issuer::Issuer;
pub use template::{CertificateTemplate, TemplateError};

/// The DER of a TBSCertificate, and what it will be signed by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TbsCertificate {
    // H2 may design the fields
    pub(crate) der: Vec<u8>,
    pub(crate) signed_by: CaKeyAlgorithm,
}

impl TbsCertificate {
    /// A TBSCertificate that was built and recorded earlier, to be signed again by a key of the same algorithm.
    pub fn from_der(der: Vec<u8>, signed_by: CaKeyAlgorithm) -> Self {
        Self { der, signed_by }
    }

    /// The DER that is hashed and signed.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// What the CA key `issuer` signs for it.
    pub fn signing_input(&self, _issuer: &crate::key::ca::CaPublicKey) -> SigningInput {
        todo!("H2")
    }

    /// The DER Certificate with that signature.
    pub fn assemble(&self, _signature: &[u8]) -> Vec<u8> {
        todo!("H2")
    }
}

/// Key usage bits (RFC 5280 section 4.2.1.3), combined with `|`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyUsage(pub u16);

impl KeyUsage {
    /// digitalSignature (0)
    pub const DIGITAL_SIGNATURE: Self = Self(1);
    /// nonRepudiation, contentCommitment (1)
    pub const CONTENT_COMMITMENT: Self = Self(1 << 1);
    /// keyEncipherment (2)
    pub const KEY_ENCIPHERMENT: Self = Self(1 << 2);
    /// dataEncipherment (3)
    pub const DATA_ENCIPHERMENT: Self = Self(1 << 3);
    /// keyAgreement (4)
    pub const KEY_AGREEMENT: Self = Self(1 << 4);
    /// keyCertSign (5)
    pub const KEY_CERT_SIGN: Self = Self(1 << 5);
    /// cRLSign (6)
    pub const CRL_SIGN: Self = Self(1 << 6);
    /// encipherOnly (7)
    pub const ENCIPHER_ONLY: Self = Self(1 << 7);
    /// decipherOnly (8)
    pub const DECIPHER_ONLY: Self = Self(1 << 8);

    /// Whether every bit of `other` is set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for KeyUsage {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A certificate that was read back: the facts that the authority, the server and the command line need.
#[derive(Clone, Debug)]
pub struct Certificate {
    // H2 may design the fields
    der: Vec<u8>,
}

/// Why bytes are no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Neither DER nor PEM labelled CERTIFICATE.
    #[error("this is not a certificate: expected X.509 in PEM or DER")]
    NotACertificate,
    /// Not the structure of RFC 5280.
    #[error("the certificate is malformed: {detail}")]
    Malformed {
        /// What was wrong.
        detail: &'static str,
    },
}

/// basicConstraints (RFC 5280 section 4.2.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    /// Whether the subject is a CA.
    pub ca: bool,
    /// CA certificates that may follow below, at most.
    pub path_len: Option<u8>,
}

impl Certificate {
    /// Parses one certificate, DER or PEM.
    pub fn parse(_input: &[u8]) -> Result<Self, CertificateError> {
        todo!("H2")
    }

    /// The DER.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// PEM with a final newline.
    pub fn to_pem(&self) -> String {
        crate::pem::encode("CERTIFICATE", &self.der)
    }

    /// The serial number.
    pub fn serial(&self) -> Serial {
        todo!("H2")
    }

    /// The subject.
    pub fn subject(&self) -> &Name {
        todo!("H2")
    }

    /// The issuer.
    pub fn issuer(&self) -> &Name {
        todo!("H2")
    }

    /// Valid from.
    pub fn not_before(&self) -> UnixTime {
        todo!("H2")
    }

    /// Valid to, inclusive.
    pub fn not_after(&self) -> UnixTime {
        todo!("H2")
    }

    /// The DER SubjectPublicKeyInfo, of any algorithm.
    pub fn spki_der(&self) -> &[u8] {
        todo!("H2")
    }

    /// The key, where it is of a supported kind.
    pub fn public_key(&self) -> Result<SubjectPublicKey, crate::key::KeyError> {
        SubjectPublicKey::from_der(self.spki_der())
    }

    /// subjectKeyIdentifier.
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        todo!("H2")
    }

    /// authorityKeyIdentifier's keyIdentifier.
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        todo!("H2")
    }

    /// basicConstraints.
    pub fn basic_constraints(&self) -> Option<BasicConstraints> {
        todo!("H2")
    }

    /// keyUsage.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        todo!("H2")
    }

    /// extKeyUsage, in order.
    pub fn extended_key_usages(&self) -> &[ObjectIdentifier] {
        todo!("H2")
    }

    /// subjectAltName; names of types not known here are left out.
    pub fn alt_names(&self) -> &[AltName] {
        todo!("H2")
    }

    /// The extensions that are not among [`RESERVED`](crate::extension::RESERVED), in order: what a requester set.
    pub fn custom_extensions(&self) -> Vec<crate::extension::CustomExtension> {
        todo!("H2")
    }

    /// The DER TBSCertificate.
    pub fn tbs_der(&self) -> &[u8] {
        todo!("H2")
    }

    /// The signature's octets.
    pub fn signature(&self) -> &[u8] {
        todo!("H2")
    }

    /// Whether `issuer`'s key made the signature (names are not compared).
    pub fn is_signed_by(&self, _issuer: &crate::key::ca::CaPublicKey) -> bool {
        todo!("H2")
    }

    /// Identifier of the key, for AKIs of what it signs: the SKI if there is one, else the SHA-1 of the key's bits.
    pub fn key_identifier(&self) -> KeyIdentifier {
        todo!("H2")
    }
}
