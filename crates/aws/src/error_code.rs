//! What AWS says is wrong. Its codes are text: the SDK has types for some of them, others for each operation, and none for
//! those that every service can answer with. They are read here and nowhere else.

use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Error codes of throttling.
pub(crate) const THROTTLING: [&str; 9] = [
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "Throttled",
    "ThrottledException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// The codes that something is decided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// A permission is missing.
    Denied,
    /// There is no such key, table, object, function.
    NotFound,
    /// Too many calls.
    Throttled,
    /// The key is of another kind than the call needs.
    WrongKey,
    /// The key is disabled, or is to be deleted.
    KeyDisabled,
    /// The object is still the known version.
    NotModified,
    /// The precondition does not hold.
    PreconditionFailed,
    /// Another conditional write was in progress.
    Conflict,
    /// Any other, and any that AWS may add.
    Other,
    /// AWS gave none.
    Absent,
}

impl ErrorCode {
    /// The code of an error.
    pub fn of(error: &impl ProvideErrorMetadata) -> Self {
        error.code().map_or(Self::Absent, Self::from_text)
    }

    fn from_text(code: &str) -> Self {
        match code {
            "AccessDeniedException" | "AccessDenied" | "Forbidden" | "AuthorizationError" => Self::Denied,
            "NotFoundException" | "ResourceNotFoundException" | "NoSuchKey" => Self::NotFound,
            "UnsupportedOperationException" | "InvalidKeyUsageException" => Self::WrongKey,
            "DisabledException" | "KMSInvalidStateException" => Self::KeyDisabled,
            // An answer without a body: the SDK makes a code of its status.
            "NotModified" | "304" => Self::NotModified,
            "PreconditionFailed" => Self::PreconditionFailed,
            "ConditionalRequestConflict" => Self::Conflict,
            code if THROTTLING.contains(&code) => Self::Throttled,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_what_aws_documents_and_any_other_is_other() {
        for (text, code) in [
            ("AccessDeniedException", ErrorCode::Denied),
            ("AccessDenied", ErrorCode::Denied),
            ("ResourceNotFoundException", ErrorCode::NotFound),
            ("NoSuchKey", ErrorCode::NotFound),
            ("KMSInvalidStateException", ErrorCode::KeyDisabled),
            ("SlowDown", ErrorCode::Throttled),
            ("AccessDeniedTomorrow", ErrorCode::Other),
            ("", ErrorCode::Other),
        ] {
            assert_eq!(ErrorCode::from_text(text), code, "{text}");
        }
    }
}
