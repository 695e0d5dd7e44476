//! Where a proposal is read from.

use chancery_authority::issue::CsrFileName;

/// Operators' files in their proposed state.
pub trait Proposal: Send + Sync {
    /// A list of at most [`budget::LIST`](crate::budget::LIST) octets; `None` where there is none of that name.
    fn list(&self, name: &'static str) -> Result<Option<Vec<u8>>, Unreadable>;

    /// A CSR file of at most [`budget::CSR`](crate::budget::CSR) octets; `None` where there is none of that name.
    fn csr(&self, name: &CsrFileName) -> Result<Option<Vec<u8>>, Unreadable>;

    /// The names of all CSR files, valid or not.
    fn csr_names(&self) -> Result<Vec<String>, Unreadable>;

    /// The location of the CSR files, for messages: `the folder csrs`.
    fn place(&self) -> String;
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// The file is longer than the limit.
    #[error("it has {actual} octets, at most {limit} are taken")]
    TooLong {
        /// Its length in octets.
        actual: usize,
        /// The limit in octets.
        limit: usize,
    },
    /// No permission, not a regular file, outside the folder.
    #[error("{detail}")]
    Other {
        /// What happened.
        detail: String,
    },
}
