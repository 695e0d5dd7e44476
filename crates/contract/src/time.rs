//! The contract's time format.

use chancery_x509::time::UnixTime;

/// `YYYY-MM-DD HH:MM:SS`, UTC. A time outside the calendar is shown as its number of seconds.
pub fn contract_time(time: UnixTime) -> String {
    // Civil arithmetic, not a timestamp: RFC 5280's "no end", 9999-12-31 23:59:59, is past the last timestamp.
    let epoch = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
    let Ok(civil) = epoch.checked_add(jiff::SignedDuration::from_secs(time.0)) else {
        return format!("{} s", time.0);
    };
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
