//! The JSON of the serverless CA, at the edge of the authority: requests (`tls-cert`), answers and notices, and the lists
//! that operators write (`tls.json`, `revoked.json`).
//!
//! - [`TlsCertRequest::from_value`] parses a request as leniently as the contract demands: unknown fields are ignored,
//!   invalid alternative names and unknown purposes left out; each causes a warning. Any other fault is refused as
//!   [`Malformed`];
//! - [`IssueTlsCert`] turns it into the authority's own [`Request`](chancery_authority::issue::Request), which decides
//!   what a well-formed request *may* ask for;
//! - [`notice`] renders events; [`listed`] decides on listed revocations; [`plan`] says what the lists would change.

mod answer;
mod digest;
mod field;
mod issue;
pub mod listed;
pub mod lists;
mod malformed;
pub mod notice;
mod parse;
pub mod plan;
mod revoked_list;
mod sans;
mod time;
mod tls_list;
mod token;

use chancery_authority::issue::{CsrFile, CsrFileName, FoundCsr, ListedNames, RequestedNames, TlsPurpose};
use chancery_x509::name::Subject;
use const_oid::ObjectIdentifier;

pub use answer::{CertificateInfo, ChainAnswer, ErrorAnswer, TlsCertAnswer};
pub use issue::IssueTlsCert;
pub use malformed::Malformed;
pub use parse::{listed_names, request_value};
pub use revoked_list::{REVOKED_JSON, REVOKED_ROOT_CA_JSON, RevokedEntry};
pub use sans::AltNameText;
pub use time::contract_time;
pub use tls_list::{TLS_JSON, TlsEntry, TlsList};
pub use token::caller_token;

/// Limits on one request, each checked before the work that it bounds.
pub mod budget {
    pub use chancery_authority::issue::budget::{ALT_NAMES, CSR};

    /// Octets of a request's JSON.
    pub const REQUEST: usize = 256 * 1024;
    /// Number of purposes, and of extended key usages.
    pub const USAGES: usize = 32;
    /// Number of custom extensions.
    pub const EXTENSIONS: usize = 16;
    /// Octets of a single text.
    pub const TEXT: usize = 4096;
    /// Octets of a list of requests or revocations: some 80,000 revocations, which fit into a function of 128 MB. Lists
    /// are read entry by entry, since two octets are enough for an entry.
    pub const LIST: usize = 8 * 1024 * 1024;
}

/// A well-formed request for a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "wishes of a request, each on its own")]
pub struct TlsCertRequest {
    /// Subject fields that replace those of the CSR. In JSON the common name is required, unless a profile is named;
    /// otherwise that of the CSR applies.
    pub subject: Subject,
    /// Requested days of validity, 1 or more; `None`: the profile's default.
    pub lifetime_days: Option<u64>,
    /// The known purposes, in the request's order.
    pub purposes: Vec<TlsPurpose>,
    /// Extended key usages in addition to the purposes.
    pub extended_key_usages: Vec<ObjectIdentifier>,
    /// Issue without a common name, whatever the CSR has.
    pub no_common_name: bool,
    /// The requested alternative names.
    pub alt_names: RequestedNames,
    /// Include the alternative names in the CSR.
    pub sans_from_csr: bool,
    /// Custom extensions, as given.
    pub extensions: Vec<RequestedExtension>,
    /// The CSR; `None` only in a request for the chain.
    pub csr: Option<CsrSource>,
    /// The profile's name; `None`: [`DEFAULT_PROFILE`](chancery_authority::profile::DEFAULT_PROFILE).
    pub profile: Option<String>,
    /// Accept a key that is already certified for this common name.
    pub force_issue: bool,
    /// Return leaf, issuing CA and root together as the certificate.
    pub cert_bundle: bool,
    /// Return the chain only; nothing is issued.
    pub ca_chain_only: bool,
    /// Whether to send reminders before it expires; `None`: the front end's default, else no.
    pub notify_expiry: Option<bool>,
    /// Whether to send a notice of its issuance; `None`: the front end's default, else no.
    pub notify_issued: Option<bool>,
    /// The front end's default for both, which is not part of the request as sent.
    pub notices_by_default: bool,
    /// What was left out of the request, as text.
    pub warnings: Vec<String>,
}

/// The CSR of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CsrSource {
    /// In the request (`base64_csr_data`): PEM or DER.
    Inline(Vec<u8>),
    /// In a file that the front end stores (`csr_file`).
    File(CsrFile),
}

/// One of `extensions` of the contract, unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedExtension {
    /// The OID as given.
    pub oid: String,
    /// Base64 of the extension's DER.
    pub value_b64: String,
    /// Whether it is critical.
    pub critical: bool,
}

/// The name of a purpose in requests and notices.
pub fn purpose_name(purpose: TlsPurpose) -> &'static str {
    match purpose {
        TlsPurpose::ClientAuth => "client_auth",
        TlsPurpose::ServerAuth => "server_auth",
    }
}

/// The purpose of that name, if it is known.
pub fn purpose_named(name: &str) -> Option<TlsPurpose> {
    match name {
        "client_auth" => Some(TlsPurpose::ClientAuth),
        "server_auth" => Some(TlsPurpose::ServerAuth),
        _ => None,
    }
}

impl CsrSource {
    /// The CSR's octets, where they are available.
    pub fn octets(&self) -> Option<&[u8]> {
        match self {
            Self::Inline(octets)
            | Self::File(CsrFile {
                found: FoundCsr::Content { octets, .. },
                ..
            }) => Some(octets),
            Self::File(_) => None,
        }
    }
}

impl TlsCertRequest {
    /// A request with everything taken from a CSR (PEM or DER) and the default profile.
    pub fn for_csr(csr: impl Into<Vec<u8>>) -> Self {
        Self {
            csr: Some(CsrSource::Inline(csr.into())),
            ..Self::default()
        }
    }

    /// The CSR file that the front end must read and pass to [`resolve_csr`](Self::resolve_csr), if the request names
    /// one.
    pub fn csr_file(&self) -> Option<&CsrFileName> {
        match &self.csr {
            Some(CsrSource::File(CsrFile {
                name,
                found: FoundCsr::Unread,
                ..
            })) => Some(name),
            Some(CsrSource::File(_) | CsrSource::Inline(_)) | None => None,
        }
    }

    /// Sets the content of the CSR file, and the names that an operator's list gives to the file.
    pub fn resolve_csr(&mut self, found: FoundCsr, listed: Vec<ListedNames>) {
        if let Some(CsrSource::File(file)) = &mut self.csr {
            file.found = found;
            file.listed = listed;
        }
    }

    /// The names that the request asks for.
    pub fn names(&self) -> ListedNames {
        ListedNames {
            subject: self.subject.clone(),
            alt_names: self.alt_names.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
