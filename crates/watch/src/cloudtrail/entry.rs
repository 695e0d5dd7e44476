//! What a document has, within which limits, and what is wrong with it.

use super::record::Record;

/// How much is read of one document, after it is decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the whole.
    pub document: u64,
    /// Octets of one record.
    pub record: usize,
    /// Depth of a record.
    pub depth: u32,
}

impl Default for Limits {
    /// Many times what CloudTrail writes: a record has 256 KB at most, and a trail's file some 50 MB.
    fn default() -> Self {
        Self {
            document: 16 << 30,
            record: 2 << 20,
            depth: 64,
        }
    }
}

/// What a document has at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A record.
    Record(Box<Record>),
    /// An event that is no delivery of CloudTrail's: anybody who may send events can write one that looks like it.
    Foreign {
        /// Its source.
        source: String,
        /// Its `detail-type`.
        kind: String,
    },
}

/// What could not be read, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {position}: {fault}")]
pub struct Unreadable {
    /// Counts the document's entries, from 1.
    pub position: u64,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The document could not be read, or not be decompressed.
    #[error("the document cannot be read any further: {0}")]
    Io(String),
    /// It ends within an entry.
    #[error("the document ends in the middle")]
    Truncated,
    /// Something follows the compressed document.
    #[error("something follows the compressed document")]
    Trailing,
    /// It is longer than [`Limits::document`].
    #[error("the document is longer than any of CloudTrail's")]
    DocumentTooLong,
    /// An entry is longer than [`Limits::record`].
    #[error("it is longer than any record of CloudTrail's")]
    TooLong,
    /// An entry is deeper than [`Limits::depth`].
    #[error("it is deeper than any record of CloudTrail's")]
    TooDeep,
    /// Where an entry should be, there is none.
    #[error("it is no JSON")]
    NoJson,
    /// An entry is no JSON, or a field that is used has another type than CloudTrail gives it.
    #[error("it has not the form of a record: {0}")]
    Form(String),
    /// A field is not there that every record has.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// `eventTime` is no time.
    #[error("its eventTime is no time")]
    Time,
    /// It is JSON, and no record.
    #[error("it is no record")]
    NoRecord,
}
