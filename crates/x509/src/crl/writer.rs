//! The streaming writer.
//!
//! ```text
//! CrlWriter::new(header, sum of encoded_len, out) → .entry(…) × n → .finish_tbs() → (out, SigningInput, TbsLength)
//!                                                                        sign the input
//!                                      Framing::new(algorithm, length, signature) → prefix ‖ out's octets ‖ suffix
//! ```
//!
//! The length of the entries is given in advance because DER has lengths at the front; ledgers keep the sum. The caller
//! spools the TBSCertList to scratch space and copies it between prefix and suffix, so that memory use is the same for
//! ten entries and for a million.

use std::io;

use super::framing::TbsLength;
use super::{Coverage, RevokedEntry, entry};
use crate::algorithm::SigningInput;
use crate::certificate::{Issuer, KeyUsage};
use crate::key::ca::SigningHasher;
use crate::san;
use crate::time::UnixTime;
use crate::tlv::der;
use crate::tlv::tag;
use crate::tlv::time::{self, OutOfCalendar};

/// Octets buffered before they are hashed and written.
const BUFFER: usize = 64 * 1024;

/// Longest TBSCertList, in octets: OpenSSL and Java count them in signed 32-bit integers.
const MAX_TBS: usize = 0x7fff_ffff;

/// Everything in a CRL except its entries.
#[derive(Clone, Debug)]
pub struct CrlHeader<'a> {
    /// The CA: issuer name, AKI (its own SKI) and signature algorithm come only from its certificate.
    pub issuer: &'a Issuer,
    /// cRLNumber (section 5.2.3), which may have 20 octets; a u64 is never exhausted.
    pub number: u64,
    /// When this CRL is made.
    pub this_update: UnixTime,
    /// nextUpdate: the next one is published by then.
    pub next_update: UnixTime,
    /// Full, or one shard.
    pub scope: Coverage,
}

/// Writes the TBSCertList of a v2 CRL (RFC 5280 section 5.1.2) in one pass and constant memory, hashing what it writes.
#[derive(Debug)]
pub struct CrlWriter<W: io::Write> {
    out: HashingBuffer<W>,
    /// What follows the entries: crlExtensions.
    tail: Vec<u8>,
    announced: u64,
    entries: u64,
}

/// Why a CRL could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrlWriteError {
    /// The output failed.
    #[error("writing the CRL failed: {0}")]
    Io(#[from] io::Error),
    /// The entries' length differs from the announced one.
    #[error("the entries have {actual} octets, {announced} were announced")]
    Length {
        /// Octets announced.
        announced: u64,
        /// Octets written.
        actual: u64,
    },
    /// Longer than readers accept.
    #[error(
        "the entries have {announced} octets in all, which is more than one CRL can hold; divide the CA's certificates into shards"
    )]
    TooLong {
        /// Octets announced.
        announced: u64,
    },
    /// nextUpdate not later than thisUpdate.
    #[error("the CRL's next update ({next_update}) must be later than this one ({this_update})")]
    Validity {
        /// thisUpdate.
        this_update: UnixTime,
        /// nextUpdate.
        next_update: UnixTime,
    },
    /// A time that X.509 cannot encode.
    #[error("{time} is outside the years 0000 to 9999 that a CRL can hold")]
    Time {
        /// The time.
        time: UnixTime,
    },
    /// The CA certificate has no subject (section 5.1.2.3 requires one).
    #[error("the CA certificate has an empty subject, and so cannot be the issuer of a CRL")]
    EmptyIssuer,
    /// The CA certificate's keyUsage lacks cRLSign (section 4.2.1.3).
    #[error("the CA certificate's key usage does not allow signing CRLs (cRLSign)")]
    NotForCrls,
    /// A shard's URL that is not an absolute ASCII URI.
    #[error("the shard's distribution point {url:?} is not an absolute URL in ASCII")]
    DistributionPoint {
        /// As given.
        url: String,
    },
}

impl From<OutOfCalendar> for CrlWriteError {
    fn from(OutOfCalendar(time): OutOfCalendar) -> Self {
        Self::Time { time }
    }
}

