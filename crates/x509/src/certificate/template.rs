//! Everything that decides a certificate, and whether a CA may have it so.

use std::collections::HashSet;

use const_oid::ObjectIdentifier;

use super::{BasicConstraints, Certificate, KeyUsage, constraints, oid};
use crate::extension::{CustomExtension, RESERVED};
use crate::key::SubjectPublicKey;
use crate::name::{Name, NameError};
use crate::san::{self, AltName};
use crate::serial::Serial;
use crate::time::UnixTime;
use crate::tlv::{Writer, tag, time};

pub use super::constraints::{NameConstraints, Subtree};

/// Most octets of a subjectKeyIdentifier: a SHA-512 digest.
const LONGEST_KEY_IDENTIFIER: usize = 64;

/// Everything that decides a certificate, except its issuer.
///
/// The builder adds AKI (copied from the issuer's SKI); extensions are encoded in a fixed order.
#[derive(Clone, Debug)]
pub struct CertificateTemplate {
    /// The serial number.
    pub serial: Serial,
    /// The subject.
    pub subject: Name,
    /// The subject's key.
    pub public_key: SubjectPublicKey,
    /// Valid from.
    pub not_before: UnixTime,
    /// Valid to, inclusive.
    pub not_after: UnixTime,
    /// basicConstraints (critical); `None` leaves the extension out.
    pub basic_constraints: Option<BasicConstraints>,
    /// keyUsage (critical); no bits leave the extension out.
    pub key_usage: KeyUsage,
    /// subjectKeyIdentifier; `None`: the SHA-1 of the key's bits (RFC 5280 section 4.2.1.2, method 1). A further
    /// certificate for a CA has the one that the CA's certificates have already: what the CA issued names it.
    pub subject_key_identifier: Option<Vec<u8>>,
    /// extKeyUsage; empty leaves the extension out.
    pub extended_key_usages: Vec<ObjectIdentifier>,
    /// subjectAltName (critical where the subject is empty); empty leaves the extension out.
    pub alt_names: Vec<AltName>,
    /// certificatePolicies: policy OIDs without qualifiers.
    pub policies: Vec<ObjectIdentifier>,
    /// nameConstraints (critical) for a CA certificate.
    pub name_constraints: Option<NameConstraints>,
    /// cRLDistributionPoints: one distribution point for each URL.
    pub crl_distribution_points: Vec<String>,
    /// authorityInfoAccess caIssuers URLs.
    pub ca_issuers: Vec<String>,
    /// authorityInfoAccess OCSP URLs.
    pub ocsp: Vec<String>,
    /// Custom extensions, in this order, each OID once.
    pub custom_extensions: Vec<CustomExtension>,
}

/// Why a template is not a valid certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The subject is invalid.
    #[error(transparent)]
    Name(#[from] NameError),
    /// notAfter not later than notBefore.
    #[error("the certificate would end ({not_after}) before it begins ({not_before})")]
    Validity {
        /// Valid from.
        not_before: UnixTime,
        /// Valid to.
        not_after: UnixTime,
    },
    /// The issuer's notAfter is earlier.
    #[error("the certificate would end ({not_after}) after its CA ({ca_not_after})")]
    OutlivesCa {
        /// Valid to.
        not_after: UnixTime,
        /// The CA's notAfter.
        ca_not_after: UnixTime,
    },
    /// The issuer's pathLenConstraint does not allow this CA, or only one with a smaller pathLenConstraint.
    #[error("the CA's path length constraint ({path_len}) does not allow this CA certificate")]
    PathLength {
        /// The issuer's pathLenConstraint.
        path_len: u8,
    },
    /// A name outside the issuer's name constraints.
    #[error("{name} is outside the CA's name constraints: {constraint}")]
    NameConstraints {
        /// The name, as text.
        name: String,
        /// The violated constraint, as text.
        constraint: String,
    },
    /// The same custom extension twice.
    #[error("Custom extension OID {oid} is specified more than once")]
    DuplicateExtension {
        /// Its object identifier.
        oid: String,
    },
    /// A value that its extension cannot contain (a URL that is not ASCII, …).
    #[error("{field} is invalid: {detail}")]
    Invalid {
        /// The template's field.
        field: &'static str,
        /// What is wrong.
        detail: &'static str,
    },
}

/// Values computed while checking a template, for encoding it.
pub(super) struct Checked {
    /// The DER Validity.
    pub(super) validity: Vec<u8>,
}

impl CertificateTemplate {
    /// Whether every name is within `constraints` (RFC 5280 section 4.2.1.10): the subject, its e-mail addresses, each
    /// alternative name, and its common names where a verifier treats them as host names.
    pub fn check_name_constraints(&self, constraints: &NameConstraints) -> Result<(), TemplateError> {
        let is_for_servers = |usage| [oid::SERVER_AUTH, oid::ANY_EXTENDED_KEY_USAGE].contains(usage);
        let usages = &self.extended_key_usages;
        let server = !self.is_ca() && (usages.is_empty() || usages.iter().any(is_for_servers));
        constraints::check(constraints, &self.subject, &self.alt_names, server).map_err(|outside| {
            TemplateError::NameConstraints {
                name: outside.name,
                constraint: outside.constraint,
            }
        })
    }

