//! Certificates: a template becomes a TBSCertificate, and a signature completes it; and parsing.

mod build;
mod constraints;
pub mod issuer;
mod key_usage;
mod oid;
mod parse;
pub mod template;
mod trust_anchor;

use std::ops::Range;

use const_oid::ObjectIdentifier;

use crate::algorithm::{CaKeyAlgorithm, SigningInput};
use crate::extension::{CustomExtension, RESERVED};
use crate::key::ca::{CaPublicKey, SigningHasher};
use crate::key::{KeyError, KeyIdentifier, SubjectPublicKey};
use crate::name::Name;
use crate::pem::{self, PemError};
use crate::san::AltName;
use crate::serial::Serial;
use crate::time::UnixTime;
use crate::tlv::{Writer, tag};

pub use constraints::{NameConstraints, Subtree};
pub use issuer::Issuer;
pub use key_usage::KeyUsage;
pub use template::{CertificateTemplate, TemplateError};

/// The DER of a TBSCertificate, and the algorithm of the key that will sign it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TbsCertificate {
    der: Vec<u8>,
    signed_by: CaKeyAlgorithm,
}

impl TbsCertificate {
    /// Octets recorded earlier as a TBSCertificate, to be signed again by a key of the same algorithm. They are
    /// unchecked until [`read`](Self::read) parses them.
    pub fn from_der(der: Vec<u8>, signed_by: CaKeyAlgorithm) -> Self {
        Self { der, signed_by }
    }

    /// Parses it: one whole TBSCertificate of this algorithm, without leading or trailing octets. Recorded octets may
    /// only be signed if this succeeds.
    pub fn read(&self) -> Result<Certificate, CertificateError> {
        let certificate = Certificate::from_der(self.assemble(&[]))?;
        // An outer parser finds its own end: octets after the TBSCertificate could be taken for the following fields.
        if certificate.tbs_der() != self.der {
            return Err(CertificateError::Malformed {
                detail: "there is trailing data after its TBSCertificate",
            });
        }
        Ok(certificate)
    }

    /// The DER that is hashed and signed.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// The input for the signature of the CA key `issuer`.
    pub fn signing_input(&self, issuer: &CaPublicKey) -> SigningInput {
        let mut hasher = SigningHasher::new(issuer);
        hasher.update(&self.der);
        hasher.finish()
    }

    /// The DER Certificate with that signature, which is not verified.
    pub fn assemble(&self, signature: &[u8]) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.der.len() + signature.len() + 64);
        writer.nested(tag::SEQUENCE, |certificate| {
            certificate.raw(&self.der);
            certificate.raw(self.signed_by.signature_algorithm_der());
            certificate.nested(tag::BIT_STRING, |bits| {
                bits.raw(&[0]);
                bits.raw(signature);
            });
        });
        writer.finish()
    }
}

/// A parsed certificate, with the fields that the authority, the server and the command line need.
#[derive(Clone, Debug)]
pub struct Certificate {
    der: Vec<u8>,
    parts: parse::Parts,
}

/// Why bytes are not a certificate, or not one for the requested use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Neither DER nor PEM labelled CERTIFICATE.
    #[error("this is not a certificate, which is X.509 in PEM or DER: {why}")]
    NotACertificate {
        /// What is wrong, as far as it can be determined.
        why: PemError,
    },
    /// Not the structure of RFC 5280.
    #[error("the certificate is malformed: {detail}")]
    Malformed {
        /// What is wrong.
        detail: &'static str,
    },
    /// Not a CA's certificate, though one is needed.
    #[error("the certificate cannot issue others: {detail}")]
    NotACa {
        /// The missing property.
        detail: &'static str,
    },
    /// Not a root, though a trust anchor is needed.
    #[error("the certificate is no root to be trusted: {detail}")]
    NotATrustAnchor {
        /// The missing property.
        detail: &'static str,
    },
    /// A CA's certificate with a key of an algorithm that is not supported for CAs.
    #[error("the CA certificate's key cannot be used: {0}")]
    CaKey(#[source] KeyError),
}

/// An extension as encoded in a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawExtension<'a> {
    /// extnID.
    pub oid: ObjectIdentifier,
    /// Whether it is critical.
    pub critical: bool,
    /// The content of extnValue.
    pub value: &'a [u8],
}

/// basicConstraints (RFC 5280 section 4.2.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    /// Whether the subject is a CA.
    pub ca: bool,
    /// Most CA certificates that may follow below; numbers above 255, which no path reaches, are read as 255.
    pub path_len: Option<u8>,
}

