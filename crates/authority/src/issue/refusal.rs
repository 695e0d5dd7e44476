//! Why a request is refused.

use chancery_x509::certificate::TemplateError;
use chancery_x509::csr::CsrError;
use chancery_x509::extension::ExtensionError;
use chancery_x509::key::policy::WeakKey;
use chancery_x509::name::NameError;
use chancery_x509::san::AltNameError;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::csr_file::CsrFileName;
use crate::ca_name::CaName;
use crate::port::ledger::{IssuerState, NotRenewable, RENEWALS};

/// Why a request is refused, as text for the requester. The texts are those of the drop-in contract where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No CSR.
    #[error("the request has no CSR: send it as base64_csr_data, or name a csr_file")]
    NoCsr,
    /// A CSR file over [`budget::CSR`](super::budget::CSR).
    #[error("the CSR has {actual} octets, at most {limit} are taken")]
    CsrTooLong {
        /// Length in octets.
        actual: usize,
        /// The limit in octets.
        limit: usize,
    },
    /// The CSR is invalid, or its signature is.
    #[error(transparent)]
    Csr(#[from] CsrError),
    /// The CSR file that the request names does not exist, or the caller may not use it, which the answer must not
    /// reveal.
    #[error("CSR file '{name}' not found in {place}")]
    CsrFileNotFound {
        /// Its name.
        name: CsrFileName,
        /// The location that was searched, e.g. `S3 bucket 'my-bucket'`.
        place: String,
    },
    /// A request with an unchanged CSR file, whose key is already certified under its name. Routine: sends no notice.
    #[error("Certificate already issued")]
    AlreadyIssued,
    /// Neither request nor CSR has a common name.
    #[error(
        "CSR must include a Common Name; give one (common_name, --common-name), or ask for a certificate without \
         (no_common_name, --no-common-name)"
    )]
    NoCommonName,
    /// A common name that is not among those of the CSR.
    #[error(
        "the CSR is of {own:?}, and profile {profile} does not certify its key under a name that is not in the CSR ({asked:?}): \
         make a CSR of that name, or ask for one of the CSR's own (its common name; where it has none, one of its alternative \
         names)"
    )]
    OtherCommonName {
        /// The profile.
        profile: String,
        /// The requested name.
        asked: String,
        /// The CSR's first name.
        own: String,
    },
    /// A common name that is a wildcard directly under a public suffix, or in the last label.
    #[error("{name:?} cannot be a common name: it would stand for names of many owners; choose another")]
    WideCommonName {
        /// The requested name.
        name: String,
    },
    /// A common name longer than the bound of RFC 5280 appendix A.1.
    #[error(
        "subject: common_name has {actual} characters, at most {limit} are allowed; give a shorter one (common_name, \
         --common-name), or none (no_common_name, --no-common-name) and the name as alternative name"
    )]
    LongCommonName {
        /// Length in characters.
        actual: usize,
        /// Longest length allowed, in characters.
        limit: usize,
    },
    /// Neither a subject nor alternative names.
    #[error(
        "a certificate without any subject needs an alternative name; give one (sans, --san), or take those of the CSR \
         (sans_from_csr, --san-from-csr)"
    )]
    NoNameAtAll,
    /// An alternative name that no certificate may have.
    #[error("alternative name {0}")]
    AltName(#[source] AltNameError),
    /// The subject or common name is a CA's, or the placeholder under which certificates without any name are recorded.
    #[error("{name:?} is the name of a CA or is reserved, and cannot be used; choose another")]
    ReservedName {
        /// The requested name.
        name: String,
    },
    /// The subject cannot be encoded.
    #[error("subject: {0}")]
    Subject(#[source] NameError),
    /// A subject field that the profile requires is missing.
    #[error("profile {profile} needs {field} in the subject; give it in the request or the CSR")]
    SubjectField {
        /// The profile.
        profile: String,
        /// The field.
        field: &'static str,
    },
    /// The profile now sets a subject field that differs in the certificate to be renewed.
    #[error(
        "profile {profile} sets {field} to {value:?} now, and a renewal keeps the subject as it is: request a new certificate"
    )]
    SubjectChanged {
        /// The profile.
        profile: String,
        /// The field.
        field: &'static str,
        /// The profile's value.
        value: String,
    },
    /// The key is weak, or not of a kind that the profile certifies.
    #[error(transparent)]
    WeakKey(#[from] WeakKey),
    /// The key is that of one of this authority's CAs.
    #[error("the CSR carries the key of {ca}; a CA's own key is never certified for a request")]
    OwnKey {
        /// The CA.
        ca: CaName,
    },
    /// The key is certified already.
    #[error("Private key has already been used for a certificate")]
    KeyInUse,
    /// A certificate of the key was revoked because the key is compromised.
    #[error(
        "the key cannot be certified any more: a certificate of it was revoked because the key is compromised; make a \
         new key"
    )]
    KeyCompromised,
    /// The token was used with another request.
    #[error("the idempotency token was already used for a different request; use a new token for each request")]
    TokenReused,
    /// No profile of that name.
    #[error("there is no profile {name:?}; there are {known}")]
    UnknownProfile {
        /// The requested name, shortened to 80 characters.
        name: String,
        /// The existing ones, separated by commas.
        known: String,
    },
    /// An extended key usage that the profile does not allow.
    #[error("profile {profile} does not allow the extended key usage {usage}")]
    UsageNotAllowed {
        /// The profile.
        profile: String,
        /// Its OID.
        usage: String,
    },
    /// A type of alternative names that the profile does not allow.
    #[error("profile {profile} does not allow alternative names of type {kind} ({value:?})")]
    AltNameNotAllowed {
        /// The profile.
        profile: String,
        /// The type.
        kind: &'static str,
        /// The name.
        value: String,
    },
    /// A wildcard where the profile does not allow any.
    #[error("profile {profile} does not allow wildcards ({value:?})")]
    Wildcard {
        /// The profile.
        profile: String,
        /// The name.
        value: String,
    },
    /// No alternative name, though the profile requires one.
    #[error(
        "profile {profile} needs at least one alternative name; give valid ones (sans, --san), or take those of the CSR \
         (sans_from_csr, --san-from-csr)"
    )]
    NoAltName {
        /// The profile.
        profile: String,
    },
    /// More alternative names than the budget allows.
    #[error("{actual} alternative names are too many, at most {limit} are taken")]
    TooManyAltNames {
        /// Number of names given.
        actual: usize,
        /// Largest number allowed.
        limit: usize,
    },
    /// A custom extension outside the configuration's allowlist.
    #[error("Custom extension OID {oid} is not in the configured allowlist")]
    ExtensionNotAllowlisted {
        /// As given.
        oid: String,
    },
    /// The same custom extension twice.
    #[error("Custom extension OID {oid} is specified more than once")]
    DuplicateExtension {
        /// As given.
        oid: String,
    },
    /// A custom extension's value that is not base64.
    #[error("Custom extension OID {oid} has an invalid base64 value")]
    ExtensionBase64 {
        /// As given.
        oid: String,
    },
    /// A custom extension whose OID is reserved, or whose value is not DER.
    #[error(transparent)]
    Extension(#[from] ExtensionError),
    /// Custom extensions where the profile allows none.
    #[error("profile {profile} does not allow custom extensions")]
    ExtensionsNotAllowed {
        /// The profile.
        profile: String,
    },
    /// A critical custom extension where the profile allows none.
    #[error("profile {profile} does not allow custom extension {oid} to be critical")]
    CriticalExtension {
        /// The profile.
        profile: String,
        /// As given.
        oid: String,
    },
    /// The certificate would violate a constraint in its CA's certificate.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The final bytes violate a lint: the request asks for an invalid certificate, or the profile makes such
    /// certificates.
    #[error("the certificate would break {citation}: {detail} ({rule})")]
    Lint {
        /// The lint's name.
        rule: &'static str,
        /// The standard that the lint follows.
        citation: &'static str,
        /// What the lint found.
        detail: String,
    },
    /// The CA has expired.
    #[error("the CA {ca} expired at {not_after}")]
    CaExpired {
        /// The CA.
        ca: CaName,
        /// The CA's notAfter.
        not_after: UnixTime,
    },
    /// A name of the authority's own server.
    #[error(
        "{name:?} is a name of this authority's own server and is reserved for it; ask for another name, or run the command \
         on the authority's data folder"
    )]
    ServerName {
        /// The name in the certificate.
        name: String,
    },
    /// The issuing CA's certificate, or one above it, is revoked.
    #[error("the certificate of {ca} is revoked: nothing is issued or renewed under it any more")]
    IssuerRevoked {
        /// The CA.
        ca: CaName,
    },
    /// The issuing CA does not issue.
    #[error(
        "CA {ca} is {state} and issues nothing: name another CA in the profile, or let the operator activate one \
         (`chancery ca list`)"
    )]
    IssuerNotActive {
        /// The CA.
        ca: CaName,
        /// Its state.
        state: IssuerState,
    },
    /// Issuance is frozen.
    #[error(
        "nothing is issued since {since}: an operator has frozen issuance; the operator ends that (`chancery thaw`)"
    )]
    Frozen {
        /// Since when.
        since: UnixTime,
    },
    /// The certificate to be renewed does not exist.
    #[error("there is no certificate with serial number {serial}")]
    NotFound {
        /// The serial number.
        serial: Serial,
    },
    /// The certificate to be renewed is revoked.
    #[error("the certificate with serial number {serial} is revoked and cannot be renewed; request a new one")]
    Revoked {
        /// The serial number.
        serial: Serial,
    },
    /// The certificate to be renewed has expired.
    #[error("the certificate with serial number {serial} has expired and cannot be renewed; request a new one")]
    Expired {
        /// The serial number.
        serial: Serial,
    },
    /// A certificate that the one to be renewed descends from, by renewal, is revoked.
    #[error(
        "the certificate with serial number {serial} descends from {ancestor}, which is revoked, and cannot be renewed; \
         request a new one"
    )]
    AncestorRevoked {
        /// The serial number.
        serial: Serial,
        /// The revoked one.
        ancestor: Serial,
    },
    /// The certificate was renewed already, and its successor is neither expired nor revoked.
    #[error(
        "the certificate with serial number {serial} was renewed as {successor}, which ends at {until}: renew that one; if \
         nobody has it, revoke it first, or request a new one"
    )]
    AlreadyRenewed {
        /// The serial number.
        serial: Serial,
        /// Its successor.
        successor: Serial,
        /// The successor's notAfter.
        until: UnixTime,
    },
    /// The certificate is the last of [`RENEWALS`] renewals in a row.
    #[error(
        "the certificate with serial number {serial} is the last of {} renewals in a row and cannot be renewed; request a \
         new one",
        RENEWALS
    )]
    RenewedTooOften {
        /// The serial number.
        serial: Serial,
    },
    /// Its key was compromised, though it is not revoked itself: the presenter may be the one who stole the key.
    #[error(
        "the certificate with serial number {serial} cannot be renewed: its key is compromised, as the revocation of another \
         certificate of it says; request a new one, of a new key"
    )]
    RenewedKeyCompromised {
        /// The serial number.
        serial: Serial,
    },
    /// A renewal by client certificate before the renewal window.
    #[error("the certificate with serial number {serial} can be renewed by its holder from {from} on, not before")]
    RenewalTooEarly {
        /// The serial number.
        serial: Serial,
        /// The start of the renewal window.
        from: UnixTime,
    },
    /// A renewal without proof of possession of the key.
    #[error(
        "renewing the certificate with serial number {serial} takes proof of the key: send a CSR of the same key, or of a \
         new one, as base64_csr_data, or ask with the certificate itself as TLS client certificate"
    )]
    RenewalWithoutProof {
        /// The serial number.
        serial: Serial,
    },
    /// A CA's own certificate, which cannot be renewed by request.
    #[error("the certificate with serial number {serial} is a CA's own and cannot be renewed by request")]
    AuthorityCertificate {
        /// The serial number.
        serial: Serial,
    },
}

