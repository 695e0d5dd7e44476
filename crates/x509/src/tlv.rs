//! The subset of DER (X.690) that is needed to parse and write names, certificates and extensions.
//!
//! The `der` crate lacks `UniversalString` (in old names) and times before 1970 (in old certificates), and its types
//! copy values where a certificate is parsed by reference; so this module has a parser, equally strict.

pub(crate) mod der;
pub(crate) mod time;

use const_oid::ObjectIdentifier;

/// Identifier octets used in certificates.
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const ENUMERATED: u8 = 0x0a;
    pub(crate) const UTF8_STRING: u8 = 0x0c;
    pub(crate) const NUMERIC_STRING: u8 = 0x12;
    pub(crate) const PRINTABLE_STRING: u8 = 0x13;
    pub(crate) const TELETEX_STRING: u8 = 0x14;
    pub(crate) const IA5_STRING: u8 = 0x16;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const VISIBLE_STRING: u8 = 0x1a;
    pub(crate) const UNIVERSAL_STRING: u8 = 0x1c;
    pub(crate) const BMP_STRING: u8 = 0x1e;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;

    /// Context-specific, primitive (an IMPLICIT tag over a primitive type).
    pub(crate) const fn context(number: u8) -> u8 {
        0x80 | number
    }

    /// Context-specific, constructed (an EXPLICIT tag, or an IMPLICIT one over a constructed type).
    pub(crate) const fn context_constructed(number: u8) -> u8 {
        0xa0 | number
    }
}

/// Octets that are not the DER value that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotDer;

/// One value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tlv<'a> {
    /// The first identifier octet; a tag number above 30 continues after it and equals no constant of [`tag`].
    pub(crate) tag: u8,
    /// The content octets.
    pub(crate) content: &'a [u8],
    /// Identifier, length and content octets.
    pub(crate) raw: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// A reader over the content.
    pub(crate) fn reader(&self) -> Reader<'a> {
        Reader::new(self.content)
    }

    /// An OBJECT IDENTIFIER.
    pub(crate) fn oid(&self) -> Result<ObjectIdentifier, NotDer> {
        if self.tag == tag::OID && is_arcs(self.content) {
            ObjectIdentifier::from_bytes(self.content).map_err(|_| NotDer)
        } else {
            Err(NotDer)
        }
    }

    /// The content of a BIT STRING of whole octets.
    pub(crate) fn whole_octets(&self) -> Result<&'a [u8], NotDer> {
        match self.content.split_first() {
            Some((0, octets)) if self.tag == tag::BIT_STRING => Ok(octets),
            _ => Err(NotDer),
        }
    }
}

/// Splits octets into values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    /// The content of the single value of tag `tag` in `octets`.
    pub(crate) fn only(octets: &'a [u8], tag: u8) -> Result<Self, NotDer> {
        let mut reader = Self::new(octets);
        let value = reader.expect(tag)?;
        reader.finish()?;
        Ok(value.reader())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The unread octets.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next value, of any tag.
    pub(crate) fn read(&mut self) -> Result<Tlv<'a>, NotDer> {
        let (&tag, after_tag) = self.rest.split_first().ok_or(NotDer)?;
        let after_tag = if tag & 0x1f == 0x1f {
            skip_high_tag_number(after_tag)?
        } else {
            after_tag
        };
        let (&first, after_first) = after_tag.split_first().ok_or(NotDer)?;
        let (length, body) = if first < 0x80 {
            (usize::from(first), after_first)
        } else {
            long_length(first, after_first)?
        };
        let content = body.get(..length).ok_or(NotDer)?;
        let raw = &self.rest[..self.rest.len() - body.len() + length];
        self.rest = &body[length..];
        Ok(Tlv { tag, content, raw })
    }

    /// The next value, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Tlv<'a>, NotDer> {
        let value = self.read()?;
        if value.tag == tag { Ok(value) } else { Err(NotDer) }
    }

    /// The next value if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Tlv<'a>>, NotDer> {
        if self.rest.first() == Some(&tag) {
            self.read().map(Some)
        } else {
            Ok(None)
        }
    }

    /// Fails if octets are left.
    pub(crate) fn finish(self) -> Result<(), NotDer> {
        if self.is_empty() { Ok(()) } else { Err(NotDer) }
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
    let last = octets
        .iter()
        .take(4)
        .position(|octet| octet & 0x80 == 0)
        .ok_or(NotDer)?;
    let minimal = octets[0] != 0x80 && (last > 0 || octets[0] > 30);
    if minimal { Ok(&octets[last + 1..]) } else { Err(NotDer) }
}

/// A length above 127: definite, without leading zeros, at most four octets.
fn long_length(first: u8, octets: &[u8]) -> Result<(usize, &[u8]), NotDer> {
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 || octets.len() < count {
        return Err(NotDer);
    }
    let (digits, body) = octets.split_at(count);
    let length = digits
        .iter()
        .fold(0_usize, |length, &digit| length << 8 | usize::from(digit));
    let minimal = digits[0] != 0 && length >= 0x80;
    if minimal { Ok((length, body)) } else { Err(NotDer) }
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
    fn lengths_that_are_not_minimal_or_definite_are_refused() {
        let bad: [&[u8]; 9] = [
            &[],
            &[0x04],
            &[0x04, 0x01],
            &[0x04, 0x81, 0x01, 0x00],
            &[0x04, 0x82, 0x00, 0x80],
            &[0x30, 0x80, 0x00, 0x00],
            &[0x04, 0x85, 1, 0, 0, 0, 0],
            &[0x04, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x1f, 0x1e, 0x00],
        ];
        for octets in bad {
            assert!(Reader::new(octets).read().is_err(), "{octets:02x?}");
        }
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
