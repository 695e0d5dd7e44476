//! Why a data folder cannot be used, and what to do about it.

use std::io;
use std::path::PathBuf;

use super::ENVIRONMENT;

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// There is no authority in the folder.
    #[error("there is no authority in {}: run `chancery init` or `chancery start` first, or name its folder with --dir", .path.display())]
    Missing {
        /// The folder given.
        path: PathBuf,
    },
    /// Not a folder.
    #[error("{} is not a folder", .path.display())]
    NotAFolder {
        /// The path given.
        path: PathBuf,
    },
    /// The folder belongs to another user.
    #[error(
        "{} belongs to user number {owner}, and this is user number {user}: run Chancery as the user who owns it",
        .path.display()
    )]
    ForeignOwner {
        /// Which folder.
        path: PathBuf,
        /// Its owner's user id.
        owner: u32,
        /// This process's effective user id.
        user: u32,
    },
    /// Other users may write in it.
    #[error(
        "other users can write to {} (mode {mode:o}) and so control the authority: check what they changed, then run \
         `chmod 700 {}`",
        .path.display(), .path.display()
    )]
    OpenToOthers {
        /// Which folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Any user may move it away and put another in its place.
    #[error(
        "anybody may put another folder in the place of {} (its parent {} has mode {:o}): `chmod o-w {}`, or move the \
         authority to a folder of your own",
        .path.display(), .parent.display(), .mode, .parent.display()
    )]
    ParentOpenToOthers {
        /// Which folder.
        path: PathBuf,
        /// The folder above it that others may write.
        parent: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another process holds the lock, since it serves or creates this authority.
    #[error(
        "the authority in {} is in use by {}: stop that, or ask it with --url",
        .path.display(), holder(*.process)
    )]
    Locked {
        /// Which folder.
        path: PathBuf,
        /// The id of that process, where it could be read.
        process: Option<u32>,
    },
    /// Another command changes the configuration.
    #[error(
        "the configuration in {} is being changed by {}: wait until that has ended",
        .path.display(), holder(*.process)
    )]
    ConfigLocked {
        /// Which folder.
        path: PathBuf,
        /// The id of that process, where it could be read.
        process: Option<u32>,
    },
    /// Neither `$CHANCERY_DIR` nor a home folder.
    #[error("there is no home folder to keep an authority in: name a folder with --dir or set {ENVIRONMENT}")]
    NoDefault,
    /// A file of the folder cannot be read or written.
    #[error("{}: {source}{}", .path.display(), remedy(.source))]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
    /// A file that is too long to be what it should be.
    #[error("{} has more than {limit} octets, the limit for this kind of file", .path.display())]
    TooLong {
        /// Which file.
        path: PathBuf,
        /// Its octets.
        len: u64,
        /// Most octets allowed.
        limit: u64,
    },
    /// A file that is not UTF-8.
    #[error("{} is not UTF-8 text", .path.display())]
    NotText {
        /// Which file.
        path: PathBuf,
    },
    /// A name that is no plain file name.
    #[error("{name:?} cannot be the name of a file here: use letters, digits, '.', '-' and '_', and no leading dot")]
    BadName {
        /// The name, shortened.
        name: String,
    },
}

/// What to do about an error of the system, to be appended to a message; empty where that is not clear.
pub fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; free some space and try again",
        io::ErrorKind::ReadOnlyFilesystem => "; mount it writable and try again",
        io::ErrorKind::PermissionDenied => "; let the user who runs Chancery own the folder",
        _ => "",
    }
}

fn holder(process: Option<u32>) -> String {
    process.map_or_else(|| "another process".to_owned(), |number| format!("process {number}"))
}
