//! The JSON of requests, answers and notices: the drop-in contract's `tls-cert`; and of the lists that operators write.
//!
//! [`TlsCertRequest::from_value`] turns a request into types, with the contract's leniencies: unknown fields are ignored,
//! invalid alternative names and unknown purposes left out; each leaves a warning. Whatever else is wrong is refused as
//! [`Malformed`]. What a well-formed request *may* ask for is not decided here but in [`crate::issue`].

mod answer;
mod csr;
pub mod lists;
mod malformed;
pub mod notice;
mod parse;
mod revoked_list;
mod sans;
mod time;
mod tls_list;
mod token;

use chancery_x509::name::Subject;
use chancery_x509::san::AltName;
use const_oid::ObjectIdentifier;

pub use answer::{CertificateInfo, ChainAnswer, ErrorAnswer, TlsCertAnswer};
pub use csr::{CsrFile, CsrFileName, CsrSource, FoundCsr, ListedNames};
pub use malformed::Malformed;
pub use parse::request_value;
pub use revoked_list::{REVOKED_JSON, REVOKED_ROOT_CA_JSON, RevokedEntry};
pub use sans::AltNameText;
pub use time::contract_time;
pub use tls_list::{TLS_JSON, TlsEntry, TlsList};
pub use token::caller_token;

/// Limits on one request, each checked before the work it bounds.
pub mod budget {
    /// Octets of a request's JSON.
    pub const REQUEST: usize = 256 * 1024;
    /// Octets of a CSR, PEM or DER.
    pub const CSR: usize = 64 * 1024;
    /// Alternative names.
    pub const ALT_NAMES: usize = 256;
    /// Purposes, and extended key usages.
    pub const USAGES: usize = 32;
    /// Custom extensions.
    pub const EXTENSIONS: usize = 16;
    /// Octets of a single text.
    pub const TEXT: usize = 4096;
    /// Octets of a list of requests or revocations: some 80,000 revocations, which a function of 128 MB can hold. Lists are
    /// read entry by entry, since there may be one for each two octets.
    pub const LIST: usize = 8 * 1024 * 1024;
}

/// A well-formed request for a certificate.
///
/// A front that does not speak JSON fills one in itself: `TlsCertRequest { csr: Some(..), ..Default::default() }`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "wishes of a request, each on its own")]
pub struct TlsCertRequest {
    /// Subject fields, each in place of the CSR's own. From JSON the common name is always given, unless a profile is
    /// named; where it is not, the CSR's holds.
    pub subject: Subject,
    /// Days of validity as asked for, 1 or more; `None`: the profile's default.
    pub lifetime_days: Option<u64>,
    /// The purposes known here, in order.
    pub purposes: Vec<Purpose>,
    /// Extended key usages beside the purposes.
    pub extended_key_usages: Vec<ObjectIdentifier>,
    /// Issue without a common name, whatever the CSR has.
    pub no_common_name: bool,
    /// Alternative names.
    pub alt_names: RequestedNames,
    /// Take the alternative names that the CSR asks for, too.
    pub sans_from_csr: bool,
    /// Custom extensions, as given.
    pub extensions: Vec<RequestedExtension>,
    /// The CSR; `None` only where just the chain is asked for.
    pub csr: Option<CsrSource>,
    /// The profile's name; `None`: [`DEFAULT_PROFILE`](crate::profile::DEFAULT_PROFILE).
    pub profile: Option<String>,
    /// Accept a key that is already certified for this common name.
    pub force_issue: bool,
    /// Answer leaf, issuing CA and root together as certificate.
    pub cert_bundle: bool,
    /// Answer the chain only; nothing is issued.
    pub ca_chain_only: bool,
    /// Whether the certificate's expiry is to be told; `None`: the front's default, else no.
    pub notify_expiry: Option<bool>,
    /// Whether its issuance is to be told; `None`: the front's default, else no.
    pub notify_issued: Option<bool>,
    /// The front's default for both: looked up, and no part of the request as it was sent.
    pub notices_by_default: bool,
    /// What was left out of the request, in words.
    pub warnings: Vec<String>,
}

/// `purposes` of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// `client_auth`
    ClientAuth,
    /// `server_auth`
    ServerAuth,
}

/// `sans` of the contract.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RequestedNames {
    /// None were given: the common name, if it is a domain.
    #[default]
    FromCommonName,
    /// These; empty where all that were given are invalid.
    Listed(Vec<AltName>),
}

/// One of `extensions` of the contract, not yet checked against anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedExtension {
    /// The OID as given.
    pub oid: String,
    /// Base64 of the extension's DER.
    pub value_b64: String,
    /// Whether it is to be critical.
    pub critical: bool,
}

impl Purpose {
    /// Its name in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientAuth => "client_auth",
            Self::ServerAuth => "server_auth",
        }
    }

    /// The purpose of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "client_auth" => Some(Self::ClientAuth),
            "server_auth" => Some(Self::ServerAuth),
            _ => None,
        }
    }

    /// Its extended key usage (RFC 5280 section 4.2.1.12).
    pub fn oid(self) -> ObjectIdentifier {
        match self {
            Self::ClientAuth => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2"),
            Self::ServerAuth => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1"),
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

    /// The CSR file that the front must read and give to [`resolve_csr`](Self::resolve_csr), if the request names one.
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

    /// Gives what was found of the CSR file, and the names that an operator's list gives to it.
    pub fn resolve_csr(&mut self, found: FoundCsr, listed: Vec<ListedNames>) {
        if let Some(CsrSource::File(file)) = &mut self.csr {
            file.found = found;
            file.listed = listed;
        }
    }

    /// The names that it asks for.
    pub fn names(&self) -> ListedNames {
        ListedNames {
            subject: self.subject.clone(),
            alt_names: self.alt_names.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