impl Certificate {
    /// Longest DER certificate that is parsed, in octets.
    pub const MAX_OCTETS: usize = 1 << 20;

    /// RFC 7468 section 5: the label, and an obsolete one that parsers may accept.
    pub const PEM_LABELS: [&str; 2] = ["CERTIFICATE", "X509 CERTIFICATE"];

    /// Parses one certificate, DER or PEM; other blocks of a PEM file are skipped.
    ///
    /// Strict where ambiguity would be dangerous (lengths, duplicate extensions, two different signature algorithms),
    /// lenient where old certificates are merely untidy (an explicit FALSE, a PrintableString with other characters).
    /// Serial numbers must be positive and of at most 20 octets. The signature is not verified.
    pub fn parse(input: &[u8]) -> Result<Self, CertificateError> {
        if pem::is_pem(input) {
            return Self::parse_pem(input);
        }
        Self::from_der(input.to_vec())
    }

    fn parse_pem(input: &[u8]) -> Result<Self, CertificateError> {
        if input.len() > 2 * Self::MAX_OCTETS {
            return Err(parse::TOO_LARGE);
        }
        let mut blocks =
            pem::decode(input, &Self::PEM_LABELS).map_err(|why| CertificateError::NotACertificate { why })?;
        Self::from_der(blocks.swap_remove(0).der)
    }

    /// Parses every certificate of a file, in order, at least one: PEM with other blocks among them, or the DER of one.
    pub fn parse_all(input: &[u8]) -> Result<Vec<Self>, CertificateError> {
        if !pem::is_pem(input) {
            return Self::from_der(input.to_vec()).map(|only| vec![only]);
        }
        let blocks = pem::decode(input, &Self::PEM_LABELS).map_err(|why| CertificateError::NotACertificate { why })?;
        blocks.into_iter().map(|block| Self::from_der(block.der)).collect()
    }

    fn from_der(der: Vec<u8>) -> Result<Self, CertificateError> {
        let parts = parse::certificate(&der)?;
        Ok(Self { der, parts })
    }

    /// The DER.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// PEM with a final newline.
    pub fn to_pem(&self) -> String {
        pem::encode("CERTIFICATE", &self.der)
    }

    /// The serial number.
    pub fn serial(&self) -> Serial {
        self.parts.serial
    }

    /// The subject.
    pub fn subject(&self) -> &Name {
        &self.parts.subject
    }

    /// The issuer.
    pub fn issuer(&self) -> &Name {
        &self.parts.issuer
    }

    /// Valid from.
    pub fn not_before(&self) -> UnixTime {
        self.parts.not_before
    }

    /// Valid to, inclusive.
    pub fn not_after(&self) -> UnixTime {
        self.parts.not_after
    }

    /// The DER SubjectPublicKeyInfo, of any algorithm.
    pub fn spki_der(&self) -> &[u8] {
        self.slice(&self.parts.spki)
    }

    /// The key, if it is of a supported kind.
    pub fn public_key(&self) -> Result<SubjectPublicKey, KeyError> {
        SubjectPublicKey::from_der(self.spki_der())
    }

