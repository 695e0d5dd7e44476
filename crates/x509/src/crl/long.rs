//! Streams a CRL that is too long for memory, in constant memory, and verifies its signature.
//!
//! Number and times are encoded before and after the entries. Both parts are kept, the entries are hashed and skipped,
//! and the kept parts are parsed as a CRL without entries.

use std::io::{self, Read, Seek, SeekFrom};

use aws_lc_rs::digest;

use super::RevocationList;
use crate::key::ca::{CaPublicKey, SigningHasher};
use crate::tlv::{Reader, der, tag};

/// Most octets before the entries, after them, and after the TBSCertList: an issuer's name and 64 extensions are
/// shorter.
const ENDS: usize = 16 * 1024;

/// Octets read at a time.
const BUFFER: usize = 64 * 1024;

/// A CRL without its entries, whose signature was verified over the whole.
#[derive(Clone, Debug)]
pub struct LongCrl {
    facts: RevocationList,
    sha256: [u8; 32],
}

/// The source, and a running hash of every octet that was read.
struct Passing<R> {
    source: R,
    all: digest::Context,
}

impl LongCrl {
    /// Reads DER to its end. `None`: it is not a CRL that this key signed.
    pub fn read(source: impl Read, issuer: &CaPublicKey) -> io::Result<Option<Self>> {
        let mut passing = Passing {
            source,
            all: digest::Context::new(&digest::SHA256),
        };
        let Some(read) = passing.read_crl(issuer)? else {
            return Ok(None);
        };
        let (der, hasher) = read;
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(passing.all.finish().as_ref());
        let facts = RevocationList::from_der(der).ok();
        let facts = facts.filter(|facts| facts.is_signed_as(issuer, &hasher.finish()));
        Ok(facts.map(|facts| Self { facts, sha256 }))
    }

    /// Everything except the entries: issuer, times, extensions. It has no entries, so its own signature does not
    /// verify.
    pub fn facts(&self) -> &RevocationList {
        &self.facts
    }

    /// SHA-256 of the DER.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }
}

/// What a TBSCertList says but for its entries, read at both its ends and nowhere else. There is no signature yet that could be
/// verified. `None`: it is no TBSCertList, something stands behind it, or one of its ends is longer than what is read.
pub fn facts_of_tbs(source: &mut (impl Read + Seek)) -> io::Result<Option<RevocationList>> {
    source.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    source.by_ref().take(ENDS as u64).read_to_end(&mut head)?;
    let Some((header, content)) = content_of(&head, tag::SEQUENCE) else {
        return Ok(None);
    };
    let Some((fields, end)) = head.get(header..).and_then(ends) else {
        return Ok(None);
    };
    let Some(after) = content.checked_sub(end).filter(|after| *after <= ENDS) else {
        return Ok(None);
    };
    source.seek(SeekFrom::Start((header + end) as u64))?;
    let mut tail = Vec::new();
    // One octet more: nothing may stand behind it.
    source.by_ref().take(after as u64 + 1).read_to_end(&mut tail)?;
    let mut reader = Reader::new(&head[header..]);
    let algorithm = reader
        .optional(tag::INTEGER)
        .and_then(|_| reader.expect(tag::SEQUENCE))
        .map(|algorithm| algorithm.raw);
    let (Ok(algorithm), true) = (algorithm, tail.len() == after) else {
        return Ok(None);
    };
    let without = der::wrap(tag::SEQUENCE, &[&head[header..header + fields], &tail]);
    let unsigned = der::wrap(tag::SEQUENCE, &[&without, algorithm, &[tag::BIT_STRING, 2, 0, 0]]);
    Ok(RevocationList::from_der(unsigned).ok())
}

