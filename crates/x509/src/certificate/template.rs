//! From a template to the final TBSCertificate.

use const_oid::ObjectIdentifier;

use super::{BasicConstraints, Issuer, KeyUsage, TbsCertificate};
use crate::extension::CustomExtension;
use crate::key::SubjectPublicKey;
use crate::key::ca::CaPublicKey;
use crate::name::{Name, NameError};
use crate::san::AltName;
use crate::serial::Serial;
use crate::time::UnixTime;

/// Everything that decides a certificate, but its issuer.
///
/// SKI (and for issued certificates AKI, copied from the issuer's SKI) are added by the builder; extensions are
/// written in a fixed order.
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

/// Name constraints of a CA (RFC 5280 section 4.2.1.10).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameConstraints {
    /// permittedSubtrees.
    pub permitted: Vec<Subtree>,
    /// excludedSubtrees.
    pub excluded: Vec<Subtree>,
}

/// A subtree of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subtree {
    /// A domain and everything below it; a leading dot leaves out the domain itself.
    Dns(String),
    /// An address block in CIDR notation.
    Ip {
        /// The network's address.
        address: std::net::IpAddr,
        /// Bits of the prefix.
        prefix: u8,
    },
    /// An address, a host, or with a leading dot a domain.
    Email(String),
    /// A host, or with a leading dot a domain.
    Uri(String),
    /// Names that begin with these RDNs.
    Directory(Name),
}

/// Why a template makes no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The subject.
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
    /// The issuer ends earlier.
    #[error("the certificate would end ({not_after}) after its CA ({ca_not_after})")]
    OutlivesCa {
        /// Valid to.
        not_after: UnixTime,
        /// The CA's end.
        ca_not_after: UnixTime,
    },
    /// The issuer's pathLenConstraint allows no CA below it, or a smaller one.
    #[error("the CA's path length constraint ({path_len}) does not allow this CA certificate")]
    PathLength {
        /// The issuer's pathLenConstraint.
        path_len: u8,
    },
    /// A name outside the issuer's name constraints.
    #[error("{name} is outside the CA's name constraints")]
    NameConstraints {
        /// The name, as text.
        name: String,
    },
    /// The same custom extension twice.
    #[error("Custom extension OID {oid} is specified more than once")]
    DuplicateExtension {
        /// Its object identifier.
        oid: String,
    },
    /// A value that its extension cannot hold (a URL that is not ASCII, …).
    #[error("{field} is invalid: {detail}")]
    Invalid {
        /// The template's field.
        field: &'static str,
        /// What was wrong.
        detail: &'static str,
    },
}

impl CertificateTemplate {
    /// The TBSCertificate of a root: issuer and subject are the same, `key` is the template's own key. No AKI... H2: contract says root has SKI, AKI.
    pub fn self_signed(&self, _key: &CaPublicKey) -> Result<TbsCertificate, TemplateError> {
        todo!("H2")
    }

    /// The TBSCertificate issued by `issuer`, within all that its certificate demands.
    pub fn issued_by(&self, _issuer: &Issuer) -> Result<TbsCertificate, TemplateError> {
        todo!("H2")
    }
}
