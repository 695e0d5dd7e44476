//! DER values: tag, length, contents (X.690).
//!
//! A parser of some hundred lines instead of a library: the certificate was built with the library, whose mistakes a
//! check should not share; and CRLs of a million entries are parsed here.

use std::fmt;

/// Identifier octets, class and constructed bit included.
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const ENUMERATED: u8 = 0x0a;
    pub(crate) const UTF8_STRING: u8 = 0x0c;
    pub(crate) const PRINTABLE_STRING: u8 = 0x13;
    pub(crate) const TELETEX_STRING: u8 = 0x14;
    pub(crate) const IA5_STRING: u8 = 0x16;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const UNIVERSAL_STRING: u8 = 0x1c;
    pub(crate) const BMP_STRING: u8 = 0x1e;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;

    /// `[number]` on a primitive value.
    pub(crate) const fn context(number: u8) -> u8 {
        0x80 | number
    }

    /// `[number]` on a constructed value.
    pub(crate) const fn context_constructed(number: u8) -> u8 {
        0xa0 | number
    }
}

/// Why bytes are not what is expected: the end of a sentence that starts with "it".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// One value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tlv<'a> {
    /// The first identifier octet.
    pub(crate) tag: u8,
    /// The contents.
    pub(crate) value: &'a [u8],
    /// All octets.
    pub(crate) der: &'a [u8],
}

/// Values in sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

const TRUNCATED: Malformed = Malformed("the input ends within a value");
/// Deepest nesting, more than in any X.509 structure; bounds the stack.
const MAX_DEPTH: u8 = 32;

impl<'a> Reader<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    /// A reader of the contents of exactly one value of that tag.
    pub(crate) fn whole(octets: &'a [u8], tag: u8, what: &'static str) -> Result<Self, Malformed> {
        let mut reader = Self::new(octets);
        let value = reader.expect(tag, what)?.value;
        reader.end("octets follow after the value's end")?;
        Ok(Self::new(value))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn peek_tag(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next value.
    #[inline]
    pub(crate) fn read(&mut self) -> Result<Tlv<'a>, Malformed> {
        let input = self.rest;
        let (&tag, mut rest) = input.split_first().ok_or(TRUNCATED)?;
        if tag & 0x1f == 0x1f {
            rest = skip_tag_number(rest)?;
        }
        let (&first, after) = rest.split_first().ok_or(TRUNCATED)?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), after)
        } else {
            long_length(first, after)?
        };
        let (value, rest) = rest.split_at_checked(length).ok_or(TRUNCATED)?;
        self.rest = rest;
        Ok(Tlv {
            tag,
            value,
            der: &input[..input.len() - rest.len()],
        })
    }

    /// The next value, which must have that tag.
    #[inline]
    pub(crate) fn expect(&mut self, tag: u8, what: &'static str) -> Result<Tlv<'a>, Malformed> {
        match self.read() {
            Ok(tlv) if tlv.tag == tag => Ok(tlv),
            Err(malformed) if !self.is_empty() => Err(malformed),
            _ => Err(Malformed(what)),
        }
    }

    /// The next value if it has that tag.
    #[inline]
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Tlv<'a>>, Malformed> {
        if self.peek_tag() == Some(tag) {
            self.read().map(Some)
        } else {
            Ok(None)
        }
    }

    /// Fails if octets are left.
    pub(crate) fn end(&self, what: &'static str) -> Result<(), Malformed> {
        if self.is_empty() { Ok(()) } else { Err(Malformed(what)) }
    }
}

impl<'a> IntoIterator for Reader<'a> {
    type Item = Tlv<'a>;
    type IntoIter = Values<'a>;

    fn into_iter(self) -> Values<'a> {
        Values(self)
    }
}

/// The values of a [`Reader`] up to the first malformed one: for values that were checked before.
#[derive(Clone, Debug)]
pub(crate) struct Values<'a>(Reader<'a>);

impl<'a> Iterator for Values<'a> {
    type Item = Tlv<'a>;

    fn next(&mut self) -> Option<Tlv<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let value = self.0.read().ok();
        if value.is_none() {
            self.0 = Reader::new(&[]);
        }
        value
    }
}

/// Skips a tag number above 30: no X.509 structure has one, but the value of an unknown extension may.
fn skip_tag_number(octets: &[u8]) -> Result<&[u8], Malformed> {
    let end = octets.iter().position(|octet| octet & 0x80 == 0).ok_or(TRUNCATED)?;
    if octets[0] == 0x80 || (end == 0 && octets[0] < 31) || end > 4 {
        return Err(Malformed("a tag number is not encoded in the fewest octets"));
    }
    Ok(&octets[end + 1..])
}

