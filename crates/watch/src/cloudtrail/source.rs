//! The octets of a document, plain or out of gzip.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

/// A document's octets.
pub(super) enum Source<R: Read> {
    Plain(BufReader<R>),
    Gzip(Box<BufReader<GzDecoder<BufReader<R>>>>),
}

/// What gzip begins with: RFC 1952 section 2.3.1.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Octets that are read at once.
const AT_ONCE: usize = 64 << 10;

impl<R: Read> Source<R> {
    pub(super) fn new(source: R) -> io::Result<Self> {
        let mut source = BufReader::with_capacity(AT_ONCE, source);
        // A first read may be short; no document of one octet is any.
        let is_gzip = source.fill_buf()?.starts_with(&MAGIC);
        Ok(if is_gzip {
            Self::Gzip(Box::new(BufReader::with_capacity(AT_ONCE, GzDecoder::new(source))))
        } else {
            Self::Plain(source)
        })
    }

    /// Whether anything follows the compressed document, which nobody has read. Only at its end.
    pub(super) fn has_more(&mut self) -> io::Result<bool> {
        match self {
            Self::Plain(_) => Ok(false),
            Self::Gzip(decoder) => Ok(!decoder.get_mut().get_mut().fill_buf()?.is_empty()),
        }
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(source) => source.read(buffer),
            Self::Gzip(source) => source.read(buffer),
        }
    }
}

impl<R: Read> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Self::Plain(source) => source.fill_buf(),
            Self::Gzip(source) => source.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        match self {
            Self::Plain(source) => source.consume(amount),
            Self::Gzip(source) => source.consume(amount),
        }
    }
}
