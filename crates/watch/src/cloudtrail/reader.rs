//! The entries of a document, one at a time.

use std::io::Read;

use super::parse;
use super::record::Record;
use super::source::Source;
use super::split::{Piece, Splitter};

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

/// The entries of a document. What cannot be read is an error, after which the others follow, if it can be told where they begin.
pub struct Records<R: Read> {
    splitter: Option<Splitter<Source<R>>>,
    failed: Option<Fault>,
    position: u64,
}

impl<R: Read> Records<R> {
    /// Reads a document, plain or gzip.
    pub fn new(source: R, limits: Limits) -> Self {
        let (splitter, failed) = match Source::new(source) {
            Ok(source) => (Some(Splitter::new(source, limits)), None),
            Err(error) => (None, Some(Fault::Io(error.to_string()))),
        };
        Self {
            splitter,
            failed,
            position: 0,
        }
    }

    fn unreadable(&self, fault: Fault) -> Unreadable {
        Unreadable {
            position: self.position,
            fault,
        }
    }
}

impl<R: Read> Iterator for Records<R> {
    type Item = Result<Entry, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        self.position += 1;
        if let Some(fault) = self.failed.take() {
            return Some(Err(self.unreadable(fault)));
        }
        let splitter = self.splitter.as_mut()?;
        let read = match splitter.next() {
            Piece::Element(octets) => parse::entry(octets),
            Piece::Bad(fault) => {
                if splitter.has_failed() {
                    self.splitter = None;
                }
                Err(fault)
            }
            Piece::End => {
                let more = splitter.source().has_more();
                self.splitter = None;
                match more {
                    Ok(false) => return None,
                    Ok(true) => Err(Fault::Trailing),
                    Err(error) => Err(Fault::Io(error.to_string())),
                }
            }
        };
        Some(read.map_err(|fault| self.unreadable(fault)))
    }
}
