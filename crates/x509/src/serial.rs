//! Certificate serial numbers (RFC 5280 section 4.1.2.2): positive, at most 20 octets.

use std::fmt;
use std::str::FromStr;

use num_bigint::BigUint;

/// Longest serial number, in octets.
const MAX_OCTETS: usize = 20;

/// A positive serial number of at most 20 octets, stored big-endian and left-padded.
///
/// Displayed and parsed as decimal, the form of the ledger, the API and the command line; [`Serial::to_hex`] returns
/// the form that OpenSSL prints.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial([u8; MAX_OCTETS]);

/// Why a text or bytes are not a serial number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SerialError {
    /// Neither decimal digits nor hexadecimal ones (`0x…` or `AB:CD:…`).
    #[error("a serial number is written in decimal, or in hexadecimal as 0x… or AB:CD:…")]
    NotANumber,
    /// RFC 5280 requires a positive integer.
    #[error("a serial number is greater than zero")]
    NotPositive,
    /// RFC 5280 allows at most 20 octets.
    #[error("a serial number has at most 20 octets")]
    TooLong,
}

impl Serial {
    /// The highest number of 20 octets. No certificate has it: its DER would take one octet more.
    pub const HIGHEST: Self = Self([0xff; MAX_OCTETS]);

    /// A serial from 20 random octets, of which 159 bits are used: the top bit must be clear for the DER INTEGER to
    /// stay within 20 octets. `None` if all 159 bits are zero.
    #[must_use]
    pub fn from_random(mut octets: [u8; MAX_OCTETS]) -> Option<Self> {
        octets[0] &= 0x7f;
        octets.iter().any(|&octet| octet != 0).then_some(Self(octets))
    }

    /// A serial from big-endian octets; leading zeros are ignored.
    pub fn from_octets(octets: &[u8]) -> Result<Self, SerialError> {
        let first = octets
            .iter()
            .position(|&octet| octet != 0)
            .ok_or(SerialError::NotPositive)?;
        let significant = &octets[first..];
        let start = MAX_OCTETS.checked_sub(significant.len()).ok_or(SerialError::TooLong)?;
        let mut padded = [0; MAX_OCTETS];
        padded[start..].copy_from_slice(significant);
        Ok(Self(padded))
    }

    /// The 20 octets, big-endian, left-padded: their order is that of the numbers.
    pub fn as_padded(&self) -> &[u8; MAX_OCTETS] {
        &self.0
    }

    /// The octets without leading zeros.
    pub fn significant(&self) -> &[u8] {
        let first = self.0.iter().position(|&octet| octet != 0).unwrap_or(MAX_OCTETS - 1);
        &self.0[first..]
    }

    /// Hexadecimal without prefix, in whole octets, upper case, as `openssl x509 -serial` prints it.
    pub fn to_hex(&self) -> String {
        data_encoding::HEXUPPER.encode(self.significant())
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        BigUint::from_bytes_be(&self.0).fmt(f)
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

impl FromStr for Serial {
    type Err = SerialError;

    /// Decimal; or hexadecimal after `0x`, or with colons between octets as in certificate viewers.
    fn from_str(text: &str) -> Result<Self, SerialError> {
        // 20 octets take at most 49 decimal digits or 59 characters with colons.
        if text.len() > 64 {
            return Err(SerialError::TooLong);
        }
        // `parse_bytes` alone would accept signs and underscores as well.
        let number = if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            digits(hex, u8::is_ascii_hexdigit).and_then(|hex| BigUint::parse_bytes(hex, 16))
        } else if text.contains(':') {
            let hex = text.replace(':', "");
            digits(&hex, u8::is_ascii_hexdigit).and_then(|hex| BigUint::parse_bytes(hex, 16))
        } else {
            digits(text, u8::is_ascii_digit).and_then(|decimal| BigUint::parse_bytes(decimal, 10))
        };
        Self::from_octets(&number.ok_or(SerialError::NotANumber)?.to_bytes_be())
    }
}

/// The octets of a text that consists of digits only.
fn digits(text: &str, is_digit: fn(&u8) -> bool) -> Option<&[u8]> {
    text.bytes().all(|octet| is_digit(&octet)).then_some(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_hex_and_colons_are_the_same_number() {
        let serial: Serial = "4660".parse().unwrap();
        assert_eq!("0x1234".parse(), Ok(serial));
        assert_eq!("12:34".parse(), Ok(serial));
        assert_eq!(serial.to_string(), "4660");
        assert_eq!(serial.to_hex(), "1234");
        assert_eq!(serial.significant(), [0x12, 0x34]);
    }

    #[test]
    fn what_is_no_serial_is_refused() {
        assert_eq!("0".parse::<Serial>(), Err(SerialError::NotPositive));
        assert_eq!("".parse::<Serial>(), Err(SerialError::NotANumber));
        assert_eq!("-5".parse::<Serial>(), Err(SerialError::NotANumber));
        assert_eq!("cafe".parse::<Serial>(), Err(SerialError::NotANumber));
        for text in ["+5", "0x+5", "0x-5", "0x1_2", "1_:2", "0x", ":", "1_2"] {
            assert_eq!(text.parse::<Serial>(), Err(SerialError::NotANumber), "{text}");
        }
        assert_eq!(Serial::from_octets(&[1; 21]), Err(SerialError::TooLong));
        assert_eq!("9".repeat(60).parse::<Serial>(), Err(SerialError::TooLong));
    }

    #[test]
    fn random_serials_keep_159_bits_and_stay_positive() {
        let serial = Serial::from_random([0xff; 20]).unwrap();
        assert_eq!(serial.as_padded()[0], 0x7f);
        assert_eq!(Serial::from_random([0; 20]), None);
    }
}
