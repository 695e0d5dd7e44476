//! Why a request is not well formed.

use chancery_authority::issue::NoCsrFileName;

/// What is wrong with a request's form. The texts are those of the drop-in contract where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// Not JSON.
    #[error("the request is not JSON: {detail}")]
    NotJson {
        /// The parser's message, with the position.
        detail: String,
    },
    /// JSON, but not an object.
    #[error("the request must be a JSON object")]
    NotAnObject,
    /// Longer than [`budget::REQUEST`](super::budget::REQUEST).
    #[error("the request has {actual} octets, at most {limit} are taken")]
    TooLong {
        /// Length in octets.
        actual: usize,
        /// The limit in octets.
        limit: usize,
    },
    /// The common name is missing.
    #[error("CSR must include a Common Name")]
    NoCommonName,
    /// A common name together with `no_common_name`.
    #[error("the request has a common_name and no_common_name; give one of them")]
    CommonNameAndNone,
    /// A field of the wrong JSON type.
    #[error("{field} must be {expected}, not {found}")]
    WrongType {
        /// The field, e.g. `sans[3].value`.
        field: String,
        /// What it must be, e.g. `true or false`.
        expected: &'static str,
        /// The type found, e.g. `a string`.
        found: &'static str,
    },
    /// A text that is longer than any valid value.
    #[error("{field} has {actual} octets, at most {limit} are taken")]
    TextTooLong {
        /// The field.
        field: String,
        /// Length in octets.
        actual: usize,
        /// The limit in octets.
        limit: usize,
    },
    /// More values than the budget allows.
    #[error("{field} has {actual} values, at most {limit} are taken")]
    TooMany {
        /// The field.
        field: &'static str,
        /// Number of values.
        actual: usize,
        /// The limit.
        limit: usize,
    },
    /// A lifetime under one day.
    #[error("{days} is too short")]
    LifetimeTooShort {
        /// The given number of days.
        days: i64,
    },
    /// Neither one of the contract's names nor an OID.
    #[error(
        "extended_key_usages: {value:?} is neither a known name (such as TLS_WEB_SERVER_AUTHENTICATION) nor an object identifier"
    )]
    ExtendedKeyUsage {
        /// As given, shortened to 80 characters.
        value: String,
    },
    /// A custom extension without OID or value.
    #[error("Custom extension is missing required field '{field}'")]
    ExtensionField {
        /// `oid` or `value_b64`.
        field: &'static str,
    },
    /// Neither `base64_csr_data` nor `csr_file`.
    #[error("the request has no CSR: send it as base64_csr_data, or name a csr_file")]
    NoCsr,
    /// `base64_csr_data` is not base64.
    #[error("base64_csr_data is not base64: send the base64 of the CSR's PEM")]
    CsrBase64,
    /// A CSR over [`budget::CSR`](super::budget::CSR).
    #[error("the CSR has {actual} octets, at most {limit} are taken")]
    CsrTooLong {
        /// Length in octets.
        actual: usize,
        /// The limit in octets.
        limit: usize,
    },
    /// A name with a folder, or with characters that are not allowed in CSR file names.
    #[error(transparent)]
    CsrFileName(#[from] NoCsrFileName),
}

impl Malformed {
    /// Whether the request fails by its JSON form or types (or by its lifetime), rather than by another invalid value.
    pub fn is_of_form(&self) -> bool {
        match self {
            Self::NotJson { .. } | Self::NotAnObject | Self::WrongType { .. } | Self::LifetimeTooShort { .. } => true,
            Self::TooLong { .. }
            | Self::NoCommonName
            | Self::CommonNameAndNone
            | Self::TextTooLong { .. }
            | Self::TooMany { .. }
            | Self::ExtendedKeyUsage { .. }
            | Self::ExtensionField { .. }
            | Self::NoCsr
            | Self::CsrBase64
            | Self::CsrTooLong { .. }
            | Self::CsrFileName(_) => false,
        }
    }

    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoCommonName => "no_common_name",
            Self::LifetimeTooShort { .. } => "lifetime_too_short",
            Self::ExtendedKeyUsage { .. } => "bad_extended_key_usage",
            Self::ExtensionField { .. } => "bad_extension",
            Self::NoCsr | Self::CsrBase64 | Self::CsrTooLong { .. } => "bad_csr",
            Self::CsrFileName(_) => "bad_csr_file",
            Self::TooLong { .. } | Self::TooMany { .. } | Self::TextTooLong { .. } => "over_budget",
            Self::NotJson { .. } | Self::NotAnObject | Self::WrongType { .. } | Self::CommonNameAndNone => {
                "malformed_request"
            }
        }
    }
}
