//! Errors of a SQLite file, with messages that tell the operator what to do.

use std::path::{Path, PathBuf};

use chancery_authority::port::LedgerError;
use rusqlite::ErrorCode;

/// Why a ledger could not be opened or created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no file.
    #[error("there is no ledger at {}: run `chancery init` or `chancery start`, or restore a backup", .path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// There is a file where a new ledger was to be made.
    #[error("{} exists already", .path.display())]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// Another program's database, or an empty file.
    #[error("{} is not a ledger of Chancery: restore it from a backup with `chancery restore`", .path.display())]
    NotALedger {
        /// Which file.
        path: PathBuf,
    },
    /// Written by a newer version of this program.
    #[error(
        "{} has format {found}, and this program knows formats up to {known}: use a newer version of Chancery",
        .path.display()
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// The format that it has.
        found: u32,
        /// The newest format that this program knows.
        known: u32,
    },
    /// Written by an older version of this program, and cannot be migrated here, since the file cannot be written.
    #[error(
        "{} has format {found} and must be migrated to format {known}: open it once on a writable file system",
        .path.display()
    )]
    Older {
        /// Which file.
        path: PathBuf,
        /// The format that it has.
        found: u32,
        /// The format that this program needs.
        known: u32,
    },
    /// Another process holds the lock.
    #[error("{} is locked by another process: wait until that is done, or stop it, and try again", .path.display())]
    Locked {
        /// Which file.
        path: PathBuf,
    },
    /// No permission to write, or a read-only file system.
    #[error(
        "{} cannot be written: let the user who runs Chancery own the file and its folder, and mount it writable",
        .path.display()
    )]
    ReadOnly {
        /// Which file.
        path: PathBuf,
    },
    /// No space left.
    #[error("there is no space left for {}: free some and try again; nothing was lost", .path.display())]
    Full {
        /// Which file.
        path: PathBuf,
    },
    /// SQLite found the file's structure broken.
    #[error(
        "{} is damaged ({detail}): keep a copy of it, and restore a backup with `chancery restore`",
        .path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What SQLite reported.
        detail: String,
    },
    /// Any other error of the operating system.
    #[error("{} could not be opened: {detail}", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system reported.
        detail: String,
    },
}

/// Why one operation failed, before the file's name is added.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A refusal, or damage found in a row.
    Ledger(LedgerError),
    /// An error of SQLite.
    Sqlite(rusqlite::Error),
    /// An error of the temporary file.
    Io(std::io::Error),
}

impl From<LedgerError> for Fault {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// The error of a row that cannot be read.
pub(crate) fn damaged(detail: impl Into<String>) -> Fault {
    Fault::Ledger(LedgerError::Damaged { detail: detail.into() })
}

/// The error of a ledger whose threads have ended, as they do when it is closed.
pub(crate) fn stopped() -> LedgerError {
    LedgerError::Unavailable {
        detail: "the ledger is closed: start Chancery again".into(),
    }
}

/// The error of writing to a ledger that was opened read-only.
pub(crate) fn read_only(path: &Path) -> LedgerError {
    LedgerError::Unavailable {
        detail: OpenError::ReadOnly { path: path.to_owned() }.to_string(),
    }
}

impl Fault {
    /// Whether it concerns a single row, so that the operation can go on with others: something in the row cannot be
    /// read, or it contradicts another row.
    pub(crate) fn is_of_row(&self) -> bool {
        match self {
            Self::Ledger(LedgerError::Damaged { .. }) => true,
            Self::Ledger(_) | Self::Io(_) => false,
            Self::Sqlite(error) => match error.sqlite_error_code() {
                Some(code) => code == ErrorCode::ConstraintViolation,
                None => matches!(
                    error,
                    rusqlite::Error::FromSqlConversionFailure(..)
                        | rusqlite::Error::IntegralValueOutOfRange(..)
                        | rusqlite::Error::InvalidColumnType(..)
                        | rusqlite::Error::Utf8Error(..)
                ),
            },
        }
    }

    /// What is wrong, as text.
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::Ledger(LedgerError::Damaged { detail }) => detail.clone(),
            Self::Ledger(error) => error.to_string(),
            Self::Sqlite(error) => error.to_string(),
            Self::Io(error) => error.to_string(),
        }
    }

    /// As the port's error.
    pub(crate) fn into_ledger(self, path: &Path) -> LedgerError {
        let open = match self {
            Self::Ledger(error) => return error,
            Self::Io(error) => io(path, &error),
            Self::Sqlite(error) => open_error(path, &error),
        };
        match open {
            OpenError::Damaged { .. } | OpenError::NotALedger { .. } => LedgerError::Damaged {
                detail: open.to_string(),
            },
            other => LedgerError::Unavailable {
                detail: other.to_string(),
            },
        }
    }

    /// As an error of opening.
    pub(crate) fn into_open(self, path: &Path) -> OpenError {
        match self {
            Self::Ledger(LedgerError::Damaged { detail }) => OpenError::Damaged {
                path: path.to_owned(),
                detail,
            },
            Self::Ledger(error) => OpenError::Io {
                path: path.to_owned(),
                detail: error.to_string(),
            },
            Self::Io(error) => io(path, &error),
            Self::Sqlite(error) => open_error(path, &error),
        }
    }
}

pub(crate) fn io(path: &Path, error: &std::io::Error) -> OpenError {
    let path = path.to_owned();
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded | std::io::ErrorKind::FileTooLarge => {
            OpenError::Full { path }
        }
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => OpenError::ReadOnly { path },
        std::io::ErrorKind::AlreadyExists => OpenError::Exists { path },
        _ => OpenError::Io {
            path,
            detail: error.to_string(),
        },
    }
}

pub(crate) fn open_error(path: &Path, error: &rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    let detail = error.to_string();
    // The shared-memory index of the log could not grow, for which SQLite has no disk-full code.
    if let Some(failure) = error.sqlite_error()
        && failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
    {
        return OpenError::Full { path };
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            OpenError::Locked { path }
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => OpenError::ReadOnly { path },
        Some(ErrorCode::DiskFull) => OpenError::Full { path },
        Some(ErrorCode::NotADatabase) => OpenError::NotALedger { path },
        // None: a column of another type than the schema's, or a number out of range.
        Some(ErrorCode::DatabaseCorrupt) | None => OpenError::Damaged { path, detail },
        Some(_) => OpenError::Io {
            path,
            detail: format!("{detail}; look for disk errors and limits on file sizes"),
        },
    }
}
