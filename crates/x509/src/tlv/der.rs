//! DER helpers for certificates and CRLs, in addition to splitting octets into values.

use std::ops::Range;

use crate::tlv::{NotDer, Reader, Tlv, tag};

/// The single value of tag `tag` in `octets`.
pub(crate) fn only(octets: &[u8], tag: u8) -> Result<Tlv<'_>, NotDer> {
    let mut reader = Reader::new(octets);
    let value = reader.expect(tag)?;
    reader.finish()?;
    Ok(value)
}

/// The next value if it is a Time.
pub(crate) fn optional_time<'a>(reader: &mut Reader<'a>) -> Result<Option<Tlv<'a>>, NotDer> {
    match reader.optional(tag::UTC_TIME)? {
        Some(time) => Ok(Some(time)),
        None => reader.optional(tag::GENERALIZED_TIME),
    }
}

/// The range of `part`, which is a slice of `document`.
pub(crate) fn range_in(document: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(document.as_ptr().addr());
    start..start + part.len()
}

/// The magnitude of a non-negative DER INTEGER's content, without its sign octet.
pub(crate) fn unsigned(content: &[u8]) -> Result<&[u8], NotDer> {
    match content {
        [] | [0x80..=0xff, ..] | [0, 0..=0x7f, _, ..] => Err(NotDer::Unexpected),
        [0, second, ..] if *second < 0x80 => Err(NotDer::Unexpected),
        [0, magnitude @ ..] if !magnitude.is_empty() => Ok(magnitude),
        magnitude => Ok(magnitude),
    }
}

/// A magnitude of at most eight octets as a number.
pub(crate) fn as_u64(magnitude: &[u8]) -> Option<u64> {
    (magnitude.len() <= 8).then(|| {
        magnitude
            .iter()
            .fold(0, |number, &octet| number << 8 | u64::from(octet))
    })
}

/// A BOOLEAN's content.
pub(crate) fn boolean(content: &[u8]) -> Result<bool, NotDer> {
    match content {
        [0xff] => Ok(true),
        [0x00] => Ok(false),
        _ => Err(NotDer::Unexpected),
    }
}

/// An Extension (RFC 5280 section 4.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extension<'a> {
    /// The content of extnID.
    pub(crate) oid: &'a [u8],
    /// Whether it is critical. An explicit FALSE is accepted, as by every other parser.
    pub(crate) critical: bool,
    /// The content of extnValue.
    pub(crate) value: &'a [u8],
}

impl<'a> Extension<'a> {
    /// The next extension of an Extensions sequence.
    pub(crate) fn next(extensions: &mut Reader<'a>) -> Result<Self, NotDer> {
        let mut fields = extensions.expect(tag::SEQUENCE)?.reader();
        let oid = fields.expect(tag::OID)?.content;
        let critical = match fields.optional(tag::BOOLEAN)? {
            Some(flag) => boolean(flag.content)?,
            None => false,
        };
        let value = fields.expect(tag::OCTET_STRING)?.content;
        fields.finish()?;
        Ok(Self { oid, critical, value })
    }
}

/// Appends tag and length.
pub(crate) fn push_header(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    let octets = length.to_be_bytes();
    let first = octets.iter().position(|&octet| octet != 0).unwrap_or(octets.len() - 1);
    let significant = &octets[first..];
    if length >= 0x80 {
        // At most eight octets, so that the sum stays within the length octet.
        out.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
    }
    out.extend_from_slice(significant);
}

/// A whole element with those parts as content.
pub(crate) fn wrap(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    push_header(&mut out, tag, length);
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_must_be_minimal_and_not_negative() {
        assert_eq!(unsigned(&[0]), Ok(&[0][..]));
        assert_eq!(unsigned(&[0x7f]), Ok(&[0x7f][..]));
        assert_eq!(unsigned(&[0, 0x80]), Ok(&[0x80][..]));
        assert_eq!(unsigned(&[0, 0x80, 0]), Ok(&[0x80, 0][..]));
        for content in [&[][..], &[0x80], &[0, 0x7f], &[0, 0], &[0, 0, 0x80], &[0, 1, 2]] {
            assert_eq!(unsigned(content), Err(NotDer::Unexpected), "{content:02x?}");
        }
    }

    #[test]
    fn places_are_those_in_the_document() {
        let inner = wrap(tag::SEQUENCE, &[&[tag::INTEGER, 1, 5], &[tag::BOOLEAN, 1, 0xff]]);
        let document = wrap(tag::SEQUENCE, &[&[tag::OCTET_STRING, 0], &inner]);
        let mut outer = only(&document, tag::SEQUENCE).unwrap().reader();
        assert!(outer.expect(tag::OCTET_STRING).unwrap().content.is_empty());
        let mut nested = outer.expect(tag::SEQUENCE).unwrap().reader();
        nested.read().unwrap();
        let flag = nested.read().unwrap();
        assert_eq!(&document[range_in(&document, flag.raw)], [tag::BOOLEAN, 1, 0xff]);
        assert_eq!(&document[range_in(&document, flag.content)], [0xff]);
    }

    #[test]
    fn what_is_wrapped_is_read() {
        for length in [0, 127, 128, 255, 256, 65_535, 65_536] {
            let content = vec![7; length];
            let der = wrap(tag::OCTET_STRING, &[&content]);
            assert_eq!(only(&der, tag::OCTET_STRING).unwrap().content, content);
        }
    }
}
