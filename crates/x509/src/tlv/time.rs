//! UTCTime and GeneralizedTime as RFC 5280 sections 4.1.2.5 and 5.1.2.4 to 5.1.2.6 require: with seconds and `Z`.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use crate::time::UnixTime;
use crate::tlv::{Tlv, tag};

/// 1950-01-01T00:00:00Z: UTCTime's first second.
const UTC_TIME_FIRST: i64 = -631_152_000;
/// 2050-01-01T00:00:00Z: the first second that needs GeneralizedTime.
const UTC_TIME_END: i64 = 2_524_608_000;

/// `Timestamp` ends a day before the calendar does, so that any offset fits; the last second of 9999, which means that
/// a certificate has no end (RFC 5280 section 4.1.2.5), is computed from here instead.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// Octets of a UTCTime, header included.
const UTC_TIME_LEN: usize = 15;
/// Octets of a GeneralizedTime, header included.
pub(crate) const GENERALIZED_TIME_LEN: usize = 17;

/// A time outside the years 0000 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfCalendar(pub(crate) UnixTime);

/// Length of `time` as a Time, in octets, header included.
pub(crate) fn encoded_len(time: UnixTime) -> usize {
    if fits_utc_time(time) {
        UTC_TIME_LEN
    } else {
        GENERALIZED_TIME_LEN
    }
}

/// Appends a Time: UTCTime until 2049, GeneralizedTime from 2050.
pub(crate) fn push(out: &mut Vec<u8>, time: UnixTime) -> Result<(), OutOfCalendar> {
    if !fits_utc_time(time) {
        return push_generalized(out, time);
    }
    let digits = digits(time)?;
    out.extend_from_slice(&[tag::UTC_TIME, 13]);
    out.extend_from_slice(&digits[2..]);
    Ok(())
}

/// Appends a GeneralizedTime, whatever the year.
pub(crate) fn push_generalized(out: &mut Vec<u8>, time: UnixTime) -> Result<(), OutOfCalendar> {
    let digits = digits(time)?;
    out.extend_from_slice(&[tag::GENERALIZED_TIME, 15]);
    out.extend_from_slice(&digits);
    Ok(())
}

/// Parses a Time of either type.
pub(crate) fn parse(element: &Tlv<'_>) -> Option<UnixTime> {
    match element.tag {
        tag::UTC_TIME => parse_utc(element.content),
        tag::GENERALIZED_TIME => parse_generalized(element.content),
        _ => None,
    }
}

/// Parses a GeneralizedTime's content.
pub(crate) fn parse_generalized(content: &[u8]) -> Option<UnixTime> {
    let (century, rest) = content.split_at_checked(2)?;
    parse_from_year(i16::from(pair(century)?) * 100, rest)
}

fn parse_utc(content: &[u8]) -> Option<UnixTime> {
    let year = pair(content.get(..2)?)?;
    let century = if year < 50 { 2000 } else { 1900 };
    parse_from_year(century, content)
}

/// Parses `YYMMDDHHMMSSZ` within a century.
fn parse_from_year(century: i16, content: &[u8]) -> Option<UnixTime> {
    let [fields @ .., b'Z'] = content else { return None };
    let fields: &[u8; 12] = fields.try_into().ok()?;
    let mut numbers = [0_i8; 6];
    for (number, digits) in numbers.iter_mut().zip(fields.chunks_exact(2)) {
        *number = pair(digits)?;
    }
    let [year, month, day, hour, minute, second] = numbers;
    let civil = DateTime::new(century + i16::from(year), month, day, hour, minute, second, 0).ok()?;
    match Offset::UTC.to_timestamp(civil) {
        Ok(timestamp) => Some(UnixTime(timestamp.as_second())),
        Err(_) => Some(UnixTime(civil.duration_since(EPOCH).as_secs())),
    }
}

