//! Ids of AWS's and of the journal's, in 16 octets.

use std::fmt;

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;

/// Stands for an id in tables of many: the 16 octets of a UUID or of 32 hexadecimal digits; of any other text, the first 16 of its
/// SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id([u8; 16]);

/// Where a UUID has its hyphens.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

impl Id {
    /// The id of that text. Case makes no difference in a UUID, as RFC 9562 section 4 has it.
    pub fn of(text: &str) -> Self {
        Self::read(text).unwrap_or_else(|| {
            let digest = digest::digest(&digest::SHA256, text.as_bytes());
            let mut octets = [0; 16];
            octets.copy_from_slice(&digest.as_ref()[..16]);
            Self(octets)
        })
    }

    /// The id of that text, if it is a UUID or 32 hexadecimal digits; then [`Display`](fmt::Display) shows it as a UUID again.
    pub fn read(text: &str) -> Option<Self> {
        let mut octets = [0; 16];
        let mut digits = 0;
        for (position, octet) in text.bytes().enumerate() {
            if text.len() == 36 && HYPHENS.contains(&position) {
                if octet != b'-' {
                    return None;
                }
                continue;
            }
            let value = u8::try_from(char::from(octet).to_digit(16)?).ok()?;
            *octets.get_mut(digits / 2)? |= if digits % 2 == 0 { value << 4 } else { value };
            digits += 1;
        }
        (digits == 32 && matches!(text.len(), 32 | 36)).then_some(Self(octets))
    }

    /// The id of 16 octets.
    pub fn from_octets(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    /// Its octets, four by four, in one number: enough to tell apart what is also told apart by other things.
    pub(crate) fn short(self) -> u32 {
        let (words, _) = self.0.as_chunks::<4>();
        words.iter().fold(0, |folded, word| folded ^ u32::from_be_bytes(*word))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = HEXLOWER.encode(&self.0);
        let mut from = 0;
        for to in [8, 12, 16, 20, 32] {
            if from > 0 {
                f.write_str("-")?;
            }
            f.write_str(&digits[from..to])?;
            from = to;
        }
        Ok(())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_its_octets_and_anything_else_its_digest() {
        let text = "8d0b35e0-46cf-48b9-be99-bf2ebc9ab9fb";
        assert_eq!(Id::of(text).to_string(), text);
        assert_eq!(Id::of(&text.to_uppercase()), Id::of(text));
        assert_eq!(Id::of(&text.replace('-', "")), Id::of(text));
        assert_eq!(
            Id::of(text).short(),
            0x8d0b_35e0 ^ 0x46cf_48b9 ^ 0xbe99_bf2e ^ 0xbc9a_b9fb
        );
        for other in [
            "",
            "8d0b35e0-46cf-48b9-be99-bf2ebc9ab9f",
            "8d0b35e0046cf-48b9-be99-bf2ebc9ab9fb",
            "8d0b35e0-46cf-48b9-be99-bf2ebc9ab9fg",
            "8d0b35e046cf48b9be99bf2ebc9ab9fb00",
            "04CHC5S0FS8RRKR1C02G",
            "é8d0b35e046cf48b9be99bf2ebc9ab9f",
        ] {
            assert_eq!(Id::read(other), None, "{other}");
            assert_ne!(Id::of(other), Id::of(text), "{other}");
        }
    }
}