impl<R: Read> Passing<R> {
    /// The CRL without its entries, and the hash that its signature covers.
    fn read_crl(&mut self, issuer: &CaPublicKey) -> io::Result<Option<(Vec<u8>, SigningHasher)>> {
        let Some((_, whole)) = self.header()? else {
            return Ok(None);
        };
        let Some((header, tbs)) = self.header()? else {
            return Ok(None);
        };
        let mut hasher = SigningHasher::new(issuer);
        hasher.update(&header);
        let after = whole.checked_sub(tbs).and_then(|left| left.checked_sub(header.len()));
        let Some(after) = after.filter(|after| *after <= ENDS) else {
            return Ok(None);
        };
        let Some(head) = self.octets(tbs.min(ENDS))? else {
            return Ok(None);
        };
        hasher.update(&head);
        let Some((fields, end)) = ends(&head) else {
            return Ok(None);
        };
        if end > tbs || tbs - end > ENDS {
            return Ok(None);
        }
        // The fields after the entries may start in the octets that were already read.
        let mut tail = head.get(end..).unwrap_or_default().to_vec();
        let mut at = head.len();
        let mut buffer = vec![0; BUFFER];
        while at < tbs {
            let piece = &mut buffer[..BUFFER.min(tbs - at)];
            if !self.fill(piece)? {
                return Ok(None);
            }
            hasher.update(piece);
            tail.extend_from_slice(piece.get(end.saturating_sub(at)..).unwrap_or_default());
            at += piece.len();
        }
        let Some(rest) = self.octets(after)? else {
            return Ok(None);
        };
        if self.source.read(&mut [0])? != 0 {
            return Ok(None);
        }
        let without = der::wrap(tag::SEQUENCE, &[&head[..fields], &tail]);
        Ok(Some((der::wrap(tag::SEQUENCE, &[&without, &rest]), hasher)))
    }

    /// The header of a SEQUENCE of definite length: its octets, and the length of the content.
    fn header(&mut self) -> io::Result<Option<(Vec<u8>, usize)>> {
        let Some(mut header) = self.octets(2)? else {
            return Ok(None);
        };
        if header[1] > 0x80 {
            let more = usize::from(header[1] & 0x7f);
            if more > size_of::<u64>() {
                return Ok(None);
            }
            match self.octets(more)? {
                Some(octets) => header.extend(octets),
                None => return Ok(None),
            }
        }
        Ok(content_of(&header, tag::SEQUENCE)
            .filter(|(octets, _)| *octets == header.len())
            .map(|(_, content)| (header, content)))
    }

    fn octets(&mut self, count: usize) -> io::Result<Option<Vec<u8>>> {
        let mut octets = vec![0; count];
        Ok(self.fill(&mut octets)?.then_some(octets))
    }

    /// Fills the buffer; returns whether there were enough octets.
    fn fill(&mut self, octets: &mut [u8]) -> io::Result<bool> {
        match self.source.read_exact(octets) {
            Ok(()) => {
                self.all.update(octets);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// In the first octets of a TBSCertList's content: where the fields before the entries end, and where the entries end.
fn ends(head: &[u8]) -> Option<(usize, usize)> {
    let mut reader = Reader::new(head);
    reader.optional(tag::INTEGER).ok()?;
    reader.expect(tag::SEQUENCE).ok()?;
    reader.expect(tag::SEQUENCE).ok()?;
    reader.read().ok()?;
    der::optional_time(&mut reader).ok()?;
    let fields = head.len() - reader.rest().len();
    let end = match content_of(reader.rest(), tag::SEQUENCE) {
        Some((header, content)) => fields.checked_add(header)?.checked_add(content)?,
        // The CRL has no entries.
        None => fields,
    };
    Some((fields, end))
}

/// The lengths of the DER header at the start of `octets`, and of its content.
fn content_of(octets: &[u8], tag: u8) -> Option<(usize, usize)> {
    let (&found, rest) = octets.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if found != tag {
        return None;
    }
    if first < 0x80 {
        return Some((2, usize::from(first)));
    }
    let count = usize::from(first & 0x7f);
    let digits = rest.get(..count)?;
    // Only the shortest form, and no indefinite length.
    if digits.first().is_none_or(|digit| *digit == 0) || count > size_of::<usize>() {
        return None;
    }
    let content = digits
        .iter()
        .fold(0, |length, digit| (length << 8) | usize::from(*digit));
    (content >= 0x80).then_some((2 + count, content))
}
