//! The subset of DER (X.690) that is needed to parse and write names, certificates and extensions.
//!
//! The `der` crate lacks `UniversalString` (in old names) and times before 1970 (in old certificates), and its types
//! copy values where a certificate is parsed by reference; so this module has a parser, equally strict. It is public
//! for `chancery-lint`, which gives the same values meanings of its own.
//!
//! # Budget
//!
//! A [`Reader`] allocates nothing, never recurses, and looks at the octets of a header only: reading a value costs the
//! same whatever its length, and reading all values of an input is linear in the input. A tag number has at most four
//! octets, and so has a length: a value has less than 4 GiB. Whoever reads nested values bounds the depth.

pub(crate) mod der;
pub(crate) mod time;

use std::fmt;

use const_oid::ObjectIdentifier;

/// Identifier octets (X.690 section 8.1.2): class, constructed bit and number in one.
pub mod tag {
    /// BOOLEAN.
    pub const BOOLEAN: u8 = 0x01;
    /// INTEGER.
    pub const INTEGER: u8 = 0x02;
    /// BIT STRING.
    pub const BIT_STRING: u8 = 0x03;
    /// OCTET STRING.
    pub const OCTET_STRING: u8 = 0x04;
    /// NULL.
    pub const NULL: u8 = 0x05;
    /// OBJECT IDENTIFIER.
    pub const OID: u8 = 0x06;
    /// ENUMERATED.
    pub const ENUMERATED: u8 = 0x0a;
    /// UTF8String.
    pub const UTF8_STRING: u8 = 0x0c;
    /// `NumericString`.
    pub const NUMERIC_STRING: u8 = 0x12;
    /// PrintableString.
    pub const PRINTABLE_STRING: u8 = 0x13;
    /// `TeletexString`, also called `T61String`.
    pub const TELETEX_STRING: u8 = 0x14;
    /// IA5String.
    pub const IA5_STRING: u8 = 0x16;
    /// UTCTime.
    pub const UTC_TIME: u8 = 0x17;
    /// GeneralizedTime.
    pub const GENERALIZED_TIME: u8 = 0x18;
    /// `VisibleString`.
    pub const VISIBLE_STRING: u8 = 0x1a;
    /// `UniversalString`.
    pub const UNIVERSAL_STRING: u8 = 0x1c;
    /// `BMPString`.
    pub const BMP_STRING: u8 = 0x1e;
    /// SEQUENCE and SEQUENCE OF.
    pub const SEQUENCE: u8 = 0x30;
    /// SET and SET OF.
    pub const SET: u8 = 0x31;

    /// Context-specific, primitive (an IMPLICIT tag over a primitive type).
    pub const fn context(number: u8) -> u8 {
        0x80 | number
    }

    /// Context-specific, constructed (an EXPLICIT tag, or an IMPLICIT one over a constructed type).
    pub const fn context_constructed(number: u8) -> u8 {
        0xa0 | number
    }
}

/// Why octets are not the DER value that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDer {
    /// They end within a value.
    Truncated,
    /// A tag number has leading zeros, or fits into the first octet.
    PaddedTag,
    /// A tag number has more than four octets.
    LongTag,
    /// A length is indefinite, which is BER.
    IndefiniteLength,
    /// A length has more than four octets.
    LongLength,
    /// A length has leading zeros, or is in the long form without need.
    PaddedLength,
    /// They are another value than the one expected, none, or one too many; or its content is not what it has to be.
    Unexpected,
}

impl NotDer {
    /// The reason as the end of a sentence that starts with "it is not DER:".
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Truncated => "the input ends within a value",
            Self::PaddedTag => "a tag number is not encoded in the fewest octets",
            Self::LongTag => "a tag number takes more than four octets",
            Self::IndefiniteLength => "a length is indefinite, which DER does not allow",
            Self::LongLength => "a length takes more than four octets",
            Self::PaddedLength => "a length is not encoded in the fewest octets",
            Self::Unexpected => "a value is not the expected one",
        }
    }
}

