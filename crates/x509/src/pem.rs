//! PEM (RFC 7468): the one reader of what people give a CA, certificates, requests, revocation lists and keys.
//!
//! People have PEM from mail, from Windows, from editors and from forms: it is read as laxly as RFC 7468 section 3 allows,
//! and the error for what is no PEM says why. Files that a TLS library reads itself are left to that library's reader.

mod fault;

use std::fmt;

use data_encoding::BASE64;
use zeroize::Zeroizing;

pub use fault::PemError;
pub(crate) use fault::{diagnose, line_end_behind_der};

/// U+FEFF in UTF-8, which some editors write at the start.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Encodes DER with a label (`CERTIFICATE`, `X509 CRL`, `CERTIFICATE REQUEST`), 64 characters per line, with a final
/// newline.
pub fn encode(label: &'static str, der: &[u8]) -> String {
    const OCTETS_A_LINE: usize = 48;
    let lines = der.len().div_ceil(OCTETS_A_LINE);
    let mut pem = String::with_capacity(lines * 65 + 2 * label.len() + 32);
    pem.push_str("-----BEGIN ");
    pem.push_str(label);
    pem.push_str("-----\n");
    for line in der.chunks(OCTETS_A_LINE) {
        BASE64.encode_append(line, &mut pem);
        pem.push('\n');
    }
    pem.push_str("-----END ");
    pem.push_str(label);
    pem.push_str("-----\n");
    pem
}

/// One block of a PEM file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The label between `-----BEGIN ` and `-----`.
    pub label: String,
    /// The decoded content.
    pub der: Vec<u8>,
}

/// Every block of a text, in order, none of them decoded; text around blocks is ignored (RFC 7468 section 2). Takes
/// linear time.
pub fn blocks(text: &[u8]) -> impl Iterator<Item = EncodedBlock<'_>> {
    Blocks::of(text)
}

/// The first block with a label that is wanted, not decoded: for keys, which are decoded where they are overwritten.
pub fn first(text: &[u8], wanted: impl Fn(&str) -> bool) -> Result<EncodedBlock<'_>, PemError> {
    let mut other = None;
    for block in blocks(text) {
        if wanted(block.label) {
            return Ok(block);
        }
        other.get_or_insert(block.label);
    }
    Err(without_wanted(text, other))
}

/// Every block of a text, in order; text around blocks is ignored (RFC 7468 section 2).
///
/// Accepts the lax form of RFC 7468 section 3: a leading byte order mark; CR, LF, both or only blanks as line ends; any
/// white space within the base64; lines of any length; RFC 1421 headers, which are ignored. A text without any block is
/// not PEM, and neither is one with a block that is truncated, whose labels differ, or whose content is not base64.
/// Takes linear time.
pub fn decode_all(text: &[u8]) -> Result<Vec<Block>, PemError> {
    let blocks = blocks(text)
        .map(EncodedBlock::to_block)
        .collect::<Result<Vec<_>, _>>()?;
    if blocks.is_empty() {
        return Err(diagnose(text));
    }
    Ok(blocks)
}

/// The blocks with one of these labels, in order, at least one. The content of other blocks is not decoded: a file may
/// contain keys with RFC 1421 headers, or blocks that are not base64, in addition to the wanted ones.
pub fn decode(text: &[u8], labels: &[&str]) -> Result<Vec<Block>, PemError> {
    let mut other = None;
    let mut wanted = Vec::new();
    for block in blocks(text) {
        if labels.contains(&block.label) {
            wanted.push(block.to_block()?);
        } else {
            other.get_or_insert(block.label);
        }
    }
    if wanted.is_empty() {
        return Err(without_wanted(text, other));
    }
    Ok(wanted)
}

/// Why a text without a wanted block is refused; `other` is the label of its first block.
fn without_wanted(text: &[u8], other: Option<&str>) -> PemError {
    match other {
        Some(label) => PemError::OtherLabel {
            label: shortened(label),
        },
        None => diagnose(text),
    }
}

/// Whether octets are PEM rather than DER: they contain the start of a block.
///
/// DER of the objects that PEM is used for starts with a SEQUENCE of at least 128 octets, unlike any text, so a
/// boundary inside a certificate's strings does not count.
pub fn is_pem(input: &[u8]) -> bool {
    !matches!(input, [0x30, 0x80..=0xff, ..]) && find(input, BEGIN).is_some()
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const HYPHENS: &[u8] = b"-----";
/// Longest label, in octets; the longest in use has 27.
const MAX_LABEL: usize = 100;

/// A block of a PEM file as it stands there, its content not decoded.
#[derive(Clone, Copy)]
pub struct EncodedBlock<'a> {
    /// The whole text, for counting lines.
    text: &'a [u8],
    label: &'a str,
    /// The octets between its boundaries, headers included.
    body: &'a [u8],
    ending: Ending<'a>,
}

/// It may hold a key.
impl fmt::Debug for EncodedBlock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodedBlock")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

/// How a block ends.
#[derive(Clone, Copy)]
enum Ending<'a> {
    /// With the label of its BEGIN line.
    Same,
    /// With another label.
    Other(&'a str),
    /// Not at all: the text ends, or another block begins.
    None,
}

/// Finds blocks, boundary by boundary.
struct Blocks<'a> {
    text: &'a [u8],
    /// Offset after the last boundary.
    at: usize,
}

