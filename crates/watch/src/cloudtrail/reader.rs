//! The entries of a document, one at a time.

use std::io::Read;

use super::entry::{Entry, Fault, Limits, Unreadable};
use super::parse;
use super::source::Source;
use super::split::{Piece, Splitter};

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
