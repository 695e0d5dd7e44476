//! The RSAPublicKey of RFC 8017 appendix A.1.1, parsed without copying.

use der::asn1::UintRef;
use der::{Decode, Reader, SliceReader};

use super::KeyError;

/// Sizes that are parsed: verifiers refuse smaller ones, and larger ones are too expensive to verify.
const READABLE_BITS: std::ops::RangeInclusive<u32> = 1024..=8192;

/// Modulus and public exponent, big-endian without leading zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RsaPublicKey<'a> {
    pub(crate) modulus: &'a [u8],
    pub(crate) exponent: &'a [u8],
}

impl<'a> RsaPublicKey<'a> {
    /// Parses the DER; the modulus must be odd and of 1024 to 8192 bits, the exponent odd, more than 1 and at most 33
    /// bits (a longer one only makes verification slow).
    pub(crate) fn from_der(der: &'a [u8]) -> Result<Self, KeyError> {
        let key = Self::read(der).map_err(|_| KeyError::Malformed)?;
        if !READABLE_BITS.contains(&key.bits()) {
            return Err(KeyError::RsaSize { bits: key.bits() });
        }
        if !is_odd(key.exponent) || key.exponent == [1] || bits(key.exponent) > 33 {
            return Err(KeyError::RsaExponent);
        }
        if !is_odd(key.modulus) {
            return Err(KeyError::Malformed);
        }
        Ok(key)
    }

    fn read(der: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(der)?;
        let key = reader.sequence(|fields| {
            let modulus = UintRef::decode(fields)?.as_bytes();
            let exponent = UintRef::decode(fields)?.as_bytes();
            Ok::<_, der::Error>(Self { modulus, exponent })
        })?;
        reader.finish()?;
        Ok(key)
    }

    /// Bits of the modulus.
    pub(crate) fn bits(&self) -> u32 {
        bits(self.modulus)
    }
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|octet| octet & 1 == 1)
}

fn bits(number: &[u8]) -> u32 {
    let leading_zeros = number.first().map_or(0, |octet| octet.leading_zeros());
    u32::try_from(number.len() * 8).map_or(u32::MAX, |all| all - leading_zeros)
}
