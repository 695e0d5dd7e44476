//! What happened, for people and systems. Adapters render it: [`Notices`](crate::port::Notices).

use chancery_x509::name::Subject;

use crate::issue::{RequestedNames, TlsPurpose};
use crate::port::ledger::CertificateRecord;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A certificate was issued, and its request asked to report that.
    CertificateIssued(Box<CertificateRecord>),
    /// A certificate was revoked; the record has its revocation.
    CertificateRevoked(Box<CertificateRecord>),
    /// A certificate ends soon.
    ExpiryWarning {
        /// The certificate.
        certificate: Box<CertificateRecord>,
        /// Calendar days that remain.
        days_left: i64,
    },
    /// A certificate ended within the last day.
    CertificateExpired(Box<CertificateRecord>),
    /// A request was refused.
    RequestRejected {
        /// What it asked for.
        request: Box<RejectedRequest>,
        /// The reason, as the requester got it.
        reason: String,
    },
    /// A request was refused because it is not well formed.
    MalformedRequestRejected {
        /// What could be read of it.
        request: Box<MalformedRequest>,
        /// The reason, as the requester got it.
        reason: String,
    },
}

/// What is reported of a refused request, and what its record in the ledger, a rejection, is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RejectedRequest {
    /// The requested subject fields.
    pub subject: Subject,
    /// The requested days of validity.
    pub lifetime_days: Option<u64>,
    /// The requested purposes.
    pub purposes: Vec<TlsPurpose>,
    /// The requested alternative names.
    pub alt_names: RequestedNames,
    /// The CSR as it was received, PEM or DER; empty where there is none.
    pub csr: Vec<u8>,
}

/// What is reported of a request that is not well formed: its fields, of any type, as far as they are short.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MalformedRequest {
    /// The common name.
    pub common_name: RawField,
    /// The days of validity.
    pub lifetime: RawField,
    /// The purposes.
    pub purposes: RawField,
    /// The alternative names.
    pub alt_names: RawField,
    /// The CSR as text, as it was received; empty where there is none.
    pub csr: String,
}

/// The value of a field that was not parsed any further.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RawField {
    /// It is missing, null, or too long to be reported.
    #[default]
    Missing,
    /// True or false.
    Flag(bool),
    /// A number, as text.
    Number(String),
    /// A text.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
}

impl Event {
    /// Its kind, for logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CertificateIssued(_) => "certificate issued",
            Self::CertificateRevoked(_) => "certificate revoked",
            Self::ExpiryWarning { .. } => "expiry warning",
            Self::CertificateExpired(_) => "certificate expired",
            Self::RequestRejected { .. } | Self::MalformedRequestRejected { .. } => "request rejected",
        }
    }
}
