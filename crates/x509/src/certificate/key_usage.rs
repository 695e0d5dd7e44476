//! keyUsage (RFC 5280 section 4.2.1.3).

use crate::tlv::{NotDer, Reader, Writer, tag};

/// Key usage bits (RFC 5280 section 4.2.1.3), combined with `|`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyUsage(pub u16);

impl KeyUsage {
    /// digitalSignature (0)
    pub const DIGITAL_SIGNATURE: Self = Self(1);
    /// nonRepudiation, contentCommitment (1)
    pub const CONTENT_COMMITMENT: Self = Self(1 << 1);
    /// keyEncipherment (2)
    pub const KEY_ENCIPHERMENT: Self = Self(1 << 2);
    /// dataEncipherment (3)
    pub const DATA_ENCIPHERMENT: Self = Self(1 << 3);
    /// keyAgreement (4)
    pub const KEY_AGREEMENT: Self = Self(1 << 4);
    /// keyCertSign (5)
    pub const KEY_CERT_SIGN: Self = Self(1 << 5);
    /// cRLSign (6)
    pub const CRL_SIGN: Self = Self(1 << 6);
    /// encipherOnly (7)
    pub const ENCIPHER_ONLY: Self = Self(1 << 7);
    /// decipherOnly (8)
    pub const DECIPHER_ONLY: Self = Self(1 << 8);

    /// The bits that RFC 5280 names.
    const NAMED: u16 = 0x1ff;

    /// Whether every bit of `other` is set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no named bit is set.
    pub(super) fn is_empty(self) -> bool {
        self.0 & Self::NAMED == 0
    }

    /// Writes the BIT STRING: bit 0 is the first octet's highest, and trailing zeros are removed (X.690 section
    /// 11.2.2).
    pub(super) fn write(self, writer: &mut Writer) {
        let [first, second] = (self.0 & Self::NAMED).reverse_bits().to_be_bytes();
        match (first, second) {
            (0, 0) => writer.value(tag::BIT_STRING, &[0]),
            (_, 0) => writer.value(tag::BIT_STRING, &[unused_bits(first), first]),
            _ => writer.value(tag::BIT_STRING, &[unused_bits(second), first, second]),
        }
    }

    /// Parses the BIT STRING; trailing zeros and unnamed bits are ignored.
    pub(super) fn from_der(der: &[u8]) -> Result<Self, NotDer> {
        let mut reader = Reader::new(der);
        let bits = reader.expect(tag::BIT_STRING)?.content;
        reader.finish()?;
        let (first, second) = match *bits {
            [0] => (0, 0),
            [0..=7, first] => (first, 0),
            [0..=7, first, second, ..] => (first, second),
            _ => return Err(NotDer::Unexpected),
        };
        Ok(Self(u16::from_be_bytes([first, second]).reverse_bits() & Self::NAMED))
    }
}

impl std::ops::BitOr for KeyUsage {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

fn unused_bits(last: u8) -> u8 {
    // At most 7, since the octet is not zero.
    u8::try_from(last.trailing_zeros()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    #[test]
    fn bits_are_written_as_named_bit_lists() {
        for (usage, der) in [
            (KeyUsage::DIGITAL_SIGNATURE, &hex!("03020780")[..]),
            (
                KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT,
                &hex!("030205a0"),
            ),
            (
                KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN,
                &hex!("03020186"),
            ),
            (KeyUsage::ENCIPHER_ONLY, &hex!("03020001")),
            (KeyUsage::KEY_AGREEMENT | KeyUsage::DECIPHER_ONLY, &hex!("0303070880")),
            (KeyUsage::DECIPHER_ONLY, &hex!("0303070080")),
        ] {
            let mut writer = Writer::default();
            usage.write(&mut writer);
            assert_eq!(writer.finish(), der);
            assert_eq!(KeyUsage::from_der(der), Ok(usage));
        }
    }

    #[test]
    fn other_ways_of_writing_bits_are_read_and_nonsense_is_refused() {
        assert_eq!(KeyUsage::from_der(&hex!("030100")), Ok(KeyUsage::default()));
        assert_eq!(KeyUsage::from_der(&hex!("03020080")), Ok(KeyUsage::DIGITAL_SIGNATURE));
        assert_eq!(
            KeyUsage::from_der(&hex!("0304008000ff")),
            Ok(KeyUsage::DIGITAL_SIGNATURE)
        );
        for der in [
            &hex!("0300")[..],
            &hex!("03020880"),
            &hex!("030101"),
            &hex!("0302078000"),
            &hex!("04020780"),
        ] {
            assert!(KeyUsage::from_der(der).is_err());
        }
    }
}