impl fmt::Display for NotDer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for NotDer {}

/// One value.
#[derive(Clone, Copy, Debug)]
pub struct Tlv<'a> {
    /// The first identifier octet; a tag number above 30 continues after it and equals no constant of [`tag`].
    pub tag: u8,
    /// The content octets.
    pub content: &'a [u8],
    /// Identifier, length and content octets.
    pub raw: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// A reader over the content.
    #[inline]
    pub fn reader(&self) -> Reader<'a> {
        Reader::new(self.content)
    }

    /// An OBJECT IDENTIFIER.
    pub(crate) fn oid(&self) -> Result<ObjectIdentifier, NotDer> {
        if self.tag == tag::OID && is_arcs(self.content) {
            ObjectIdentifier::from_bytes(self.content).map_err(|_| NotDer::Unexpected)
        } else {
            Err(NotDer::Unexpected)
        }
    }

    /// The content of a BIT STRING of whole octets.
    pub(crate) fn whole_octets(&self) -> Result<&'a [u8], NotDer> {
        match self.content.split_first() {
            Some((0, octets)) if self.tag == tag::BIT_STRING => Ok(octets),
            _ => Err(NotDer::Unexpected),
        }
    }
}

/// Splits octets into values. After an error it stands where it stood before.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader over values in sequence.
    #[inline]
    pub fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    /// The content of the single value of tag `tag` in `octets`.
    pub fn only(octets: &'a [u8], tag: u8) -> Result<Self, NotDer> {
        let mut reader = Self::new(octets);
        let value = reader.expect(tag)?;
        reader.finish()?;
        Ok(value.reader())
    }

    /// Whether nothing is left.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The unread octets.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The first identifier octet of the next value.
    #[inline]
    pub fn peek_tag(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next value, of any tag.
    #[inline]
    pub fn read(&mut self) -> Result<Tlv<'a>, NotDer> {
        let (&tag, after_tag) = self.rest.split_first().ok_or(NotDer::Truncated)?;
        let after_tag = if tag & 0x1f == 0x1f {
            skip_high_tag_number(after_tag)?
        } else {
            after_tag
        };
        let (&first, after_first) = after_tag.split_first().ok_or(NotDer::Truncated)?;
        let (length, body) = if first < 0x80 {
            (usize::from(first), after_first)
        } else {
            long_length(first, after_first)?
        };
        let (content, rest) = body.split_at_checked(length).ok_or(NotDer::Truncated)?;
        let raw = &self.rest[..self.rest.len() - rest.len()];
        self.rest = rest;
        Ok(Tlv { tag, content, raw })
    }

    /// The next value, which must have this tag: where there is another or none, the error is [`NotDer::Unexpected`].
    #[inline]
    pub fn expect(&mut self, tag: u8) -> Result<Tlv<'a>, NotDer> {
        let mut after = *self;
        match after.read() {
            Ok(value) if value.tag == tag => {
                *self = after;
                Ok(value)
            }
            Err(error) if !self.is_empty() => Err(error),
            _ => Err(NotDer::Unexpected),
        }
    }

    /// The next value if it has this tag.
    #[inline]
    pub fn optional(&mut self, tag: u8) -> Result<Option<Tlv<'a>>, NotDer> {
        if self.peek_tag() == Some(tag) {
            self.read().map(Some)
        } else {
            Ok(None)
        }
    }

    /// Fails with [`NotDer::Unexpected`] if octets are left.
    #[inline]
    pub fn finish(self) -> Result<(), NotDer> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(NotDer::Unexpected)
        }
    }

    /// The values up to the first malformed one: for octets that were read before.
    #[inline]
    pub fn values(self) -> Values<'a> {
        Values(self)
    }
}

