//! The octets around a signed TBSCertList.

use std::io::{self, Write};

use crate::algorithm::CaKeyAlgorithm;
use crate::tlv::der;
use crate::tlv::tag;

/// Length of an encoded TBSCertList in octets, header included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TbsLength(pub(super) usize);

impl TbsLength {
    /// The number of octets.
    pub fn octets(self) -> u64 {
        self.0 as u64
    }
}

/// The octets before and after a TBSCertList that make it a `CertificateList` (RFC 5280 section 5.1).
///
/// The outer length depends on the signature's, and an ECDSA signature's length is only known once it is made. So the
/// TBSCertList is spooled first, and the CRL is `prefix` ‖ the spooled octets ‖ `suffix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framing {
    prefix: Vec<u8>,
    suffix: Vec<u8>,
    tbs: TbsLength,
}

impl Framing {
    /// Frames a TBSCertList of that length, signed by a key of `algorithm`. ECDSA signatures are DER ECDSA-Sig-Value.
    pub fn new(algorithm: CaKeyAlgorithm, tbs: TbsLength, signature: &[u8]) -> Self {
        let mut suffix = algorithm.signature_algorithm_der().to_vec();
        der::push_header(&mut suffix, tag::BIT_STRING, 1 + signature.len());
        suffix.push(0);
        suffix.extend_from_slice(signature);

        let mut prefix = Vec::with_capacity(6);
        der::push_header(&mut prefix, tag::SEQUENCE, tbs.0 + suffix.len());
        Self { prefix, suffix, tbs }
    }

    /// The outer SEQUENCE's header.
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// signatureAlgorithm and signatureValue.
    pub fn suffix(&self) -> &[u8] {
        &self.suffix
    }

    /// Octets of the whole CRL.
    pub fn crl_len(&self) -> u64 {
        self.tbs.octets() + (self.prefix.len() + self.suffix.len()) as u64
    }

    /// The whole CRL as a stream, from the spooled TBSCertList.
    pub fn reader<'a, R: io::Read + 'a>(&'a self, tbs: R) -> impl io::Read + 'a {
        io::Read::chain(io::Read::chain(&self.prefix[..], tbs), &self.suffix[..])
    }

    /// The whole CRL in memory, for short ones.
    pub fn assemble(&self, tbs: &[u8]) -> Vec<u8> {
        [&self.prefix, tbs, &self.suffix].concat()
    }

    /// Copies the whole CRL to `out`; fails if the spool's length differs from what was signed.
    pub fn copy(&self, tbs: &mut impl io::Read, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.prefix)?;
        let copied = io::copy(tbs, out)?;
        if copied != self.tbs.octets() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the spooled CRL has {copied} octets, {} were signed", self.tbs.octets()),
            ));
        }
        out.write_all(&self.suffix)
    }
}
