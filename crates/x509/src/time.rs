//! Time as in X.509: whole seconds, UTC.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::DateTime;

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// Seconds since 1970-01-01T00:00:00Z, without leap seconds, as in RFC 5280 section 4.1.2.5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub i64);

/// Seconds in a day.
pub const DAY: i64 = 86_400;

impl UnixTime {
    /// The start of the year 1: GeneralizedTime cannot express an earlier time (RFC 5280 section 4.1.2.5.2).
    pub const FIRST: Self = Self(-62_135_596_800);

    /// The time `seconds` later (earlier if negative), saturating at the limits of `i64`.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Parses a date-time of RFC 3339 section 5.6, and no variant of it: years 0000 to 9999, to their last second, with
    /// any offset. Fractions of a second are dropped; a leap second becomes the second before it.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let octets = text.as_bytes();
        let number = |from: usize, digits: usize| -> Option<i64> {
            let digits = octets.get(from..from + digits)?;
            digits.iter().try_fold(0, |number, digit| {
                digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
            })
        };
        let is = |place: usize, allowed: &[u8]| octets.get(place).is_some_and(|octet| allowed.contains(octet));
        let separated = is(4, b"-") && is(7, b"-") && is(10, b"Tt") && is(13, b":") && is(16, b":");
        let second = number(17, 2).filter(|second| separated && *second <= 60)?.min(59);
        let mut zone = 19;
        if is(zone, b".") {
            zone += 1;
            let digits = octets
                .get(zone..)?
                .iter()
                .take_while(|octet| octet.is_ascii_digit())
                .count();
            zone += (digits > 0).then_some(digits)?;
        }
        let offset = if is(zone, b"Zz") && octets.len() == zone + 1 {
            0
        } else if is(zone, b"+-") && is(zone + 3, b":") && octets.len() == zone + 6 {
            let hours = number(zone + 1, 2).filter(|hours| *hours < 24)?;
            let minutes = number(zone + 4, 2).filter(|minutes| *minutes < 60)?;
            let east = hours * 3_600 + minutes * 60;
            if is(zone, b"-") { -east } else { east }
        } else {
            return None;
        };
        let small = |number: Option<i64>| number.and_then(|number| i8::try_from(number).ok());
        let local = DateTime::new(
            i16::try_from(number(0, 4)?).ok()?,
            small(number(5, 2))?,
            small(number(8, 2))?,
            small(number(11, 2))?,
            small(number(14, 2))?,
            small(Some(second))?,
            0,
        );
        Some(Self(local.ok()?.duration_since(EPOCH).as_secs() - offset))
    }

    /// The time `days` days of 86,400 seconds later (earlier if negative).
    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        self.plus_seconds(days.saturating_mul(DAY))
    }
}

impl fmt::Display for UnixTime {
    /// `2026-11-23T20:00:00Z`, up to the end of the year 9999, the notAfter of certificates without an end (RFC 5280
    /// section 4.1.2.5); a time outside the years -9999 to 9999 is shown as its number of seconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `jiff::Timestamp` ends a day earlier, so that each of its times can be shown in every time zone.
        match EPOCH.checked_add(SignedDuration::from_secs(self.0)) {
            Ok(time) => write!(f, "{time}Z"),
            Err(_) => write!(f, "{} s after 1970-01-01T00:00:00Z", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::UnixTime;

    #[test]
    fn times_are_shown_to_the_end_of_the_calendar() {
        for (seconds, shown) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (1_795_464_000, "2026-11-23T20:00:00Z"),
            (-62_167_219_200, "0000-01-01T00:00:00Z"),
            (253_402_207_201, "9999-12-30T22:00:01Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, "253402300800 s after 1970-01-01T00:00:00Z"),
            (i64::MIN, "-9223372036854775808 s after 1970-01-01T00:00:00Z"),
            (i64::MAX, "9223372036854775807 s after 1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(UnixTime(seconds).to_string(), shown);
        }
    }

    #[test]
    fn times_are_read_as_rfc_3339_has_them_to_both_ends_of_the_calendar() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-11-23T20:00:00Z", 1_795_464_000),
            ("2026-11-23t20:00:00.999999999999z", 1_795_464_000),
            ("2026-11-23T21:30:00+01:30", 1_795_464_000),
            ("2026-11-23T19:59:00-00:01", 1_795_464_000),
            ("1990-12-31T23:59:60Z", 662_687_999),
            ("2024-02-29T00:00:00Z", 1_709_164_800),
            ("0000-01-01T00:00:00+23:59", -62_167_219_200 - 86_340),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
            ("9999-12-31T23:59:59-23:59", 253_402_300_799 + 86_340),
        ] {
            assert_eq!(UnixTime::from_rfc3339(text), Some(UnixTime(seconds)), "{text}");
        }
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T20:00:00",
            "2026-11-23T20:00Z",
            "2026-11-23 20:00:00Z",
            "20261123T200000Z",
            "2026-11-23T20:00:00.Z",
            "2026-11-23T20:00:00,5Z",
            "2026-11-23T20:00:00Z ",
            "2026-11-23T20:00:00Z[UTC]",
            "2026-11-23T20:00:00+01",
            "2026-11-23T20:00:00+0100",
            "2026-11-23T20:00:00+24:00",
            "2026-11-23T20:00:00+01:60",
            "2026-11-23T24:00:00Z",
            "2026-11-23T20:60:00Z",
            "2026-11-23T20:00:61Z",
            "2026-13-23T20:00:00Z",
            "2026-02-29T20:00:00Z",
            "+2026-11-23T20:00:00Z",
            "-026-11-23T20:00:00Z",
            "2026-11-23T20:00:\u{661}\u{661}Z",
        ] {
            assert_eq!(UnixTime::from_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn it_shows_what_jiff_shows() {
        for days in (-700_000_i64..=2_900_000).step_by(997) {
            let time = UnixTime(days * super::DAY + days);
            assert_eq!(
                time.to_string(),
                jiff::Timestamp::from_second(time.0).unwrap().to_string()
            );
        }
    }
}