/// The values of a [`Reader`] up to the first malformed one.
#[derive(Clone, Debug)]
pub struct Values<'a>(Reader<'a>);

impl<'a> Iterator for Values<'a> {
    type Item = Tlv<'a>;

    #[inline]
    fn next(&mut self) -> Option<Tlv<'a>> {
        let value = self.0.read().ok();
        if value.is_none() {
            self.0 = Reader::new(&[]);
        }
        value
    }
}

/// Whether content octets are an OID: base-128 numbers without leading zeros, the last one complete.
pub(crate) fn is_arcs(content: &[u8]) -> bool {
    let complete = content.last().is_some_and(|octet| octet & 0x80 == 0);
    let mut arcs = content.split_inclusive(|octet| octet & 0x80 == 0);
    complete && arcs.all(|arc| arc[0] != 0x80)
}

/// Skips a tag number above 30: base 128, no leading zeros, at most four octets.
fn skip_high_tag_number(octets: &[u8]) -> Result<&[u8], NotDer> {
    const MOST: usize = 4;
    let Some(last) = octets.iter().take(MOST).position(|octet| octet & 0x80 == 0) else {
        let ends = octets.iter().any(|octet| octet & 0x80 == 0);
        return Err(if ends { NotDer::LongTag } else { NotDer::Truncated });
    };
    let minimal = octets[0] != 0x80 && (last > 0 || octets[0] > 30);
    if minimal {
        Ok(&octets[last + 1..])
    } else {
        Err(NotDer::PaddedTag)
    }
}

/// A length above 127: definite, without leading zeros, at most four octets.
fn long_length(first: u8, octets: &[u8]) -> Result<(usize, &[u8]), NotDer> {
    let count = match usize::from(first & 0x7f) {
        0 => return Err(NotDer::IndefiniteLength),
        count @ 1..=4 => count,
        _ => return Err(NotDer::LongLength),
    };
    let (digits, body) = octets.split_at_checked(count).ok_or(NotDer::Truncated)?;
    let length = digits
        .iter()
        .fold(0_usize, |length, &digit| length << 8 | usize::from(digit));
    let minimal = digits[0] != 0 && length >= 0x80;
    if minimal {
        Ok((length, body))
    } else {
        Err(NotDer::PaddedLength)
    }
}

/// Writes values in sequence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    pub(crate) fn with_capacity(octets: usize) -> Self {
        Self {
            out: Vec::with_capacity(octets),
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Appends octets that are DER already.
    pub(crate) fn raw(&mut self, der: &[u8]) {
        self.out.extend_from_slice(der);
    }

    /// Writes a value with this content.
    pub(crate) fn value(&mut self, tag: u8, content: &[u8]) {
        self.out.push(tag);
        let (length, octets) = length_octets(content.len());
        self.out.extend_from_slice(&length[..octets]);
        self.out.extend_from_slice(content);
    }

    /// Writes a value whose content `write` writes. Contents of 128 octets and more are moved once, to make room for
    /// the longer length: cheaper and simpler than computing all lengths in advance.
    pub(crate) fn nested(&mut self, tag: u8, write: impl FnOnce(&mut Self)) {
        self.out.extend_from_slice(&[tag, 0]);
        let start = self.out.len();
        write(self);
        let (length, octets) = length_octets(self.out.len() - start);
        self.out[start - 1] = length[0];
        if octets > 1 {
            self.out.splice(start..start, length[1..octets].iter().copied());
        }
    }

    pub(crate) fn oid(&mut self, oid: &ObjectIdentifier) {
        self.value(tag::OID, oid.as_bytes());
    }

    /// Writes a positive INTEGER from big-endian octets without leading zeros.
    pub(crate) fn positive_integer(&mut self, significant: &[u8]) {
        if significant.first().is_none_or(|&octet| octet >= 0x80) {
            let mut padded = Vec::with_capacity(significant.len() + 1);
            padded.push(0);
            padded.extend_from_slice(significant);
            self.value(tag::INTEGER, &padded);
        } else {
            self.value(tag::INTEGER, significant);
        }
    }
}

