//! The contract's way to write a time.

use chancery_x509::time::UnixTime;

/// `YYYY-MM-DD HH:MM:SS`, UTC. A time that no calendar can hold is shown as its number of seconds.
pub fn contract_time(time: UnixTime) -> String {
    let Ok(timestamp) = jiff::Timestamp::from_second(time.0) else {
        return format!("{} s", time.0);
    };
    let civil = jiff::tz::Offset::UTC.to_datetime(timestamp);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        civil.year(),
        civil.month(),
        civil.day(),
        civil.hour(),
        civil.minute(),
        civil.second()
    )
}
