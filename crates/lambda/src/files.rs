//! The files that operators put into the internal bucket: `tls.json`, `revoked.json`, `revoked-root-ca.json`, `csrs/NAME`.

use async_trait::async_trait;

/// Most octets of `tls.json` and of a revocation list.
pub const LIST_LIMIT: usize = chancery_contract::budget::LIST;

/// Most octets of a CSR file.
pub const CSR_LIMIT: usize = chancery_contract::budget::CSR;

/// Reads operators' files.
#[async_trait]
pub trait Files: Send + Sync {
    /// A file's content; `None` if there is no such file. One of more than `limit` octets is an error.
    async fn read(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, FilesError>;

    /// A file's content, unless its version is still `known`. One of more than [`LIST_LIMIT`] octets is an error.
    async fn read_if_changed(&self, name: &str, known: Option<&str>) -> Result<Read, FilesError>;

    /// Where the files are, for the contract's error message: `S3 bucket 'my-bucket'`.
    fn place(&self) -> String;
}

/// The result of a conditional read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// The file still has the caller's version.
    Unchanged,
    /// There is no such file.
    Missing,
    /// The file has another version.
    Changed {
        /// The version to pass as `known` next time.
        version: String,
        /// The whole content.
        octets: Vec<u8>,
    },
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// Access denied, throttled, or unreachable.
    #[error("{detail}")]
    Unreadable {
        /// Which file, from where, and what happened.
        detail: String,
    },
    /// The file is longer than the limit.
    #[error("{name} has {actual} octets, at most {limit} are taken")]
    TooLong {
        /// The file's name.
        name: String,
        /// The file's length in octets.
        actual: usize,
        /// The limit in octets.
        limit: usize,
    },
}