impl<W: io::Write> CrlWriter<W> {
    /// Writes the start of the TBSCertList for entries of `entries_len` octets in total (the sum of
    /// [`RevokedEntry::encoded_len`]).
    pub fn new(header: &CrlHeader<'_>, entries_len: u64, out: W) -> Result<Self, CrlWriteError> {
        let head = head(header)?;
        let tail = extensions(header)?;
        let too_long = CrlWriteError::TooLong { announced: entries_len };
        let Ok(announced) = usize::try_from(entries_len) else {
            return Err(too_long);
        };

        // Section 5.1.2.6: without revoked certificates the field must be absent, not empty.
        let mut entries_header = Vec::new();
        if announced > 0 {
            der::push_header(&mut entries_header, tag::SEQUENCE, announced);
        }
        let length = announced
            .checked_add(head.len() + entries_header.len() + tail.len())
            .filter(|&length| length <= MAX_TBS)
            .ok_or(too_long)?;
        let mut tbs_header = Vec::new();
        der::push_header(&mut tbs_header, tag::SEQUENCE, length);

        let mut out = HashingBuffer::new(out, SigningHasher::new(header.issuer.public_key()));
        for part in [tbs_header, head, entries_header] {
            out.push(&part)?;
        }
        Ok(Self {
            out,
            tail,
            announced: entries_len,
            entries: 0,
        })
    }

    /// Writes the next entry. After an error the output is unusable.
    pub fn entry(&mut self, entry: &RevokedEntry) -> Result<(), CrlWriteError> {
        let octets = self
            .out
            .push_with(entry::MAX_LEN, |buffer| entry::push(buffer, entry))?;
        self.entries += octets as u64;
        if self.entries > self.announced {
            return Err(self.length_error());
        }
        Ok(())
    }

    /// Ends the TBSCertList and returns the signing input.
    pub fn finish_tbs(mut self) -> Result<(W, SigningInput, TbsLength), CrlWriteError> {
        if self.entries != self.announced {
            return Err(self.length_error());
        }
        self.out.push(&self.tail)?;
        Ok(self.out.finish()?)
    }

    fn length_error(&self) -> CrlWriteError {
        CrlWriteError::Length {
            announced: self.announced,
            actual: self.entries,
        }
    }
}

/// version, signature, issuer, thisUpdate, nextUpdate.
fn head(header: &CrlHeader<'_>) -> Result<Vec<u8>, CrlWriteError> {
    let certificate = header.issuer.certificate();
    if certificate.subject().is_empty() {
        return Err(CrlWriteError::EmptyIssuer);
    }
    if certificate
        .key_usage()
        .is_some_and(|usage| !usage.contains(KeyUsage::CRL_SIGN))
    {
        return Err(CrlWriteError::NotForCrls);
    }
    if header.next_update <= header.this_update {
        return Err(CrlWriteError::Validity {
            this_update: header.this_update,
            next_update: header.next_update,
        });
    }
    let mut head = vec![tag::INTEGER, 1, 1];
    head.extend_from_slice(header.issuer.public_key().algorithm().signature_algorithm_der());
    head.extend_from_slice(certificate.subject().as_der());
    time::push(&mut head, header.this_update)?;
    time::push(&mut head, header.next_update)?;
    Ok(head)
}

/// crlExtensions: authorityKeyIdentifier, cRLNumber, and for a shard issuingDistributionPoint.
fn extensions(header: &CrlHeader<'_>) -> Result<Vec<u8>, CrlWriteError> {
    let mut extensions = vec![authority_key_identifier(header.issuer), crl_number(header.number)];
    if let Coverage::Shard { distribution_points } = &header.scope {
        extensions.push(issuing_distribution_point(distribution_points)?);
    }
    let sequence = der::wrap(tag::SEQUENCE, &[&extensions.concat()]);
    Ok(der::wrap(tag::context_constructed(0), &[&sequence]))
}