fn pair(digits: &[u8]) -> Option<i8> {
    let &[tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = digits else {
        return None;
    };
    i8::try_from((tens - b'0') * 10 + (ones - b'0')).ok()
}

fn fits_utc_time(time: UnixTime) -> bool {
    (UTC_TIME_FIRST..UTC_TIME_END).contains(&time.0)
}

/// `YYYYMMDDHHMMSSZ`.
fn digits(time: UnixTime) -> Result<[u8; 15], OutOfCalendar> {
    let civil = match Timestamp::from_second(time.0) {
        Ok(timestamp) => Offset::UTC.to_datetime(timestamp),
        Err(_) => EPOCH
            .checked_add(SignedDuration::from_secs(time.0))
            .map_err(|_| OutOfCalendar(time))?,
    };
    let year = u16::try_from(civil.year()).map_err(|_| OutOfCalendar(time))?;
    let fields = [
        u8::try_from(year / 100).unwrap_or(0),
        u8::try_from(year % 100).unwrap_or(0),
        civil.month().unsigned_abs(),
        civil.day().unsigned_abs(),
        civil.hour().unsigned_abs(),
        civil.minute().unsigned_abs(),
        civil.second().unsigned_abs(),
    ];
    let mut digits = [b'Z'; 15];
    for (two, field) in digits.chunks_exact_mut(2).zip(fields) {
        two[0] = b'0' + field / 10;
        two[1] = b'0' + field % 10;
    }
    Ok(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlv::Reader;
    use proptest::prelude::*;

    fn encoded(time: i64) -> Vec<u8> {
        let mut out = Vec::new();
        push(&mut out, UnixTime(time)).unwrap();
        assert_eq!(out.len(), encoded_len(UnixTime(time)));
        out
    }

    #[test]
    fn the_form_changes_with_the_year_2050() {
        assert_eq!(encoded(UTC_TIME_END - 1), b"\x17\x0d491231235959Z");
        assert_eq!(encoded(UTC_TIME_END), b"\x18\x0f20500101000000Z");
        assert_eq!(encoded(UTC_TIME_FIRST), b"\x17\x0d500101000000Z");
        assert_eq!(encoded(UTC_TIME_FIRST - 1), b"\x18\x0f19491231235959Z");
    }

    #[test]
    fn the_calendar_is_used_to_its_ends() {
        for (time, der) in [
            (253_402_300_799, b"\x18\x0f99991231235959Z"),
            (253_402_300_000, b"\x18\x0f99991231234640Z"),
            (-62_167_219_200, b"\x18\x0f00000101000000Z"),
        ] {
            assert_eq!(encoded(time), der);
            assert_eq!(parse(&Reader::new(der).read().unwrap()), Some(UnixTime(time)));
        }
    }

    #[test]
    fn times_outside_the_calendar_are_errors() {
        let mut out = Vec::new();
        for time in [i64::MAX, i64::MIN, 253_402_300_800, -62_167_219_201] {
            assert_eq!(push(&mut out, UnixTime(time)), Err(OutOfCalendar(UnixTime(time))));
        }
        assert!(out.is_empty());
    }

    #[test]
    fn other_ways_of_writing_a_time_are_refused() {
        for der in [
            &b"\x17\x0b4912312359Z"[..],
            b"\x17\x11491231235959+0000",
            b"\x17\x0d491331235959Z",
            b"\x17\x0d490230000000Z",
            b"\x17\x0d49123123595 Z",
            b"\x17\x0d491231235960Z",
            b"\x18\x1120500101000000.5Z",
            b"\x18\x0d500101000000Z",
            b"\x18\x00",
            b"\x17\x00",
        ] {
            let element = Reader::new(der).read().unwrap();
            assert_eq!(parse(&element), None, "{}", String::from_utf8_lossy(der));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(time in -62_167_219_200_i64..253_402_300_800) {
            let der = encoded(time);
            prop_assert_eq!(parse(&Reader::new(&der).read().unwrap()), Some(UnixTime(time)));
        }
    }
}
