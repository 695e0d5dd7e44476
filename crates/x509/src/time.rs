//! Time as X.509 knows it: whole seconds, UTC.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::DateTime;

/// Seconds since 1970-01-01T00:00:00Z. Leap seconds do not exist, as in RFC 5280 section 4.1.2.5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub i64);

/// Seconds in a day.
pub const DAY: i64 = 86_400;

impl UnixTime {
    /// The time `seconds` later (earlier where negative), held at the ends of `i64`.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The time `days` days of 86,400 seconds later.
    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        self.plus_seconds(days.saturating_mul(DAY))
    }
}

impl fmt::Display for UnixTime {
    /// `2026-11-23T20:00:00Z`, to the end of the year 9999, which certificates that never end have (RFC 5280 section
    /// 4.1.2.5); a time outside the years -9999 to 9999 is shown as its number of seconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not `jiff::Timestamp`, which ends a day earlier, so that every time zone can show each of its times.
        const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
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