/// The identifier of the key that signs the CRL: the SKI of the CA's own certificate (section 5.2.1), as in the AKI of
/// certificates that the CA issued. Not the AKI of that certificate, which identifies the key one level up.
fn authority_key_identifier(issuer: &Issuer) -> Vec<u8> {
    let certificate = issuer.certificate();
    let computed;
    let identifier = if let Some(identifier) = certificate.subject_key_identifier() {
        identifier
    } else {
        computed = certificate.key_identifier();
        &computed.0
    };
    let key_identifier = der::wrap(tag::context(0), &[identifier]);
    extension(
        &[0x55, 0x1d, 0x23],
        false,
        &der::wrap(tag::SEQUENCE, &[&key_identifier]),
    )
}

fn crl_number(number: u64) -> Vec<u8> {
    let octets = number.to_be_bytes();
    let first = octets.iter().position(|&octet| octet != 0).unwrap_or(octets.len() - 1);
    let significant = &octets[first..];
    let sign: &[u8] = if significant[0] >= 0x80 { &[0] } else { &[] };
    extension(
        &[0x55, 0x1d, 0x14],
        false,
        &der::wrap(tag::INTEGER, &[sign, significant]),
    )
}

/// Critical (section 5.2.5): software that does not support it would take the shard for a full CRL.
fn issuing_distribution_point(urls: &[String]) -> Result<Vec<u8>, CrlWriteError> {
    if urls.is_empty() {
        return Err(CrlWriteError::DistributionPoint { url: String::new() });
    }
    let mut names = Vec::new();
    for url in urls {
        // The same check applies to the certificates' cRLDistributionPoints, and the two must be equal.
        if !san::is_absolute_uri(url) {
            return Err(CrlWriteError::DistributionPoint { url: url.clone() });
        }
        names.extend(der::wrap(tag::context(6), &[url.as_bytes()]));
    }
    let full_name = der::wrap(tag::context_constructed(0), &[&names]);
    let distribution_point = der::wrap(tag::context_constructed(0), &[&full_name]);
    Ok(extension(
        &[0x55, 0x1d, 0x1c],
        true,
        &der::wrap(tag::SEQUENCE, &[&distribution_point]),
    ))
}

fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[tag::BOOLEAN, 1, 0xff] } else { &[] };
    let oid = der::wrap(tag::OID, &[oid]);
    der::wrap(
        tag::SEQUENCE,
        &[&oid, critical, &der::wrap(tag::OCTET_STRING, &[value])],
    )
}

/// Buffers octets, then hashes and writes them together: single entries are too short for either.
struct HashingBuffer<W> {
    out: W,
    hasher: SigningHasher,
    buffer: Vec<u8>,
    flushed: usize,
}

impl<W> std::fmt::Debug for HashingBuffer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HashingBuffer")
            .field("buffered", &self.buffer.len())
            .field("flushed", &self.flushed)
            .finish_non_exhaustive()
    }
}

impl<W: io::Write> HashingBuffer<W> {
    fn new(out: W, hasher: SigningHasher) -> Self {
        Self {
            out,
            hasher,
            buffer: Vec::with_capacity(BUFFER),
            flushed: 0,
        }
    }

    /// Appends octets of any length: a CA's subject is bounded by its certificate, not by the buffer.
    fn push(&mut self, octets: &[u8]) -> io::Result<()> {
        self.make_room(octets.len())?;
        self.buffer.extend_from_slice(octets);
        Ok(())
    }

    /// Lets `fill` append up to `at_most` octets; returns how many it appended.
    fn push_with<E>(
        &mut self,
        at_most: usize,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<usize, CrlWriteError>
    where
        CrlWriteError: From<E>,
    {
        self.make_room(at_most)?;
        let before = self.buffer.len();
        fill(&mut self.buffer)?;
        Ok(self.buffer.len() - before)
    }

    fn make_room(&mut self, octets: usize) -> io::Result<()> {
        if self.buffer.len() + octets > BUFFER {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hasher.update(&self.buffer);
        self.out.write_all(&self.buffer)?;
        self.flushed += self.buffer.len();
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<(W, SigningInput, TbsLength)> {
        self.flush()?;
        self.out.flush()?;
        Ok((self.out, self.hasher.finish(), TbsLength(self.flushed)))
    }
}
