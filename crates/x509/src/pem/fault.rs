//! Why a text is not PEM, in messages that help the user to fix it.

use data_encoding::BASE64;

use super::{BEGIN, BYTE_ORDER_MARK, find, first_character, is_base64, is_white, unwhitened};
use crate::name::is_invisible;
use crate::tlv::{Reader, tag};

/// Octets that are searched for signs of a known mistake: bounds the work, and is far more than a CSR has.
const LOOKED_AT: usize = 1 << 20;

/// Why a text is not PEM.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// No octets, or only white space.
    #[error("it is empty")]
    Empty,
    /// No block, nor any part of one.
    #[error("there is no line -----BEGIN …----- in it")]
    NoBlock,
    /// Blocks, but none with an expected label.
    #[error("it holds -----BEGIN {label}----- only")]
    OtherLabel {
        /// The first block's label, shortened to 60 characters.
        label: String,
    },
    /// UTF-16, as PowerShell and Exchange write it.
    #[error("it is UTF-16 text; save it as UTF-8 or ASCII")]
    Utf16,
    /// A backslash and an n instead of line ends, as in JSON and environment variables.
    #[error("its line ends are written as \\n; put real line ends in their place")]
    SpeltOutLineEnds,
    /// Lines that start with `>`.
    #[error("its lines begin with >, as a quoted mail's do; take that away")]
    Quoted,
    /// Base64 of DER without boundaries.
    #[error("it is base64 without the lines -----BEGIN …----- and -----END …----- around it")]
    NoBoundaries,
    /// Boundaries with more or fewer than five hyphens, or with something before them.
    #[error("its lines BEGIN and END are damaged: write five hyphens before and behind, and nothing else in the line")]
    Boundaries,
    /// DER that is truncated, or followed by other octets.
    #[error("it begins as DER does, but is cut short, or something follows it")]
    NotWhole,
    /// DER of another type of object.
    #[error("it is DER of something else")]
    OtherDer,
    /// DER followed by a line end.
    #[error("it is DER with a line end behind it, as editors and terminals add; take that away")]
    LineEndBehindDer,
    /// An invisible character: a zero-width space, a second byte order mark.
    #[error("line {line} has a character that cannot be seen, U+{character:04X}; take it away")]
    Invisible {
        /// Counted from 1.
        line: usize,
        /// Its code point.
        character: u32,
    },
    /// No END boundary.
    #[error("its line -----END {label}----- is missing")]
    CutShort {
        /// The block's label, shortened to 60 characters.
        label: String,
    },
    /// An END boundary with another label.
    #[error("it begins with -----BEGIN {begin}----- and ends with -----END {end}-----")]
    LabelsDiffer {
        /// The BEGIN label, shortened to 60 characters.
        begin: String,
        /// The END label, shortened to 60 characters.
        end: String,
    },
    /// A line that is not base64.
    #[error("line {line} is not base64")]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// Base64 that is incomplete.
    #[error("the base64 between -----BEGIN {label}----- and its end is incomplete or damaged")]
    Base64 {
        /// The block's label, shortened to 60 characters.
        label: String,
    },
}

/// The fault of an input that contains no block, and is not the expected DER.
pub(crate) fn diagnose(input: &[u8]) -> PemError {
    let text = &input[..input.len().min(LOOKED_AT)];
    if is_utf16(text) {
        return PemError::Utf16;
    }
    if line_end_behind_der(input) {
        return PemError::LineEndBehindDer;
    }
    if matches!(input, [tag::SEQUENCE, 0x80..=0xff, ..]) {
        return match Reader::only(input, tag::SEQUENCE) {
            Ok(_) => PemError::OtherDer,
            Err(_) => PemError::NotWhole,
        };
    }
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if text.iter().copied().all(is_white) {
        return PemError::Empty;
    }
    if let Some(begin) = find(text, BEGIN) {
        let line = text[..begin]
            .rsplit(|octet| matches!(octet, b'\n' | b'\r'))
            .next()
            .unwrap_or_default();
        if line.trim_ascii().starts_with(b">") {
            return PemError::Quoted;
        }
        if line.ends_with(br"\n") {
            return PemError::SpeltOutLineEnds;
        }
    }
    let announced = find(text, b"BEGIN ").is_some();
    let base64 = !announced && is_base64_of_der(text);
    if let Some(fault) = invisible(text, 0).filter(|_| announced || std::str::from_utf8(text).is_ok()) {
        return fault;
    }
    match (announced, base64) {
        (true, _) => PemError::Boundaries,
        (_, true) => PemError::NoBoundaries,
        _ => PemError::NoBlock,
    }
}

