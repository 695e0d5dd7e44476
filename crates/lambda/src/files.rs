//! The files that operators put into the internal bucket: `tls.json`, `revoked.json`, `revoked-root-ca.json`, `csrs/NAME`.

use async_trait::async_trait;

/// Octets of a list of requests or revocations at most.
pub const LIST_LIMIT: usize = chancery_authority::wire::budget::LIST;

/// Octets of a CSR file at most.
pub const CSR_LIMIT: usize = chancery_authority::wire::budget::CSR;

/// Reads operators' files.
#[async_trait]
pub trait Files: Send + Sync {
    /// A file's content, of at most `limit` octets; `None` if there is none of that name.
    async fn read(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, FilesError>;

    /// A file's content, unless it is still the version that is `known`. At most [`LIST_LIMIT`] octets.
    async fn read_if_changed(&self, name: &str, known: Option<&str>) -> Result<Read, FilesError>;

    /// Where the files are, for the contract's error text: `S3 bucket 'my-bucket'`.
    fn place(&self) -> String;
}

/// What came of a conditional read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// The version that was known.
    Unchanged,
    /// No such file.
    Missing,
    /// Another version.
    Changed {
        /// Its version.
        version: String,
        /// Its content.
        octets: Vec<u8>,
    },
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// Not allowed, throttled, unreachable.
    #[error("{detail}")]
    Unreadable {
        /// Which file, from where, and what happened.
        detail: String,
    },
    /// Longer than what is taken.
    #[error("{name} has {actual} octets, at most {limit} are taken")]
    TooLong {
        /// Which file.
        name: String,
        /// Its octets.
        actual: usize,
        /// The limit.
        limit: usize,
    },
}
