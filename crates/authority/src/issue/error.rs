//! Errors of an issuance.

use super::Refusal;
use crate::belief::error::NotBelieved;
use crate::port::{KeyStoreError, LedgerError};

/// Why no certificate was issued. [`Display`](std::fmt::Display) is safe to show to the requester;
/// [`detail`](Self::detail) is for operators only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The request is refused; repeating it changes nothing.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another process is working on a request with this token. Repeat it with the same token.
    #[error("this request is already being worked on; repeat it with the same idempotency token in a minute")]
    InProgress,
    /// A port is unavailable. Repeat the request; with the same token it results in one certificate at most.
    #[error(
        "the certificate authority is busy or partly unavailable; repeat the request, with the same idempotency token if it had one"
    )]
    Unavailable {
        /// The cause, for operators.
        detail: String,
    },
    /// An internal fault; the intent, if there was one, is left to the sweeper.
    #[error("the certificate authority could not issue the certificate; its operator finds the reason in the log")]
    Internal {
        /// What failed.
        fault: InternalFault,
        /// The cause, for operators.
        detail: String,
    },
}

/// What failed inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InternalFault {
    /// The profile's CA is not configured, or not created yet.
    NoCa,
    /// The CA's certificate is not believed.
    CaNotBelieved,
    /// What was prepared may not be signed.
    NotSignable,
    /// The key store made a signature that does not verify.
    BadSignature,
    /// The key store made no signature.
    KeyStore,
    /// The ledger, or what it says.
    Ledger,
    /// A front allowed a CSR file for other names than those of the request.
    CsrFile,
}

impl InternalFault {
    /// A stable code for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoCa => "no_ca",
            Self::CaNotBelieved => "ca_not_believed",
            Self::NotSignable => "not_signable",
            Self::BadSignature => "bad_signature",
            Self::KeyStore => "key_store",
            Self::Ledger => "ledger",
            Self::CsrFile => "csr_file",
        }
    }
}

impl IssueError {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::InProgress => "in_progress",
            Self::Unavailable { .. } => "unavailable",
            Self::Internal { fault, .. } => fault.code(),
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::InProgress | Self::Unavailable { .. })
    }

    /// The cause, which the requester must not see. `None` where the message contains everything.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Unavailable { detail } | Self::Internal { detail, .. } => Some(detail),
            Self::Refused(_) | Self::InProgress => None,
        }
    }
}

impl From<KeyStoreError> for IssueError {
    fn from(error: KeyStoreError) -> Self {
        let detail = error.to_string();
        match error {
            KeyStoreError::Unavailable { .. } => Self::Unavailable { detail },
            _ => Self::Internal {
                fault: InternalFault::KeyStore,
                detail,
            },
        }
    }
}

impl From<NotBelieved> for IssueError {
    fn from(error: NotBelieved) -> Self {
        match error {
            NotBelieved::Ledger(error) => error.into(),
            NotBelieved::KeyStore { error, .. } => error.into(),
            refuted => {
                tracing::error!(error = %refuted, "nothing is issued under a CA that is not believed");
                Self::Internal {
                    fault: InternalFault::CaNotBelieved,
                    detail: refuted.to_string(),
                }
            }
        }
    }
}

impl From<LedgerError> for IssueError {
    /// Errors that do not depend on the request; the others are handled where they arise.
    fn from(error: LedgerError) -> Self {
        let detail = error.to_string();
        match error {
            LedgerError::Unavailable { .. } | LedgerError::NotCreated { .. } => Self::Unavailable { detail },
            _ => Self::Internal {
                fault: InternalFault::Ledger,
                detail,
            },
        }
    }
}
