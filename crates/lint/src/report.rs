//! Formats findings: untrusted text is quoted and shortened.

use std::fmt::Write as _;

/// Most octets of untrusted text that are shown.
const SHOWN: usize = 100;
/// Most findings of one kind that are shown.
const LISTED: usize = 5;

/// Untrusted text, quoted: control characters escaped, invalid UTF-8 replaced, truncated if it is long.
pub(super) fn quoted(text: &[u8]) -> String {
    let shown = &text[..text.len().min(SHOWN)];
    let dots = if text.len() > SHOWN { "…" } else { "" };
    format!("{:?}{dots}", String::from_utf8_lossy(shown))
}

/// Octets in hexadecimal, truncated if there are many.
pub(super) fn hex(octets: &[u8]) -> String {
    let mut text = String::with_capacity(2 * octets.len().min(SHOWN));
    for octet in octets.iter().take(SHOWN) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{octet:02x}");
    }
    if octets.len() > SHOWN {
        text.push('…');
    }
    text
}

/// The first few findings in a list, as one message. Allocates nothing if there are none.
pub(super) fn first_few(mut found: impl Iterator<Item = String>) -> Option<String> {
    let mut message = found.next()?;
    for next in found.by_ref().take(LISTED - 1) {
        message.push_str("; ");
        message.push_str(&next);
    }
    if found.next().is_some() {
        message.push_str("; and more");
    }
    Some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_escaped_and_cut() {
        assert_eq!(quoted(b"a\n\0\"\xff"), "\"a\\n\\0\\\"\u{fffd}\"");
        assert!(quoted(&vec![b'a'; 1_000_000]).len() < 120);
        assert_eq!(hex(&[0x0a, 0xff]), "0aff");
        assert!(hex(&vec![0; 1_000_000]).len() < 210);
    }

    #[test]
    fn long_lists_are_cut() {
        let numbers = |n: usize| first_few((1..=n).map(|n| n.to_string()));
        assert_eq!(numbers(0), None);
        assert_eq!(numbers(2).unwrap(), "1; 2");
        assert_eq!(numbers(5).unwrap(), "1; 2; 3; 4; 5");
        assert_eq!(numbers(6).unwrap(), "1; 2; 3; 4; 5; and more");
    }
}
