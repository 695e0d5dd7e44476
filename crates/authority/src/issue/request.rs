//! What a certificate is issued from: a request as every front builds it, whatever it received.

use chancery_x509::extension::CustomExtension;
use chancery_x509::name::Subject;
use const_oid::ObjectIdentifier;

use super::csr::Csr;
use super::purpose::TlsPurpose;
use super::requested_names::RequestedNames;
use crate::event::RejectedRequest;

/// A request for a certificate. [`IssuancePolicy::prepare`](super::IssuancePolicy::prepare) decides what of it may be had.
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

    /// Whether its CSR is the requester's, or of a file that may be used for the request's names.
    pub(super) fn may_use_csr(&self) -> bool {
        let asked = self.csr.names_of_file();
        asked.is_none_or(|asked| asked.subject == self.subject && asked.alt_names == self.alt_names)
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