/// The fault in a block's content, if it can be determined: `content` is a part of `text`.
pub(super) fn of_content(text: &[u8], content: &[u8]) -> Option<PemError> {
    // Decoding may have left an empty slice that is not part of `text`.
    let start = content.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    let content = &content[..content.len().min(LOOKED_AT)];
    if content.is_empty() || start + content.len() > text.len() {
        return None;
    }
    if find(content, br"\n").is_some() || find(content, br"\r").is_some() {
        return Some(PemError::SpeltOutLineEnds);
    }
    if content
        .split(|octet| matches!(octet, b'\n' | b'\r'))
        .any(|line| line.trim_ascii_start().starts_with(b">"))
    {
        return Some(PemError::Quoted);
    }
    if let Some(fault) = invisible(&text[..start + content.len()], start) {
        return Some(fault);
    }
    let mut at = 0;
    while at < content.len() {
        let octet = content[at];
        at += match first_character(&content[at..]) {
            _ if is_base64(octet) || is_white(octet) => 1,
            Some(character) if character.is_whitespace() => character.len_utf8(),
            _ => {
                let line = line_of(text, start + at);
                return Some(PemError::Line { line });
            }
        };
    }
    None
}

/// Whether input is exactly one DER SEQUENCE followed only by line ends, four octets at most.
pub(crate) fn line_end_behind_der(input: &[u8]) -> bool {
    let mut reader = Reader::new(input);
    let Ok(value) = reader.expect(tag::SEQUENCE) else {
        return false;
    };
    let rest = &input[value.raw.len()..];
    value.raw.len() > 2 && (1..=4).contains(&rest.len()) && rest.iter().all(|octet| matches!(octet, b'\n' | b'\r'))
}

/// The first invisible character at or after an offset.
fn invisible(text: &[u8], from: usize) -> Option<PemError> {
    let mut at = from;
    while at < text.len() {
        if text[at].is_ascii() {
            at += 1;
            continue;
        }
        match first_character(&text[at..]) {
            Some(character) if is_invisible(character) => {
                return Some(PemError::Invisible {
                    line: line_of(text, at),
                    character: u32::from(character),
                });
            }
            Some(character) => at += character.len_utf8(),
            None => at += 1,
        }
    }
    None
}

/// The line number of an offset, from 1: line ends are LF, CR, or both.
fn line_of(text: &[u8], offset: usize) -> usize {
    let before = &text[..offset];
    let ends = before.iter().enumerate().filter(|&(at, octet)| match octet {
        b'\n' => true,
        b'\r' => before.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    ends.count() + 1
}

/// A byte order mark, or alternating ASCII and zeros in the first octets.
fn is_utf16(text: &[u8]) -> bool {
    if matches!(text, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        return true;
    }
    let beginning = &text[..text.len().min(64)];
    let zeros = |which: usize| {
        beginning
            .iter()
            .enumerate()
            .all(|(at, octet)| (at % 2 == which) == (*octet == 0))
    };
    beginning.len() >= 16 && (zeros(0) || zeros(1))
}

fn is_base64_of_der(text: &[u8]) -> bool {
    let Some(mut base64) = unwhitened(text) else {
        return false;
    };
    let whole = base64.len() / 4 * 4;
    base64.truncate(whole);
    base64.len() >= 16
        && BASE64
            .decode(&base64)
            .is_ok_and(|der| der.first() == Some(&tag::SEQUENCE))
}
