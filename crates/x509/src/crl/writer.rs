//! The streaming writer.

use std::io;

use super::{RevokedEntry, Scope};
use crate::algorithm::SigningInput;
use crate::certificate::Issuer;
use crate::time::UnixTime;

/// Everything of a CRL but its entries.
#[derive(Clone, Debug)]
pub struct CrlHeader<'a> {
    /// The CA: issuer name, AKI (its own SKI) and signature algorithm come from its certificate and nowhere else.
    pub issuer: &'a Issuer,
    /// cRLNumber (section 5.2.3): at most 20 octets; kept as u64, which counts for ever.
    pub number: u64,
    /// When this CRL is made.
    pub this_update: UnixTime,
    /// When the next one will be there at the latest.
    pub next_update: UnixTime,
    /// Full, or a shard.
    pub scope: Scope,
}

/// Writes a CRL to `out` in one pass: TBSCertList, hashing as it goes, then with the signature the rest.
///
/// The outer SEQUENCE's length depends on the signature's. RSA's and ML-DSA's are fixed; an ECDSA signature's is
/// not, so the TBSCertList goes out alone first and [`CrlWriter::finish_tbs`] gives what to sign; `assemble_prefix`/`suffix`
/// frame it (H3 designs this: the caller writes to a file, the few octets in front can be reserved or the file be
/// copied behind them; memory stays constant either way).
pub struct CrlWriter<W: io::Write> {
    out: W,
}

/// Why a CRL could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrlWriteError {
    /// The output failed.
    #[error("writing the CRL failed: {0}")]
    Io(#[from] io::Error),
    /// The entries were not those that were announced.
    #[error("the entries have {actual} octets, {announced} were announced")]
    Length {
        /// Octets announced.
        announced: u64,
        /// Octets that came.
        actual: u64,
    },
}

impl<W: io::Write> CrlWriter<W> {
    /// Writes the TBSCertList's head for entries of `entries_len` octets in all (the sum of [`RevokedEntry::encoded_len`]).
    pub fn new(_header: &CrlHeader<'_>, _entries_len: u64, _out: W) -> Result<Self, CrlWriteError> {
        todo!("H3")
    }

    /// Writes the next entry.
    pub fn entry(&mut self, _entry: &RevokedEntry) -> Result<(), CrlWriteError> {
        todo!("H3")
    }

    /// Ends the TBSCertList and says what to sign.
    pub fn finish_tbs(self) -> Result<(W, SigningInput), CrlWriteError> {
        todo!("H3")
    }
}