    pub(super) fn is_ca(&self) -> bool {
        self.basic_constraints.is_some_and(|constraints| constraints.ca)
    }

    /// A CA under a path length constraint has a smaller one of its own, so that its own certificate decides what it
    /// may issue later.
    pub(super) fn check_path_length(&self, ca: &Certificate) -> Result<(), TemplateError> {
        let Some(path_len) = ca.basic_constraints().and_then(|constraints| constraints.path_len) else {
            return Ok(());
        };
        let own = self.basic_constraints.filter(|constraints| constraints.ca);
        match own {
            Some(own) if own.path_len.is_none_or(|own| own >= path_len) => Err(TemplateError::PathLength { path_len }),
            _ => Ok(()),
        }
    }

    /// Checks everything in a template that does not depend on the issuer, so that encoding cannot fail halfway.
    pub(super) fn check(&self) -> Result<Checked, TemplateError> {
        let (not_before, not_after) = (self.not_before, self.not_after);
        if not_before >= not_after {
            return Err(TemplateError::Validity { not_before, not_after });
        }
        let validity =
            encoded_validity(not_before, not_after).ok_or(invalid("validity", "X.509 knows the years 0 to 9999"))?;
        if self.subject.is_empty() && (self.alt_names.is_empty() || self.is_ca()) {
            return Err(invalid(
                "subject",
                "only a certificate with alternative names, and of no CA, may have none",
            ));
        }
        self.check_ca_fields()?;
        self.check_lists()?;
        self.check_custom_extensions()?;
        Ok(Checked { validity })
    }

    fn check_ca_fields(&self) -> Result<(), TemplateError> {
        if self.is_ca() {
            if !self.key_usage.is_empty() && !self.key_usage.contains(KeyUsage::KEY_CERT_SIGN) {
                return Err(invalid("key_usage", "a CA's lacks keyCertSign"));
            }
        } else if self.key_usage.contains(KeyUsage::KEY_CERT_SIGN) {
            return Err(invalid("key_usage", "keyCertSign is for CAs"));
        } else if self
            .basic_constraints
            .is_some_and(|constraints| constraints.path_len.is_some())
        {
            return Err(invalid("basic_constraints", "a path length is for CAs"));
        } else if self.name_constraints.is_some() {
            return Err(invalid("name_constraints", "name constraints are for CAs"));
        }
        self.name_constraints.as_ref().map_or(Ok(()), |constraints| {
            constraints::check_own(constraints).map_err(|detail| invalid("name_constraints", detail))
        })
    }

    fn check_lists(&self) -> Result<(), TemplateError> {
        for (field, oids) in [
            ("extended_key_usages", &self.extended_key_usages),
            ("policies", &self.policies),
        ] {
            if oids.iter().enumerate().any(|(at, oid)| oids[..at].contains(oid)) {
                return Err(invalid(field, "an object identifier is there twice"));
            }
        }
        if let Some(identifier) = &self.subject_key_identifier
            && !(1..=LONGEST_KEY_IDENTIFIER).contains(&identifier.len())
        {
            return Err(invalid("subject_key_identifier", "it has 1 to 64 octets"));
        }
        let urls = [
            ("crl_distribution_points", &self.crl_distribution_points),
            ("ca_issuers", &self.ca_issuers),
            ("ocsp", &self.ocsp),
        ];
        for (field, urls) in urls {
            if !urls.iter().all(|url| san::is_absolute_uri(url)) {
                return Err(invalid(
                    field,
                    "a URL is not absolute, or has characters that no URL has",
                ));
            }
        }
        let is_text = |name: &AltName| match name {
            AltName::Dns(text) | AltName::Email(text) | AltName::Uri(text) => text.is_ascii() && !text.is_empty(),
            AltName::Ip(_) | AltName::Directory(_) => true,
        };
        if !self.alt_names.iter().all(is_text) {
            return Err(invalid("alt_names", "a name is empty or not ASCII"));
        }
        Ok(())
    }

    fn check_custom_extensions(&self) -> Result<(), TemplateError> {
        let mut seen = HashSet::with_capacity(self.custom_extensions.len());
        for oid in self.custom_extensions.iter().map(CustomExtension::oid) {
            let written_here =
                RESERVED.contains(&oid) || (oid == oid::NAME_CONSTRAINTS && self.name_constraints.is_some());
            if written_here || !seen.insert(oid) {
                return Err(TemplateError::DuplicateExtension { oid: oid.to_string() });
            }
        }
        Ok(())
    }
}

/// The DER Validity: UTCTime until 2049, GeneralizedTime from 2050. `None`: a year that X.509 cannot encode.
fn encoded_validity(not_before: UnixTime, not_after: UnixTime) -> Option<Vec<u8>> {
    let mut times = Vec::with_capacity(36);
    time::push(&mut times, not_before).ok()?;
    time::push(&mut times, not_after).ok()?;
    let mut writer = Writer::with_capacity(40);
    writer.value(tag::SEQUENCE, &times);
    Some(writer.finish())
}

pub(super) fn invalid(field: &'static str, detail: &'static str) -> TemplateError {
    TemplateError::Invalid { field, detail }
}

#[cfg(test)]
mod tests;