impl From<NameError> for Refusal {
    fn from(error: NameError) -> Self {
        match error {
            NameError::TooLong {
                attribute: "common_name",
                actual,
                limit,
            } => Self::LongCommonName { actual, limit },
            error => Self::Subject(error),
        }
    }
}

impl Refusal {
    /// The refusal for the ledger's reason not to renew the certificate of that serial number.
    pub fn not_renewable(serial: Serial, why: NotRenewable) -> Self {
        match why {
            NotRenewable::Revoked(revoked) if revoked == serial => Self::Revoked { serial },
            NotRenewable::Revoked(ancestor) => Self::AncestorRevoked { serial, ancestor },
            NotRenewable::Renewed { successor, until } => Self::AlreadyRenewed {
                serial,
                successor,
                until,
            },
            NotRenewable::TooOften => Self::RenewedTooOften { serial },
            NotRenewable::KeyBlocked => Self::RenewedKeyCompromised { serial },
            // Of CAs' certificates alone, which are renewed by other means.
            NotRenewable::Replaced => Self::AuthorityCertificate { serial },
        }
    }

    /// A stable code for programs and for the ledger's record.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Csr(CsrError::BadSignature) => "bad_signature",
            Self::Csr(CsrError::OverBudget { .. }) | Self::TooManyAltNames { .. } => "over_budget",
            Self::Csr(CsrError::Key(_)) => "unsupported_key",
            Self::CsrFileNotFound { .. } => "csr_file_not_found",
            Self::OtherCommonName { .. } => "other_common_name",
            Self::AlreadyIssued => "already_issued",
            Self::NoCommonName => "no_common_name",
            Self::AltName(_) => "bad_alt_name",
            Self::ReservedName { .. } | Self::ServerName { .. } => "reserved_name",
            Self::IssuerRevoked { .. } => "issuer_revoked",
            Self::IssuerNotActive { .. } => "issuer_not_active",
            Self::Frozen { .. } => "frozen",
            Self::Subject(_) | Self::LongCommonName { .. } => "bad_subject",
            Self::SubjectField { .. } => "subject_field_missing",
            Self::SubjectChanged { .. } => "subject_changed",
            Self::WeakKey(WeakKey::KindNotAllowed { .. }) => "key_not_allowed",
            Self::WeakKey(_) => "weak_key",
            Self::OwnKey { .. } => "own_key",
            Self::KeyInUse => "key_in_use",
            Self::KeyCompromised | Self::RenewedKeyCompromised { .. } => "key_compromised",
            Self::TokenReused => "token_reused",
            Self::UnknownProfile { .. } => "unknown_profile",
            Self::UsageNotAllowed { .. } => "usage_not_allowed",
            Self::AltNameNotAllowed { .. } => "alt_name_not_allowed",
            Self::Wildcard { .. } | Self::WideCommonName { .. } => "wildcard_not_allowed",
            Self::NoAltName { .. } | Self::NoNameAtAll => "no_alt_name",
            Self::ExtensionNotAllowlisted { .. }
            | Self::ExtensionsNotAllowed { .. }
            | Self::CriticalExtension { .. }
            | Self::Extension(ExtensionError::Reserved { .. }) => "extension_not_allowed",
            Self::Csr(CsrError::DuplicateExtension { .. })
            | Self::DuplicateExtension { .. }
            | Self::Template(TemplateError::DuplicateExtension { .. }) => "duplicate_extension",
            Self::Csr(_) | Self::NoCsr | Self::CsrTooLong { .. } => "bad_csr",
            Self::ExtensionBase64 { .. } | Self::Extension(_) => "bad_extension",
            Self::Template(TemplateError::NameConstraints { .. }) => "outside_name_constraints",
            Self::Template(_) => "bad_certificate",
            Self::Lint { .. } => "lint",
            Self::CaExpired { .. } => "ca_expired",
            Self::NotFound { .. } => "not_found",
            Self::Revoked { .. } | Self::AncestorRevoked { .. } => "revoked",
            Self::AlreadyRenewed { .. } => "already_renewed",
            Self::RenewedTooOften { .. } => "renewed_too_often",
            Self::RenewalTooEarly { .. } => "renewal_too_early",
            Self::RenewalWithoutProof { .. } => "no_proof_of_possession",
            Self::Expired { .. } => "expired",
            Self::AuthorityCertificate { .. } => "authority_certificate",
        }
    }

    /// Whether to send a notice. Not for routine cases: a CSR file that is missing, or that is already certified.
    pub fn deserves_notice(&self) -> bool {
        !matches!(self, Self::CsrFileNotFound { .. } | Self::AlreadyIssued)
    }
}
