//! From an error to how the invocation fails.

use chancery_authority::belief::NotBelieved;
use chancery_authority::hierarchy::HierarchyError;
use chancery_authority::issue::IssueError;
use chancery_authority::port::{KeyStoreError, LedgerError, PublicationError};
use chancery_authority::publish::PublishError;
use chancery_deployment::failure::{FailedInvocation, FailureKind};
use chancery_deployment::settings::SettingsError;

use crate::files::FilesError;

/// Why a function failed, as its caller sees it: a type that a state machine can match and retry on, and a message. The
/// log has more detail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What a caller decides by.
    pub kind: FailureKind,
    /// What happened, and what to do about it.
    pub message: String,
    /// What a store said, whole: for the log only, since it may name rows, tables and keys.
    pub(crate) detail: Option<String>,
}

impl Failure {
    /// A failure of that kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            detail: None,
        }
    }

    /// A failure of a store: its caller learns what to do, and the log what the store said.
    fn of_store(kind: FailureKind, message: &str, error: &dyn std::error::Error) -> Self {
        Self {
            detail: Some(error.to_string()),
            ..Self::new(kind, message)
        }
    }
}

impl From<Failure> for FailedInvocation {
    /// For the caller, who does not get the detail.
    fn from(failure: Failure) -> Self {
        Self::new(failure.kind, failure.message)
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::new(FailureKind::Configuration, error.to_string())
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let (kind, message) = match error {
            LedgerError::Unavailable { .. } => (
                FailureKind::Unavailable,
                "the ledger is busy or cannot be reached: call again; the function's log says why",
            ),
            LedgerError::NotCreated { .. } => (
                FailureKind::NoLedger,
                "the ledger's tables do not exist yet: deploy the module; the function's log names them",
            ),
            _ => (
                FailureKind::Internal,
                "the ledger does not allow this as it is: an operator finds in the function's log what to mend",
            ),
        };
        Self::of_store(kind, message, &error)
    }
}

impl From<KeyStoreError> for Failure {
    fn from(error: KeyStoreError) -> Self {
        let (kind, message) = match error {
            KeyStoreError::Unavailable { .. } => (
                FailureKind::Unavailable,
                "the key store is busy or cannot be reached: call again; the function's log says why",
            ),
            _ => (
                FailureKind::Internal,
                "the key store does not sign: an operator finds the reason in the function's log",
            ),
        };
        Self::of_store(kind, message, &error)
    }
}

impl From<PublicationError> for Failure {
    fn from(error: PublicationError) -> Self {
        let message = "what is published cannot be read or written now: call again; the function's log says why";
        Self::of_store(FailureKind::Unavailable, message, &error)
    }
}

impl From<FilesError> for Failure {
    fn from(error: FilesError) -> Self {
        match error {
            FilesError::TooLong { .. } => Self::new(FailureKind::Incomplete, error.to_string()),
            FilesError::Unreadable { .. } => {
                let message = "the operators' files cannot be read now: call again; the function's log says why";
                Self::of_store(FailureKind::Unavailable, message, &error)
            }
        }
    }
}

impl From<NotBelieved> for Failure {
    fn from(error: NotBelieved) -> Self {
        match error {
            NotBelieved::Ledger(error) => error.into(),
            NotBelieved::KeyStore { error, .. } => error.into(),
            refuted => Self::new(FailureKind::Internal, refuted.to_string()),
        }
    }
}

impl From<HierarchyError> for Failure {
    fn from(error: HierarchyError) -> Self {
        match error {
            HierarchyError::Ledger(error) => error.into(),
            HierarchyError::KeyStore(error) => error.into(),
            HierarchyError::NotBelieved(error) => error.into(),
            HierarchyError::NotPublished { .. } => Self::new(FailureKind::Unavailable, error.to_string()),
            _ => Self::new(FailureKind::Internal, error.to_string()),
        }
    }
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Ledger(error) => error.into(),
            PublishError::KeyStore(error) => error.into(),
            PublishError::NotBelieved(error) => error.into(),
            PublishError::Publication(error) => error.into(),
            PublishError::Contended { .. } => Self::new(FailureKind::Unavailable, error.to_string()),
            _ => Self::new(FailureKind::Internal, error.to_string()),
        }
    }
}

impl From<&IssueError> for Failure {
    /// For errors that are not refusals: a refusal is an answer.
    fn from(error: &IssueError) -> Self {
        let kind = match error {
            IssueError::InProgress => FailureKind::InProgress,
            IssueError::Unavailable { .. } => FailureKind::Unavailable,
            _ => FailureKind::Internal,
        };
        Self::new(kind, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without tables nobody but the sweep does anything else.
    #[test]
    fn a_caller_is_not_told_that_there_are_no_tables_yet() {
        let missing = Failure::from(LedgerError::NotCreated {
            detail: "no table".to_owned(),
        });
        assert_eq!(missing.kind, FailureKind::NoLedger);
        let failed = FailedInvocation::from(missing);
        assert_eq!(failed.kind(), Some(FailureKind::Unavailable));
    }

    #[test]
    fn callers_do_not_learn_what_a_store_said() {
        let said = || "table journal, item intent#1: somebody's row".to_owned();
        let failures = [
            Failure::from(LedgerError::Unavailable { detail: said() }),
            Failure::from(LedgerError::Damaged { detail: said() }),
            Failure::from(KeyStoreError::Unavailable { detail: said() }),
            Failure::from(FilesError::Unreadable { detail: said() }),
        ];
        for failure in failures {
            assert!(!failure.message.contains("journal"), "{failure}");
            assert!(failure.message.contains("the function's log"), "{failure}");
            assert!(
                failure.detail.is_some_and(|detail| detail.contains(&said())),
                "the log has it"
            );
        }
    }
}
