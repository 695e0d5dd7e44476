//! Checks whether octets are DER (X.690) at every level.

use crate::tlv::{NotDer, Reader, Tlv, is_arcs, tag};

/// Deepest nesting of values.
const MAX_DEPTH: u8 = 32;

/// Whether octets are exactly one DER value, as far as that can be checked without its ASN.1 module: values of
/// universal types are checked in full, context-specific ones only structurally.
pub(super) fn is_one_value(octets: &[u8]) -> bool {
    let mut reader = Reader::new(octets);
    reader.read().and_then(|value| check(&value, MAX_DEPTH)).is_ok() && reader.is_empty()
}

const CONSTRUCTED: u8 = 0x20;

fn check(value: &Tlv<'_>, depth: u8) -> Result<(), NotDer> {
    const UNIVERSAL: u8 = 0xc0;
    let is_universal = value.tag & UNIVERSAL == 0;
    if value.tag & CONSTRUCTED != 0 {
        // EXTERNAL, EMBEDDED PDV and CHARACTER STRING are SEQUENCEs with tags of their own.
        if is_universal && !matches!(value.tag, tag::SEQUENCE | tag::SET | 0x28 | 0x2b | 0x3d) {
            return Err(NotDer::Unexpected);
        }
        return check_content(value, depth.checked_sub(1).ok_or(NotDer::Unexpected)?);
    }
    if is_universal {
        check_primitive(value.tag, value.content)
    } else {
        Ok(())
    }
}

fn check_content(value: &Tlv<'_>, depth: u8) -> Result<(), NotDer> {
    let mut reader = value.reader();
    // A SET OF is sorted by its encodings (section 11.6), a SET by its tags (section 10.3): the two look alike.
    let (mut by_octets, mut by_tag) = (true, true);
    let mut previous: Option<Tlv<'_>> = None;
    while !reader.is_empty() {
        let next = reader.read()?;
        check(&next, depth)?;
        if let Some(previous) = previous {
            by_octets &= previous.raw <= next.raw;
            by_tag &= previous.tag & !CONSTRUCTED < next.tag & !CONSTRUCTED;
        }
        previous = Some(next);
    }
    if value.tag == tag::SET && !by_octets && !by_tag {
        return Err(NotDer::Unexpected);
    }
    Ok(())
}

fn check_primitive(tag: u8, content: &[u8]) -> Result<(), NotDer> {
    let well_formed = match tag {
        tag::BOOLEAN => matches!(content, [0x00 | 0xff]),
        tag::INTEGER | tag::ENUMERATED => is_minimal_integer(content),
        tag::BIT_STRING => is_bit_string(content),
        tag::NULL => content.is_empty(),
        // OIDs and relative OIDs.
        tag::OID | 0x0d => is_arcs(content),
        tag::UTF8_STRING => std::str::from_utf8(content).is_ok(),
        tag::NUMERIC_STRING => content.iter().all(|octet| octet.is_ascii_digit() || *octet == b' '),
        tag::PRINTABLE_STRING | tag::IA5_STRING | tag::VISIBLE_STRING => content.is_ascii(),
        tag::UTC_TIME => content.len() == 13 && is_zulu(content),
        tag::GENERALIZED_TIME => content.len() >= 15 && is_zulu(content),
        tag::BMP_STRING => content.len().is_multiple_of(2),
        tag::UNIVERSAL_STRING => content.len().is_multiple_of(4),
        // A primitive SEQUENCE or SET, or end-of-contents.
        0x00 | 0x10 | 0x11 => false,
        _ => true,
    };
    if well_formed { Ok(()) } else { Err(NotDer::Unexpected) }
}

fn is_minimal_integer(content: &[u8]) -> bool {
    match content {
        [] => false,
        [0x00, next, ..] => next & 0x80 != 0,
        [0xff, next, ..] => next & 0x80 == 0,
        _ => true,
    }
}

fn is_bit_string(content: &[u8]) -> bool {
    match content {
        [unused @ 0..=7, .., last] => u32::from(*unused) <= last.trailing_zeros(),
        [unused] => *unused == 0,
        _ => false,
    }
}

fn is_zulu(content: &[u8]) -> bool {
    content.strip_suffix(b"Z").is_some_and(|digits| {
        let mut parts = digits.splitn(2, |octet| *octet == b'.');
        let whole = parts.next().is_some_and(|whole| whole.iter().all(u8::is_ascii_digit));
        let fraction = parts.next().is_none_or(|fraction| {
            fraction.iter().all(u8::is_ascii_digit) && !fraction.is_empty() && !fraction.ends_with(b"0")
        });
        whole && fraction
    })
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn der_is_taken() {
        let good: [&[u8]; 18] = [
            &hex!("0101ff"),
            &hex!("0500"),
            &hex!("020100"),
            &hex!("02020080"),
            &hex!("030100"),
            &hex!("03020780"),
            &hex!("0603550403"),
            &hex!("30060101000101ff"),
            &hex!("3106020101020102"),
            &hex!("3105810100a000"),
            &hex!("3105a000810100"),
            &hex!("0c02c3ab"),
            &hex!("a003020101"),
            &hex!("8001ff"),
            &hex!("bf1f03020101"),
            &hex!("170d3236303130313030303030305a"),
            &hex!("1811 3230323630313031303030303030 2e35 5a"),
            &hex!("1c0400000061"),
        ];
        for der in good {
            assert!(is_one_value(der), "{der:02x?}");
        }
    }

    #[test]
    fn what_is_only_ber_or_nothing_is_refused() {
        let bad: [&[u8]; 25] = [
            &hex!(""),
            &hex!("0000"),
            &hex!("010101"),
            &hex!("0100"),
            &hex!("0200"),
            &hex!("02020001"),
            &hex!("0202ff80"),
            &hex!("0300"),
            &hex!("030101"),
            &hex!("03020781"),
            &hex!("03020800"),
            &hex!("050100"),
            &hex!("0600"),
            &hex!("0603550483"),
            &hex!("0603558003"),
            &hex!("30020101"),
            &hex!("3106020102020101"),
            &hex!("3106820102020101"),
            &hex!("1000"),
            &hex!("240404020000"),
            &hex!("30800000"),
            &hex!("0c01ff"),
            &hex!("1303c3ab61"),
            &hex!("170b323630313031303030305a"),
            &hex!("05000500"),
        ];
        for der in bad {
            assert!(!is_one_value(der), "{der:02x?}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| {
            let mut der = vec![0x05, 0x00];
            for _ in 0..depth {
                let mut writer = crate::tlv::Writer::default();
                writer.value(tag::SEQUENCE, &der);
                der = writer.finish();
            }
            der
        };
        assert!(is_one_value(&nested(32)));
        assert!(!is_one_value(&nested(33)));
        assert!(!is_one_value(&nested(5000)));
    }

    proptest! {
        #[test]
        fn no_octets_panic(octets in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = is_one_value(&octets);
        }
    }
}