/// Length octets, and their number. Lengths of 4 GiB and more do not occur, since inputs are bounded far below.
fn length_octets(length: usize) -> ([u8; 5], usize) {
    let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    match length {
        0..=0x7f => ([d, 0, 0, 0, 0], 1),
        0x80..=0xff => ([0x81, d, 0, 0, 0], 2),
        0x100..=0xffff => ([0x82, c, d, 0, 0], 3),
        0x1_0000..=0xff_ffff => ([0x83, b, c, d, 0], 4),
        _ => ([0x84, a, b, c, d], 5),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_der_is_refused_with_its_reason() {
        let bad: [(&[u8], NotDer); 14] = [
            (&[], NotDer::Truncated),
            (&[0x04], NotDer::Truncated),
            (&[0x04, 0x01], NotDer::Truncated),
            (&[0x04, 0x82, 0x01], NotDer::Truncated),
            (&[0x04, 0x84, 0xff, 0xff, 0xff, 0xff], NotDer::Truncated),
            (&[0x1f], NotDer::Truncated),
            (&[0x1f, 0x81, 0x81], NotDer::Truncated),
            (&[0x1f, 0x1e, 0x00], NotDer::PaddedTag),
            (&[0x1f, 0x80, 0x7f, 0x00], NotDer::PaddedTag),
            (&[0x1f, 0x81, 0x81, 0x81, 0x81, 0x01, 0x00], NotDer::LongTag),
            (&[0x30, 0x80, 0x00, 0x00], NotDer::IndefiniteLength),
            (&[0x04, 0x85, 1, 0, 0, 0, 0], NotDer::LongLength),
            (&[0x04, 0x81, 0x01, 0x00], NotDer::PaddedLength),
            (&[0x04, 0x82, 0x00, 0x80], NotDer::PaddedLength),
        ];
        for (octets, reason) in bad {
            assert_eq!(Reader::new(octets).read().err(), Some(reason), "{octets:02x?}");
        }
        let longest = [0x1f, 0x81, 0x81, 0x81, 0x01, 0x00];
        assert_eq!(Reader::new(&longest).read().map(|value| value.raw), Ok(&longest[..]));
    }

    /// Lints tell apart a value that is malformed from one that does not belong there.
    #[test]
    fn another_value_is_unexpected_and_stays_unread() {
        let mut reader = Reader::new(&[0x05, 0x00]);
        assert_eq!(reader.expect(tag::INTEGER).err(), Some(NotDer::Unexpected));
        assert_eq!(reader.finish(), Err(NotDer::Unexpected));
        assert_eq!(reader.expect(tag::NULL).map(|value| value.content), Ok(&[][..]));
        assert_eq!(reader.finish(), Ok(()));
        assert_eq!(reader.expect(tag::NULL).err(), Some(NotDer::Unexpected));
        let mut cut = Reader::new(&[0x02, 0x01]);
        assert_eq!(cut.expect(tag::INTEGER).err(), Some(NotDer::Truncated));
        assert_eq!(Reader::new(&[5, 0, 5, 0, 5]).values().count(), 2);
    }

    #[test]
    fn every_width_of_length_is_written_as_it_is_read() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536, 16_777_216] {
            let content = vec![7; length];
            let mut plain = Writer::default();
            plain.value(tag::OCTET_STRING, &content);
            let mut nested = Writer::default();
            nested.nested(tag::OCTET_STRING, |writer| writer.raw(&content));
            assert_eq!(plain.out, nested.out);
            let value = Reader::new(&plain.out).read().unwrap();
            assert_eq!(value.content, content);
            assert_eq!(value.raw, plain.out);
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(octets in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&octets);
            while reader.read().is_ok() {}
        }
    }
}
