//! Range requests (RFC 9110 section 14): one range of octets; a request for several gets the whole file, as section
//! 14.2 allows.

use axum::http::HeaderMap;
use axum::http::header::RANGE;

/// The part of a file that is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    Whole,
    /// A range of octets; never empty.
    Part {
        /// Offset of the first octet.
        first: u64,
        /// Number of octets.
        len: u64,
    },
    /// A range outside the file: 416.
    Unsatisfiable,
}

/// The part requested of a file of `total` octets; a malformed header is ignored.
pub(super) fn wanted(headers: &HeaderMap, total: u64) -> Wanted {
    let header = headers.get(RANGE).and_then(|value| value.to_str().ok());
    header.and_then(|text| parse(text, total)).unwrap_or(Wanted::Whole)
}

fn parse(text: &str, total: u64) -> Option<Wanted> {
    let (unit, ranges) = text.split_once('=')?;
    let (first, last) = ranges.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || ranges.contains(',') {
        return None;
    }
    if first.is_empty() {
        let suffix = number(last)?.min(total);
        return Some(if suffix == 0 {
            Wanted::Unsatisfiable
        } else {
            Wanted::Part {
                first: total - suffix,
                len: suffix,
            }
        });
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    if first >= total {
        return Some(Wanted::Unsatisfiable);
    }
    Some(Wanted::Part {
        first,
        len: last.min(total - 1) - first + 1,
    })
}

/// Digits only: `u64::from_str` accepts a plus sign.
fn number(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_a_file_of_ten_octets() {
        let part = |first, len| Some(Wanted::Part { first, len });
        assert_eq!(parse("bytes=0-3", 10), part(0, 4));
        assert_eq!(parse("bytes=4-", 10), part(4, 6));
        assert_eq!(parse("bytes=-3", 10), part(7, 3));
        assert_eq!(parse("bytes=-30", 10), part(0, 10));
        assert_eq!(parse("bytes=8-99", 10), part(8, 2));
        assert_eq!(parse("bytes=10-", 10), Some(Wanted::Unsatisfiable));
        assert_eq!(parse("bytes=-0", 10), Some(Wanted::Unsatisfiable));
        assert_eq!(parse("bytes=0-0", 0), Some(Wanted::Unsatisfiable));
        for nonsense in [
            "bytes=3-2",
            "bytes=0-1,3-4",
            "lines=0-1",
            "bytes=+1-2",
            "bytes=a-b",
            "bytes",
            "bytes=-",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(parse(nonsense, 10), None, "{nonsense}");
        }
    }
}
