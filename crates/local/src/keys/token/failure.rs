//! Meaning of a token's errors.

use chancery_authority::port::KeyStoreError;
use cryptoki::error::{Error, RvError};

/// Why a job on a token failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The session, the token or the module's state is gone: a new session may help.
    Lost(Error),
    /// A new session would not help.
    Final(KeyStoreError),
}

impl Failure {
    /// The error for the caller, when no further attempt is made.
    pub(super) fn into_store_error(self, token: &str) -> KeyStoreError {
        match self {
            Self::Lost(error) => KeyStoreError::Unavailable {
                detail: format!(
                    "the token {token} was lost ({error}); check that it is plugged in and its service runs"
                ),
            },
            Self::Final(error) => error,
        }
    }
}

impl From<KeyStoreError> for Failure {
    fn from(error: KeyStoreError) -> Self {
        Self::Final(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let Error::Pkcs11(code, _) = &error else {
            return Self::Final(KeyStoreError::Unavailable {
                detail: format!("the PKCS #11 module failed: {error}"),
            });
        };
        let denied = |detail: &str| {
            Self::Final(KeyStoreError::Denied {
                detail: detail.to_owned(),
            })
        };
        match code {
            RvError::SessionHandleInvalid
            | RvError::SessionClosed
            | RvError::DeviceRemoved
            | RvError::DeviceError
            | RvError::TokenNotPresent
            | RvError::TokenNotRecognized
            | RvError::SlotIdInvalid
            | RvError::UserNotLoggedIn
            | RvError::KeyHandleInvalid
            | RvError::ObjectHandleInvalid
            | RvError::CryptokiNotInitialized
            | RvError::GeneralError
            | RvError::FunctionFailed => Self::Lost(error),
            RvError::PinLocked => denied("the token's user PIN is locked: unlock it with the security officer's PIN"),
            RvError::PinExpired => denied("the token's user PIN has expired: set a new one with the token's own tool"),
            RvError::UserPinNotInitialized => {
                denied("the token has no user PIN yet: set one with the token's own tool")
            }
            RvError::UserAnotherAlreadyLoggedIn | RvError::UserTooManyTypes => {
                denied("another kind of user is logged in to the token in this program: log the security officer out")
            }
            RvError::TokenWriteProtected | RvError::SessionReadOnly => denied("the token is write-protected"),
            RvError::KeyFunctionNotPermitted => denied("the token does not let this key sign"),
            RvError::DeviceMemory => Self::Final(KeyStoreError::Unavailable {
                detail: "the token is full: remove objects".to_owned(),
            }),
            _ => Self::Final(KeyStoreError::Unavailable {
                detail: format!("the token failed: {error}"),
            }),
        }
    }
}