    /// subjectKeyIdentifier.
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        self.parts
            .subject_key_identifier
            .as_ref()
            .map(|range| self.slice(range))
    }

    /// authorityKeyIdentifier's keyIdentifier.
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        self.parts
            .authority_key_identifier
            .as_ref()
            .map(|range| self.slice(range))
    }

    /// basicConstraints.
    pub fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.parts.basic_constraints
    }

    /// keyUsage.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.parts.key_usage
    }

    /// extKeyUsage, in order.
    pub fn extended_key_usages(&self) -> &[ObjectIdentifier] {
        &self.parts.extended_key_usages
    }

    /// subjectAltName; names of unsupported types are left out.
    pub fn alt_names(&self) -> &[AltName] {
        &self.parts.alt_names
    }

    /// nameConstraints; subtrees of unsupported types are left out.
    pub fn name_constraints(&self) -> Result<Option<NameConstraints>, CertificateError> {
        let extension = self.extension(&oid::NAME_CONSTRAINTS);
        extension
            .map(|extension| constraints::from_der(extension.value))
            .transpose()
    }

    /// Whether its name constraints are read as a whole: what names are of a kind that [`NameConstraints`] does not have, and
    /// would be lost if they were written again. `true` where it has none.
    pub fn has_whole_name_constraints(&self) -> bool {
        let Some(extension) = self
            .extensions()
            .find(|extension| extension.oid == oid::NAME_CONSTRAINTS)
        else {
            return true;
        };
        let Ok(Some(constraints)) = self.name_constraints() else {
            return false;
        };
        let mut written = Writer::with_capacity(extension.value.len());
        constraints::write(&mut written, &constraints);
        written.finish() == extension.value
    }

    /// certificatePolicies, without their qualifiers.
    pub fn policies(&self) -> Result<Vec<ObjectIdentifier>, CertificateError> {
        self.extension(&oid::CERTIFICATE_POLICIES)
            .map_or(Ok(Vec::new()), |extension| parse::policies(extension.value))
    }

    /// The URLs in cRLDistributionPoints.
    pub fn crl_distribution_points(&self) -> Result<Vec<String>, CertificateError> {
        let extension = self.extension(&oid::CRL_DISTRIBUTION_POINTS);
        extension.map_or(Ok(Vec::new()), |extension| parse::distribution_points(extension.value))
    }

    /// The caIssuers URLs in authorityInfoAccess.
    pub fn ca_issuers(&self) -> Result<Vec<String>, CertificateError> {
        self.authority_information(&oid::CA_ISSUERS)
    }

    /// The OCSP URLs in authorityInfoAccess.
    pub fn ocsp(&self) -> Result<Vec<String>, CertificateError> {
        self.authority_information(&oid::OCSP)
    }

    fn authority_information(&self, method: &ObjectIdentifier) -> Result<Vec<String>, CertificateError> {
        let extension = self.extension(&oid::AUTHORITY_INFO_ACCESS);
        extension.map_or(Ok(Vec::new()), |extension| {
            parse::access_locations(extension.value, method)
        })
    }

    /// Every extension, in order.
    pub fn extensions(&self) -> impl Iterator<Item = RawExtension<'_>> {
        self.parts.extensions.iter().map(|extension| RawExtension {
            oid: extension.oid,
            critical: extension.critical,
            value: self.slice(&extension.value),
        })
    }

    fn extension(&self, oid: &ObjectIdentifier) -> Option<RawExtension<'_>> {
        self.extensions().find(|extension| extension.oid == *oid)
    }

    /// The extensions that are neither in [`RESERVED`] nor nameConstraints, in order: those that a requester set.
    pub fn custom_extensions(&self) -> Vec<CustomExtension> {
        self.extensions()
            .filter(|extension| !RESERVED.contains(&extension.oid) && extension.oid != oid::NAME_CONSTRAINTS)
            .map(|extension| CustomExtension::read_back(extension.oid, extension.critical, extension.value.to_vec()))
            .collect()
    }

    /// The DER TBSCertificate.
    pub fn tbs_der(&self) -> &[u8] {
        self.slice(&self.parts.tbs)
    }

    /// The object identifier of the signature's algorithm.
    pub fn signature_algorithm(&self) -> ObjectIdentifier {
        self.parts.signature_algorithm_oid
    }

    /// The signature's octets.
    pub fn signature(&self) -> &[u8] {
        self.slice(&self.parts.signature)
    }

    /// Whether `issuer`'s key made the signature, with the algorithm that CAs here use for such a key (names are not
    /// compared).
    pub fn is_signed_by(&self, issuer: &CaPublicKey) -> bool {
        if self.slice(&self.parts.signature_algorithm) != issuer.algorithm().signature_algorithm_der() {
            return false;
        }
        let mut hasher = SigningHasher::new(issuer);
        hasher.update(self.tbs_der());
        issuer.verify(&hasher.finish(), self.signature()).is_ok()
    }

    /// Whether `issuer`'s key made the signature in whatever way: see [`CaPublicKey::signed_in_any_way`].
    pub fn is_signed_in_any_way_by(&self, issuer: &CaPublicKey) -> bool {
        self.is_signed_by(issuer) || issuer.signed_in_any_way(self.tbs_der(), self.signature())
    }

    /// Identifier of the key: the SKI if it has 20 octets, else the SHA-1 of the key's bits.
    ///
    /// The AKI of an issued certificate is a copy of [`subject_key_identifier`](Self::subject_key_identifier), of any
    /// length; only without one is it computed.
    pub fn key_identifier(&self) -> KeyIdentifier {
        match self.subject_key_identifier().map(<[u8; 20]>::try_from) {
            Some(Ok(octets)) => KeyIdentifier(octets),
            _ => parse::key_identifier(self.spki_der()),
        }
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        &self.der[range.clone()]
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
