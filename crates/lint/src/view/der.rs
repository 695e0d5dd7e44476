//! Contents of DER values of universal types (X.690), and whether octets are DER at every level.
//!
//! `x509`'s reader splits octets into values; here they get meanings, and reasons why they have none.

use std::fmt;

use chancery_x509::tlv::{NotDer, Reader, Tlv, tag};

/// Why bytes are not what is expected: the end of a sentence that starts with "it".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl From<NotDer> for Malformed {
    fn from(error: NotDer) -> Self {
        Self(error.reason())
    }
}

/// What a value is, for an error: the reader only knows that it is another.
pub(crate) trait Explain<T> {
    /// Where another value or none was found, says what should be there; else why it is no DER.
    fn explain(self, what: &'static str) -> Result<T, Malformed>;
}

impl<T> Explain<T> for Result<T, NotDer> {
    #[inline]
    fn explain(self, what: &'static str) -> Result<T, Malformed> {
        self.map_err(|error| match error {
            NotDer::Unexpected => Malformed(what),
            other => other.into(),
        })
    }
}

/// A reader over the content of exactly one value of that tag.
pub(crate) fn single_value<'a>(octets: &'a [u8], tag: u8, what: &'static str) -> Result<Reader<'a>, Malformed> {
    let mut reader = Reader::new(octets);
    let value = reader.expect(tag).explain(what)?;
    reader.finish().explain("octets follow after the value's end")?;
    Ok(value.reader())
}

/// Deepest nesting that is checked, more than in any X.509 structure; bounds the stack.
const MAX_DEPTH: u8 = 32;

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
            check_values(tlv.reader(), depth - 1)?;
            check_set_order(tlv.reader())
        }
        // EXTERNAL, EMBEDDED PDV and CHARACTER STRING are constructed too, and unknown extensions may contain them.
        tag::SEQUENCE | 0x28 | 0x2b | 0x3d => check_values(tlv.reader(), depth - 1),
        tag::BOOLEAN => boolean(tlv.content).map(drop),
        tag::INTEGER | tag::ENUMERATED => integer(tlv.content).map(drop),
        tag::BIT_STRING => bit_string(tlv.content).map(drop),
        tag::NULL if !tlv.content.is_empty() => Err(Malformed("a NULL has contents")),
        tag::OID => oid(tlv.content).map(drop),
        tag::UTF8_STRING => std::str::from_utf8(tlv.content)
            .map(drop)
            .map_err(|_| Malformed("a UTF8String is not UTF-8")),
        0x00 => Err(Malformed("a tag is zero")),
        0x10 | 0x11 => Err(Malformed("a SEQUENCE or SET is marked primitive")),
        other if other & CLASS == 0 && other & CONSTRUCTED != 0 => Err(Malformed(
            "a string is put together of pieces, which DER does not allow",
        )),
        other if other & CONSTRUCTED != 0 => check_values(tlv.reader(), depth - 1),
        _ => Ok(()),
    }
}

/// Members of a SET OF are sorted by their octets (X.690 section 11.6), those of a SET by their tags (section 10.3).
/// The two types have the same tag, so either order is accepted.
fn check_set_order(members: Reader<'_>) -> Result<(), Malformed> {
    let (mut by_octets, mut by_tag) = (true, true);
    let mut previous: Option<Tlv<'_>> = None;
    for member in members.values() {
        if let Some(previous) = previous {
            by_octets &= previous.raw <= member.raw;
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