fn long_length(first: u8, octets: &[u8]) -> Result<(usize, &[u8]), Malformed> {
    if first == 0x80 {
        return Err(Malformed("a length is indefinite, which DER does not allow"));
    }
    let count = usize::from(first & 0x7f);
    if count > 4 {
        return Err(Malformed("a length takes more than four octets"));
    }
    let (length_octets, rest) = octets.split_at_checked(count).ok_or(TRUNCATED)?;
    let length = length_octets
        .iter()
        .fold(0_u32, |length, &octet| length << 8 | u32::from(octet));
    if length < 0x80 || length_octets[0] == 0 {
        return Err(Malformed("a length is not encoded in the fewest octets"));
    }
    Ok((usize::try_from(length).map_err(|_| TRUNCATED)?, rest))
}

/// The contents of an INTEGER or ENUMERATED, in the fewest octets.
#[inline]
pub(crate) fn integer(contents: &[u8]) -> Result<&[u8], Malformed> {
    match contents {
        [] => Err(Malformed("an INTEGER is empty")),
        [0, next, ..] if next & 0x80 == 0 => Err(Malformed("an INTEGER is not encoded in the fewest octets")),
        [0xff, next, ..] if next & 0x80 != 0 => Err(Malformed("an INTEGER is not encoded in the fewest octets")),
        _ => Ok(contents),
    }
}

/// A non-negative INTEGER's value; `None` if it is negative or does not fit into `u32`.
pub(crate) fn small_integer(contents: &[u8]) -> Option<u32> {
    if contents.len() > 5 || contents.first()? & 0x80 != 0 {
        return None;
    }
    let value = contents
        .iter()
        .fold(0_u64, |value, &octet| value << 8 | u64::from(octet));
    u32::try_from(value).ok()
}

/// The contents of a BOOLEAN.
pub(crate) fn boolean(contents: &[u8]) -> Result<bool, Malformed> {
    match contents {
        [0x00] => Ok(false),
        [0xff] => Ok(true),
        _ => Err(Malformed("a BOOLEAN is neither 00 nor FF")),
    }
}

/// The contents of a BIT STRING: its octets, and the number of unused bits in the last.
pub(crate) fn bit_string(contents: &[u8]) -> Result<(&[u8], u8), Malformed> {
    let (&unused, octets) = contents.split_first().ok_or(Malformed("a BIT STRING is empty"))?;
    let padding = match octets.last() {
        _ if unused > 7 => return Err(Malformed("a BIT STRING has more than seven unused bits")),
        None if unused > 0 => return Err(Malformed("a BIT STRING without bits has unused ones")),
        None => 0,
        Some(last) => last & !(0xff << unused),
    };
    if padding != 0 {
        return Err(Malformed("a BIT STRING's unused bits are not zero"));
    }
    Ok((octets, unused))
}

/// The contents of an OBJECT IDENTIFIER: subidentifiers in the fewest octets, the last one complete.
pub(crate) fn oid(contents: &[u8]) -> Result<&[u8], Malformed> {
    let mut starts = true;
    for octet in contents {
        if starts && *octet == 0x80 {
            return Err(Malformed("an OBJECT IDENTIFIER is not encoded in the fewest octets"));
        }
        starts = octet & 0x80 == 0;
    }
    if contents.is_empty() || !starts {
        return Err(Malformed("an OBJECT IDENTIFIER is incomplete"));
    }
    Ok(contents)
}

/// Checks values and all nested ones against DER's rules for universal types, independent of their meaning.
pub(crate) fn check_der(octets: &[u8]) -> Result<(), Malformed> {
    check_values(Reader::new(octets), MAX_DEPTH)
}

fn check_values(mut reader: Reader<'_>, depth: u8) -> Result<(), Malformed> {
    if depth == 0 {
        return Err(Malformed("values are nested too deep"));
    }
    while !reader.is_empty() {
        check_value(reader.read()?, depth)?;
    }
    Ok(())
}

const CONSTRUCTED: u8 = 0x20;

