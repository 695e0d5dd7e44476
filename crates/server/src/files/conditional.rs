//! Conditional requests (RFC 9110 section 13).

use std::time::SystemTime;

use axum::http::HeaderMap;
use axum::http::header::{HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};

/// Result of a request's preconditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// They hold, or there are none.
    Proceed,
    /// 304: the client has this version.
    NotModified,
    /// 412: the client requires another version.
    Failed,
}

/// Evaluates them in the order of section 13.2.2.
pub(super) fn evaluate(headers: &HeaderMap, etag: &str, modified: SystemTime) -> Outcome {
    if let Some(matches) = matches(headers, &IF_MATCH, etag, Strength::Strong) {
        if !matches {
            return Outcome::Failed;
        }
    } else if date(headers, &IF_UNMODIFIED_SINCE).is_some_and(|since| whole_seconds(modified) > since) {
        return Outcome::Failed;
    }
    if let Some(matches) = matches(headers, &IF_NONE_MATCH, etag, Strength::Weak) {
        if matches {
            return Outcome::NotModified;
        }
    } else if date(headers, &IF_MODIFIED_SINCE).is_some_and(|since| whole_seconds(modified) <= since) {
        return Outcome::NotModified;
    }
    Outcome::Proceed
}

/// Whether a Range header applies: without If-Range always, with it only for this version (section 13.1.5).
pub(super) fn range_applies(headers: &HeaderMap, etag: &str, modified: SystemTime) -> bool {
    let Some(condition) = headers.get(IF_RANGE).and_then(|value| value.to_str().ok()) else {
        return true;
    };
    match httpdate::parse_http_date(condition) {
        Ok(date) => date == whole_seconds(modified),
        Err(_) => names(condition, etag, Strength::Strong),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Strength {
    Strong,
    Weak,
}

/// Whether one of the entity tags of that header is this one; `None` without the header.
fn matches(headers: &HeaderMap, name: &HeaderName, etag: &str, strength: Strength) -> Option<bool> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    Some(
        values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|tag| names(tag, etag, strength)),
    )
}

fn names(tag: &str, etag: &str, strength: Strength) -> bool {
    let tag = tag.trim();
    if tag == "*" {
        return true;
    }
    let opaque = match (tag.strip_prefix("W/"), strength) {
        (Some(opaque), Strength::Weak) => opaque,
        (Some(_), Strength::Strong) => return false,
        (None, _) => tag,
    };
    opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) == Some(etag)
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

/// HTTP dates have whole seconds only.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(since.as_secs())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn the_table_of_section_13() {
        let modified = UNIX_EPOCH + Duration::from_millis(784_111_777_500);
        let same = "Sun, 06 Nov 1994 08:49:37 GMT";
        let before = "Sun, 06 Nov 1994 08:49:36 GMT";
        let table: [(&[(HeaderName, &str)], Outcome); 12] = [
            (&[], Outcome::Proceed),
            (&[(IF_NONE_MATCH, "\"a\"")], Outcome::NotModified),
            (&[(IF_NONE_MATCH, "W/\"a\"")], Outcome::NotModified),
            (&[(IF_NONE_MATCH, "\"x\", \"a\"")], Outcome::NotModified),
            (&[(IF_NONE_MATCH, "*")], Outcome::NotModified),
            (&[(IF_NONE_MATCH, "\"x\"")], Outcome::Proceed),
            (&[(IF_MATCH, "\"a\"")], Outcome::Proceed),
            (&[(IF_MATCH, "W/\"a\"")], Outcome::Failed),
            (&[(IF_MODIFIED_SINCE, same)], Outcome::NotModified),
            (&[(IF_MODIFIED_SINCE, before)], Outcome::Proceed),
            (&[(IF_UNMODIFIED_SINCE, before)], Outcome::Failed),
            (&[(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, same)], Outcome::Proceed),
        ];
        for (given, expected) in table {
            assert_eq!(evaluate(&headers(given), "a", modified), expected, "{given:?}");
        }
        assert!(range_applies(&headers(&[]), "a", modified));
        assert!(range_applies(&headers(&[(IF_RANGE, "\"a\"")]), "a", modified));
        assert!(range_applies(&headers(&[(IF_RANGE, same)]), "a", modified));
        assert!(!range_applies(&headers(&[(IF_RANGE, "\"b\"")]), "a", modified));
        assert!(!range_applies(&headers(&[(IF_RANGE, before)]), "a", modified));
    }
}
