//! Builds the final TBSCertificate from a template.

use std::collections::HashSet;

use const_oid::ObjectIdentifier;

use super::{BasicConstraints, Certificate, Issuer, KeyUsage, TbsCertificate, build, constraints, oid};
use crate::extension::{CustomExtension, RESERVED};
use crate::key::SubjectPublicKey;
use crate::key::ca::CaPublicKey;
use crate::name::{Name, NameError};
use crate::san::{self, AltName};
use crate::serial::Serial;
use crate::time::UnixTime;

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

impl CertificateTemplate {
    /// The TBSCertificate of a root: issuer and subject are the same, `key` is the template's own key, SKI and AKI are
    /// both its identifier.
    pub fn self_signed(&self, key: &CaPublicKey) -> Result<TbsCertificate, TemplateError> {
        if self.public_key.as_der() != key.as_der() {
            return Err(invalid(
                "public_key",
                "a self-signed certificate is signed by the key that it holds",
            ));
        }
        let checked = self.check()?;
        let of_key = key.identifier();
        let identifier = self.subject_key_identifier.as_deref().unwrap_or(&of_key.0);
        Ok(build::tbs(self, &checked, &self.subject, identifier, key.algorithm()))
    }

    /// The TBSCertificate issued by `issuer`, within the limits of its certificate: its end, its path length, its name
    /// constraints. Constraints of CAs above it apply only if its own certificate repeats them; otherwise the caller
    /// must check them with [`check_name_constraints`](Self::check_name_constraints).
    pub fn issued_by(&self, issuer: &Issuer) -> Result<TbsCertificate, TemplateError> {
        let checked = self.check()?;
        let ca = issuer.certificate();
        if self.not_after > ca.not_after() {
            return Err(TemplateError::OutlivesCa {
                not_after: self.not_after,
                ca_not_after: ca.not_after(),
            });
        }
        self.check_path_length(ca)?;
        // A CA's certificate for itself, e.g. for a new key, is exempt (RFC 5280 section 6.1.3).
        let self_issued = self.is_ca() && self.subject == *ca.subject();
        if let Some(constraints) = issuer.name_constraints().filter(|_| !self_issued) {
            self.check_name_constraints(constraints)?;
        }
        let algorithm = issuer.public_key().algorithm();
        Ok(build::tbs(
            self,
            &checked,
            ca.subject(),
            &issuer.key_identifier(),
            algorithm,
        ))
    }

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

    fn is_ca(&self) -> bool {
        self.basic_constraints.is_some_and(|constraints| constraints.ca)
    }

    /// A CA under a path length constraint has a smaller one of its own, so that its own certificate decides what it
    /// may issue later.
    fn check_path_length(&self, ca: &Certificate) -> Result<(), TemplateError> {
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
    fn check(&self) -> Result<build::Checked, TemplateError> {
        let (not_before, not_after) = (self.not_before, self.not_after);
        if not_before >= not_after {
            return Err(TemplateError::Validity { not_before, not_after });
        }
        let validity =
            build::validity(not_before, not_after).ok_or(invalid("validity", "X.509 knows the years 0 to 9999"))?;
        if self.subject.is_empty() && (self.alt_names.is_empty() || self.is_ca()) {
            return Err(invalid(
                "subject",
                "only a certificate with alternative names, and of no CA, may have none",
            ));
        }
        self.check_ca_fields()?;
        self.check_lists()?;
        self.check_custom_extensions()?;
        Ok(build::Checked { validity })
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

fn invalid(field: &'static str, detail: &'static str) -> TemplateError {
    TemplateError::Invalid { field, detail }
}

#[cfg(test)]
mod tests;