fn check_value(tlv: Tlv<'_>, depth: u8) -> Result<(), Malformed> {
    const CLASS: u8 = 0xc0;
    match tlv.tag {
        tag::SET => {
            check_values(Reader::new(tlv.value), depth - 1)?;
            check_set_order(Reader::new(tlv.value))
        }
        // EXTERNAL, EMBEDDED PDV and CHARACTER STRING are constructed too, and unknown extensions may contain them.
        tag::SEQUENCE | 0x28 | 0x2b | 0x3d => check_values(Reader::new(tlv.value), depth - 1),
        tag::BOOLEAN => boolean(tlv.value).map(drop),
        tag::INTEGER | tag::ENUMERATED => integer(tlv.value).map(drop),
        tag::BIT_STRING => bit_string(tlv.value).map(drop),
        tag::NULL if !tlv.value.is_empty() => Err(Malformed("a NULL has contents")),
        tag::OID => oid(tlv.value).map(drop),
        tag::UTF8_STRING => std::str::from_utf8(tlv.value)
            .map(drop)
            .map_err(|_| Malformed("a UTF8String is not UTF-8")),
        0x00 => Err(Malformed("a tag is zero")),
        0x10 | 0x11 => Err(Malformed("a SEQUENCE or SET is marked primitive")),
        other if other & CLASS == 0 && other & CONSTRUCTED != 0 => Err(Malformed(
            "a string is put together of pieces, which DER does not allow",
        )),
        other if other & CONSTRUCTED != 0 => check_values(Reader::new(tlv.value), depth - 1),
        _ => Ok(()),
    }
}

/// Members of a SET OF are sorted by their octets (X.690 section 11.6), those of a SET by their tags (section 10.3).
/// The two types have the same tag, so either order is accepted.
fn check_set_order(members: Reader<'_>) -> Result<(), Malformed> {
    let (mut by_octets, mut by_tag) = (true, true);
    let mut previous: Option<Tlv<'_>> = None;
    for member in members {
        if let Some(previous) = previous {
            by_octets &= previous.der <= member.der;
            by_tag &= previous.tag & !CONSTRUCTED < member.tag & !CONSTRUCTED;
        }
        previous = Some(member);
    }
    if by_octets || by_tag {
        Ok(())
    } else {
        Err(Malformed("a SET's members are not in ascending order"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_good_passes() {
        for good in [
            &[0x30, 0x00][..],
            &[0x01, 0x01, 0xff],
            &[0x02, 0x02, 0x00, 0x80],
            &[0x03, 0x02, 0x05, 0xa0],
            &[0x06, 0x03, 0x55, 0x1d, 0x0f],
            &[0x31, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02],
            &[0x31, 0x05, 0x81, 0x01, 0x00, 0xa0, 0x00],
            &[0x31, 0x05, 0xa0, 0x00, 0x81, 0x01, 0x00],
            &[0x9f, 0x1f, 0x00],
        ] {
            assert_eq!(check_der(good), Ok(()), "{good:02x?}");
        }
        let long = [&[0x04, 0x81, 0x80][..], &[0; 0x80]].concat();
        assert_eq!(check_der(&long), Ok(()));
    }

    #[test]
    fn what_der_does_not_allow_is_refused() {
        for bad in [
            &[0x30][..],
            &[0x30, 0x80, 0x00, 0x00],
            &[0x30, 0x81, 0x00],
            &[0x30, 0x82, 0x00, 0x80],
            &[0x30, 0x85, 1, 1, 1, 1, 1],
            &[0x30, 0x01],
            &[0x01, 0x01, 0x01],
            &[0x01, 0x00],
            &[0x02, 0x00],
            &[0x02, 0x02, 0x00, 0x7f],
            &[0x02, 0x02, 0xff, 0x80],
            &[0x03, 0x00],
            &[0x03, 0x01, 0x01],
            &[0x03, 0x02, 0x08, 0x00],
            &[0x03, 0x02, 0x01, 0x01],
            &[0x05, 0x01, 0x00],
            &[0x06, 0x00],
            &[0x06, 0x01, 0x80],
            &[0x06, 0x02, 0x80, 0x01],
            &[0x0c, 0x01, 0xff],
            &[0x10, 0x00],
            &[0x24, 0x00],
            &[0x31, 0x06, 0x02, 0x01, 0x02, 0x02, 0x01, 0x01],
            &[0x31, 0x06, 0x82, 0x01, 0x02, 0x02, 0x01, 0x01],
            &[0x9f, 0x01, 0x00],
            &[0x00, 0x00],
        ] {
            assert!(check_der(bad).is_err(), "{bad:02x?}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let mut nested = vec![0x30, 0x00];
        for _ in 0..40 {
            nested = [vec![0x30, u8::try_from(nested.len()).unwrap()], nested].concat();
        }
        assert_eq!(check_der(&nested), Err(Malformed("values are nested too deep")));
    }

    #[test]
    fn small_integers() {
        assert_eq!(small_integer(&[0]), Some(0));
        assert_eq!(small_integer(&[0, 0xff, 0xff, 0xff, 0xff]), Some(u32::MAX));
        assert_eq!(small_integer(&[1, 0, 0, 0, 0]), None);
        assert_eq!(small_integer(&[0xff]), None);
        assert_eq!(small_integer(&[]), None);
    }
}
