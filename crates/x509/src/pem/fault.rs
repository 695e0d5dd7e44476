//! Why a text is no PEM, in words that help whoever has it before them.

use data_encoding::BASE64;

use super::{BEGIN, BYTE_ORDER_MARK, find, first_character, is_base64, is_white, unwhitened};
use crate::name::is_invisible;
use crate::tlv::{Reader, tag};

/// Octets in which signs of a known mistake are looked for: a bound on the work, and far more than a CSR has.
const LOOKED_AT: usize = 1 << 20;

/// Why a text is no PEM.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// No octets, or blank ones alone.
    #[error("it is empty")]
    Empty,
    /// No block, and no sign of one.
    #[error("there is no line -----BEGIN …----- in it")]
    NoBlock,
    /// Blocks, but none with a label that was looked for.
    #[error("it holds -----BEGIN {label}----- only")]
    OtherLabel {
        /// The first block's, shortened to 60 characters.
        label: String,
    },
    /// UTF-16, as PowerShell and Exchange write.
    #[error("it is UTF-16 text; save it as UTF-8 or ASCII")]
    Utf16,
    /// A backslash and an n in place of line ends, as in JSON and environment variables.
    #[error("its line ends are written as \\n; put real line ends in their place")]
    SpeltOutLineEnds,
    /// Lines that begin with `>`.
    #[error("its lines begin with >, as a quoted mail's do; take that away")]
    Quoted,
    /// Base64 of DER with nothing around it.
    #[error("it is base64 without the lines -----BEGIN …----- and -----END …----- around it")]
    NoBoundaries,
    /// Boundaries with other than five hyphens, or with something before them.
    #[error("its lines BEGIN and END are damaged: write five hyphens before and behind, and nothing else in the line")]
    Boundaries,
    /// DER that is cut short, or followed by something.
    #[error("it begins as DER does, but is cut short, or something follows it")]
    NotWhole,
    /// DER of another kind.
    #[error("it is DER of something else")]
    OtherDer,
    /// DER with a line end behind it.
    #[error("it is DER with a line end behind it, as editors and terminals add; take that away")]
    LineEndBehindDer,
    /// A character that cannot be seen: a zero-width space, a second byte order mark.
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
        /// The block's, shortened to 60 characters.
        label: String,
    },
    /// An END boundary with another label.
    #[error("it begins with -----BEGIN {begin}----- and ends with -----END {end}-----")]
    LabelsDiffer {
        /// Shortened to 60 characters.
        begin: String,
        /// Shortened to 60 characters.
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
        /// Shortened to 60 characters.
        label: String,
    },
}

/// What is wrong with an input in which no block was found, and which is not the DER that was expected.
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

/// What is wrong in a block's content, where that can be told: `content` is a part of `text`.
pub(super) fn of_content(text: &[u8], content: &[u8]) -> Option<PemError> {
    // Nothing of it may be left, and stands nowhere then.
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

/// Whether input is one whole DER SEQUENCE with nothing but line ends, four octets at most, behind it.
pub(crate) fn line_end_behind_der(input: &[u8]) -> bool {
    let mut reader = Reader::new(input);
    let Ok(value) = reader.expect(tag::SEQUENCE) else {
        return false;
    };
    let rest = &input[value.raw.len()..];
    value.raw.len() > 2 && (1..=4).contains(&rest.len()) && rest.iter().all(|octet| matches!(octet, b'\n' | b'\r'))
}

/// The first character from an offset on that cannot be seen.
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

/// The line that an offset stands in, from 1: line ends are LF, CR, or both.
fn line_of(text: &[u8], offset: usize) -> usize {
    let before = &text[..offset];
    let ends = before.iter().enumerate().filter(|&(at, octet)| match octet {
        b'\n' => true,
        b'\r' => before.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    ends.count() + 1
}

/// A byte order mark, or ASCII in every second of the first octets and zeros between.
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
    base64.truncate(base64.len() / 4 * 4);
    base64.len() >= 16
        && BASE64
            .decode(&base64)
            .is_ok_and(|der| der.first() == Some(&tag::SEQUENCE))
}
