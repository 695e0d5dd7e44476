//! Where what is proposed is read from.

use crate::wire::CsrFileName;

/// Operators' files, as they are proposed.
pub trait Proposal: Send + Sync {
    /// A list of at most [`budget::LIST`](crate::wire::budget::LIST) octets; `None` where there is none of that name.
    fn list(&self, name: &'static str) -> Result<Option<Vec<u8>>, Unreadable>;

    /// A CSR file of at most [`budget::CSR`](crate::wire::budget::CSR) octets; `None` where there is none of that name.
    fn csr(&self, name: &CsrFileName) -> Result<Option<Vec<u8>>, Unreadable>;

    /// The names of all CSR files, whatever they are.
    fn csr_names(&self) -> Result<Vec<String>, Unreadable>;

    /// Where the CSR files are, for messages: `the folder csrs`.
    fn place(&self) -> String;
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// Longer than what is taken.
    #[error("it has {actual} octets, at most {limit} are taken")]
    TooLong {
        /// Its octets.
        actual: usize,
        /// The limit.
        limit: usize,
    },
    /// Not allowed, no file, outside the folder.
    #[error("{detail}")]
    Other {
        /// What happened.
        detail: String,
    },
}