impl<'a> Blocks<'a> {
    fn of(text: &'a [u8]) -> Self {
        let at = if text.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len()
        } else {
            0
        };
        Self { text, at }
    }

    /// Advances past the next BEGIN boundary that is preceded only by white space in its line.
    fn begin(&mut self) -> Option<&'a str> {
        let mut from = self.at;
        loop {
            let start = from + find(&self.text[from..], BEGIN)?;
            from = start + BEGIN.len();
            let before = self.text[self.at..start].iter().rev();
            let alone = before
                .take_while(|octet| !matches!(octet, b'\n' | b'\r'))
                .all(|octet| is_white(*octet));
            if !alone {
                continue;
            }
            if let Some((label, after)) = self.label(from) {
                self.at = after;
                return Some(label);
            }
        }
    }

    /// The label at an offset, and the offset after its hyphens.
    fn label(&self, from: usize) -> Option<(&'a str, usize)> {
        let rest = &self.text[from..];
        let length = find(&rest[..rest.len().min(MAX_LABEL + HYPHENS.len())], HYPHENS)?;
        let label = std::str::from_utf8(&rest[..length]).ok()?;
        let printable = label.bytes().all(|octet| matches!(octet, b' '..=b'~'));
        printable.then_some((label, from + length + HYPHENS.len()))
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = EncodedBlock<'a>;

    fn next(&mut self) -> Option<EncodedBlock<'a>> {
        let text = self.text;
        let label = self.begin()?;
        let start = self.at;
        while let Some(found) = find(&self.text[self.at..], HYPHENS) {
            let boundary = self.at + found;
            let body = &self.text[start..boundary];
            let rest = &self.text[boundary..];
            if rest.starts_with(BEGIN) {
                self.at = boundary;
                let ending = Ending::None;
                return Some(EncodedBlock {
                    text,
                    label,
                    body,
                    ending,
                });
            }
            if rest.starts_with(END)
                && let Some((end, after)) = self.label(boundary + END.len())
            {
                self.at = after;
                let ending = if end == label { Ending::Same } else { Ending::Other(end) };
                return Some(EncodedBlock {
                    text,
                    label,
                    body,
                    ending,
                });
            }
            self.at = boundary + 1;
        }
        self.at = self.text.len();
        Some(EncodedBlock {
            text,
            label,
            body: &self.text[start..],
            ending: Ending::None,
        })
    }
}

impl<'a> EncodedBlock<'a> {
    /// The label between `-----BEGIN ` and `-----`.
    pub fn label(&self) -> &'a str {
        self.label
    }

    /// Whether a header of RFC 1421 says that the content is encrypted, as OpenSSL before 1.0 wrote keys.
    pub fn is_encrypted(&self) -> bool {
        find(self.body, b"Proc-Type: 4,ENCRYPTED").is_some()
    }

    /// The content. What it was decoded from in between is overwritten; the caller overwrites the result if it is a secret.
    pub fn decode(&self) -> Result<Vec<u8>, PemError> {
        let base64 = without_headers(self.body);
        match self.ending {
            Ending::Same => {}
            Ending::None => {
                return Err(fault::of_content(self.text, base64).unwrap_or(PemError::CutShort {
                    label: shortened(self.label),
                }));
            }
            Ending::Other(end) => {
                return Err(PemError::LabelsDiffer {
                    begin: shortened(self.label),
                    end: shortened(end),
                });
            }
        }
        let der = unwhitened(base64).and_then(|base64| BASE64.decode(&base64).ok());
        der.ok_or_else(|| {
            fault::of_content(self.text, base64).unwrap_or(PemError::Base64 {
                label: shortened(self.label),
            })
        })
    }

    fn to_block(self) -> Result<Block, PemError> {
        Ok(Block {
            label: self.label.to_owned(),
            der: self.decode()?,
        })
    }
}

/// The body without RFC 1421 headers (`Proc-Type: 4,ENCRYPTED` and others, which may be folded), if there are any.
fn without_headers(body: &[u8]) -> &[u8] {
    let mut rest = body;
    let mut in_header = false;
    loop {
        let (line, after) = first_line(rest);
        let blank = line.iter().copied().all(is_white);
        let header = line.contains(&b':') || (in_header && !blank && line.first().copied().is_some_and(is_white));
        let more = header || (blank && !after.is_empty());
        if !more {
            return rest;
        }
        if blank && in_header {
            return after;
        }
        in_header |= header;
        rest = after;
    }
}

/// A text up to its first line end, and the rest after it.
fn first_line(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().position(|octet| matches!(octet, b'\n' | b'\r')) {
        Some(at) => {
            let end = if text[at..].starts_with(b"\r\n") { 2 } else { 1 };
            (&text[..at], &text[at + end..])
        }
        None => (text, &[]),
    }
}

/// The text without white space; `None` if anything other than base64 is left.
fn unwhitened(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut base64 = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((&octet, after)) = rest.split_first() {
        if is_base64(octet) {
            base64.push(octet);
        } else if !is_white(octet) {
            let character = first_character(rest).filter(|character| character.is_whitespace())?;
            rest = &rest[character.len_utf8()..];
            continue;
        }
        rest = after;
    }
    Some(base64)
}

fn first_character(text: &[u8]) -> Option<char> {
    let chunk = text[..text.len().min(4)].utf8_chunks().next()?;
    chunk.valid().chars().next()
}

fn is_base64(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'=')
}

/// `W` of RFC 7468 section 3.
fn is_white(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

fn shortened(label: &str) -> String {
    label.chars().take(60).collect()
}

#[cfg(test)]
mod tests;
