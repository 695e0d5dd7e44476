//! Validity and revocation times (RFC 5280 sections 4.1.2.5, 5.1.2.4 and following).

use chancery_x509::tlv::{Reader, Tlv, tag};

use super::der::Malformed;

/// A UTCTime or GeneralizedTime.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time<'a> {
    pub(crate) tag: u8,
    pub(crate) text: &'a [u8],
    /// Seconds since 1970; `None` if the text is not `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`, or not a calendar time.
    pub(crate) seconds: Option<i64>,
}

/// The GeneralizedTime for "no well-defined expiration date" (RFC 5280 section 4.1.2.5).
pub(crate) const NO_EXPIRATION: &[u8] = b"99991231235959Z";
/// 2050-01-01T00:00:00Z, the first time that must be a GeneralizedTime.
const YEAR_2050: i64 = 2_524_608_000;

impl<'a> Time<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>, what: &'static str) -> Result<Self, Malformed> {
        match reader.read() {
            Ok(tlv) if matches!(tlv.tag, tag::UTC_TIME | tag::GENERALIZED_TIME) => Ok(Self::of(tlv)),
            _ => Err(Malformed(what)),
        }
    }

    #[inline]
    pub(crate) fn of(tlv: Tlv<'a>) -> Self {
        Self {
            tag: tlv.tag,
            text: tlv.content,
            seconds: seconds(tlv.tag, tlv.content),
        }
    }

    /// What is wrong with the text, if anything.
    pub(crate) fn syntax_fault(&self) -> Option<String> {
        if self.seconds.is_some() {
            return None;
        }
        let form = if self.tag == tag::UTC_TIME {
            "YYMMDDHHMMSSZ"
        } else {
            "YYYYMMDDHHMMSSZ"
        };
        Some(format!(
            "{} is no time of the form {form}",
            crate::report::quoted(self.text)
        ))
    }

    /// What is wrong with the choice between the two types, if anything. A UTCTime cannot be later than 2049.
    pub(crate) fn type_fault(&self) -> Option<String> {
        if self.tag == tag::UTC_TIME || self.seconds? >= YEAR_2050 {
            return None;
        }
        Some(format!(
            "{} is a GeneralizedTime, but before 2050",
            crate::report::quoted(self.text)
        ))
    }
}

#[inline]
fn seconds(tag: u8, text: &[u8]) -> Option<i64> {
    let (year, rest) = if tag == tag::UTC_TIME {
        let (year, rest) = text.split_at_checked(2)?;
        let year = two_digits(year[0], year[1])?;
        (if year < 50 { 2000 + year } else { 1900 + year }, rest)
    } else {
        let (year, rest) = text.split_at_checked(4)?;
        (
            two_digits(year[0], year[1])? * 100 + two_digits(year[2], year[3])?,
            rest,
        )
    };
    let (digits, b"Z") = rest.split_at_checked(10)? else {
        return None;
    };
    let mut pairs = digits.chunks_exact(2).map(|pair| two_digits(pair[0], pair[1]));
    let mut pair = || pairs.next().flatten();
    let (month, day, hour, minute, second) = (pair()?, pair()?, pair()?, pair()?, pair()?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[inline]
fn two_digits(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days in the proleptic Gregorian calendar, counted in years that start in March so that leap days come last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let month_from_march = (month + 9) % 12;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month_from_march + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn general(text: &[u8]) -> Option<i64> {
        seconds(tag::GENERALIZED_TIME, text)
    }

    #[test]
    fn seconds_agree_with_the_calendar() {
        assert_eq!(general(b"19700101000000Z"), Some(0));
        assert_eq!(general(b"20500101000000Z"), Some(YEAR_2050));
        assert_eq!(general(b"20000229235959Z"), Some(951_868_799));
        assert_eq!(general(NO_EXPIRATION), Some(253_402_300_799));
        assert_eq!(seconds(tag::UTC_TIME, b"691231235959Z"), Some(-1));
        assert_eq!(seconds(tag::UTC_TIME, b"491231235959Z"), Some(YEAR_2050 - 1));
        // A calendar library agrees on every day of two centuries.
        let mut date = jiff::civil::date(1950, 1, 1);
        while date.year() < 2150 {
            let text = format!("{:04}{:02}{:02}000000Z", date.year(), date.month(), date.day());
            let expected = jiff::tz::TimeZone::UTC
                .to_timestamp(date.at(0, 0, 0, 0))
                .unwrap()
                .as_second();
            assert_eq!(general(text.as_bytes()), Some(expected), "{text}");
            date = date.tomorrow().unwrap();
        }
    }

    #[test]
    fn other_forms_are_no_times() {
        for bad in [
            "",
            "20240101000000",
            "202401010000Z",
            "20240101000000.5Z",
            "20240101000000+0000",
        ] {
            assert_eq!(general(bad.as_bytes()), None, "{bad}");
        }
        for bad in [
            "20230229000000Z",
            "20240001000000Z",
            "20240431000000Z",
            "20240101240000Z",
            "20240101006000Z",
        ] {
            assert_eq!(general(bad.as_bytes()), None, "{bad}");
        }
        for bad in ["20240101000060Z", "2024010100000Z", "2024-1-1000000Z", "240101000000Z"] {
            assert_eq!(general(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(seconds(tag::UTC_TIME, b"20240101000000Z"), None);
    }
}
