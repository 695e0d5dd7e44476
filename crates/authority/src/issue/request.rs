//! What a certificate is issued from: a request as every front builds it, whatever it received.

use chancery_x509::extension::{CLIENT_AUTH, CustomExtension, SERVER_AUTH};
use chancery_x509::name::Subject;
use chancery_x509::san::AltName;
use const_oid::ObjectIdentifier;

use super::csr::Csr;
use crate::event::RejectedRequest;

/// Limits on one request, whichever front received it.
pub mod budget {
    /// Octets of a CSR, PEM or DER.
    pub const CSR: usize = 64 * 1024;
    /// Number of alternative names.
    pub const ALT_NAMES: usize = 256;
}

/// A request for a certificate. [`Rules::prepare`](super::Rules::prepare) decides what of it may be had.
///
/// A front authenticates the caller, parses what it received, and builds one of these. What it cannot read it refuses
/// itself, and records with [`record_rejection`](crate::Authority::record_rejection).
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "wishes of a request, each on its own")]
pub struct Request {
    /// The CSR: its key is certified.
    pub csr: Csr,
    /// Subject fields that replace those of the CSR.
    pub subject: Subject,
    /// Issue without a common name, whatever the CSR has.
    pub no_common_name: bool,
    /// The alternative names.
    pub alt_names: RequestedNames,
    /// Add the alternative names in the CSR.
    pub alt_names_from_csr: bool,
    /// What the certificate is for; where nothing is given, the profile's default usages apply.
    pub purposes: Vec<TlsPurpose>,
    /// Extended key usages in addition to the purposes.
    pub extended_key_usages: Vec<ObjectIdentifier>,
    /// Custom extensions.
    pub extensions: Vec<CustomExtension>,
    /// Days of validity, 1 or more; `None`: the profile's default.
    pub lifetime_days: Option<u64>,
    /// The profile's name; `None`: [`DEFAULT_PROFILE`](crate::profile::DEFAULT_PROFILE).
    pub profile: Option<String>,
    /// Accept a key that is already certified for the same common name.
    pub allow_key_reuse: bool,
    /// Report the issuance as an event.
    pub notify_issued: bool,
    /// Remind of the certificate's end.
    pub notify_expiry: bool,
    /// What the front left out of the request, as text for the requester.
    pub left_out: Vec<String>,
    /// SHA-256 over what the front received, of all that decides the certificate or its events: see
    /// [`RequestDigest`](super::RequestDigest). A token that is repeated with another digest is refused.
    pub digest: [u8; 32],
}

/// The two purposes that TLS has: the extended key usages that most requests mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsPurpose {
    /// id-kp-clientAuth
    ClientAuth,
    /// id-kp-serverAuth
    ServerAuth,
}

/// Where the alternative names come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RequestedNames {
    /// From the common name, if it is a domain.
    #[default]
    FromCommonName,
    /// These; empty where every given name is invalid.
    Listed(Vec<AltName>),
}

impl Request {
    /// A request with everything taken from the CSR, under the default profile, without events.
    pub fn new(csr: Csr, digest: [u8; 32]) -> Self {
        Self {
            csr,
            subject: Subject::default(),
            no_common_name: false,
            alt_names: RequestedNames::default(),
            alt_names_from_csr: false,
            purposes: Vec::new(),
            extended_key_usages: Vec::new(),
            extensions: Vec::new(),
            lifetime_days: None,
            profile: None,
            allow_key_reuse: false,
            notify_issued: false,
            notify_expiry: false,
            left_out: Vec::new(),
            digest,
        }
    }

    /// What is reported of it where it is refused.
    pub(super) fn rejected(&self) -> RejectedRequest {
        RejectedRequest {
            subject: self.subject.clone(),
            lifetime_days: self.lifetime_days,
            purposes: self.purposes.clone(),
            alt_names: self.alt_names.clone(),
            csr: self.csr.received().to_vec(),
        }
    }
}

impl TlsPurpose {
    /// Its extended key usage (RFC 5280 section 4.2.1.12).
    pub fn oid(self) -> ObjectIdentifier {
        match self {
            Self::ClientAuth => CLIENT_AUTH,
            Self::ServerAuth => SERVER_AUTH,
        }
    }
}

impl RequestedNames {
    /// The names that are listed.
    pub fn listed(&self) -> &[AltName] {
        match self {
            Self::FromCommonName => &[],
            Self::Listed(names) => names,
        }
    }
}
