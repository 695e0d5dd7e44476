//! Time as X.509 knows it: whole seconds, UTC.

use std::fmt;

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
    /// `2026-11-23T20:00:00Z`; a time no calendar can hold is shown as its number of seconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(timestamp) => timestamp.fmt(f),
            Err(_) => write!(f, "{} s", self.0),
        }
    }
}
