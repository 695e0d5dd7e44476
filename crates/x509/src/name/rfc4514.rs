//! Names as text (RFC 4514).

use std::fmt::Write as _;

use const_oid::ObjectIdentifier;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use super::{Attribute, Name, NameError, attribute};
use crate::tlv::{Reader, Writer, tag};

/// Longest text, in octets: far more than any certificate should have, and a bound on the work.
const MAX_TEXT: usize = 65_536;

/// Characters that are escaped with a backslash at any position (section 2.4).
const SPECIAL: &[char] = &['\\', '"', '+', ',', ';', '<', '>'];

pub(super) fn format(name: &Name) -> String {
    let rdns: Vec<Vec<Attribute<'_>>> = name.rdns().map(Iterator::collect).collect();
    let mut text = String::with_capacity(name.as_der().len());
    for (index, rdn) in rdns.iter().rev().enumerate() {
        if index > 0 {
            text.push(',');
        }
        for (index, each) in rdn.iter().enumerate() {
            if index > 0 {
                text.push('+');
            }
            format_attribute(&mut text, each);
        }
    }
    text
}

fn format_attribute(text: &mut String, each: &Attribute<'_>) {
    match attribute::short_name(&each.oid) {
        Some(name) => text.push_str(name),
        // Writing into a String cannot fail.
        None => drop(write!(text, "{}", each.oid)),
    }
    text.push('=');
    if let Some(value) = each.text() {
        escape(text, &value);
    } else {
        text.push('#');
        HEXLOWER.encode_append(each.value_der(), text);
    }
}

fn escape(text: &mut String, value: &str) {
    let last = value.chars().count().saturating_sub(1);
    for (index, character) in value.chars().enumerate() {
        let edge = (index == 0 && matches!(character, '#' | ' ')) || (index == last && character == ' ');
        if character == '\0' {
            text.push_str("\\00");
            continue;
        }
        if edge || SPECIAL.contains(&character) {
            text.push('\\');
        }
        text.push(character);
    }
}

pub(super) fn parse(text: &str) -> Result<Name, NameError> {
    if text.len() > MAX_TEXT {
        let actual = text.chars().count();
        return Err(NameError::TooLong {
            attribute: "distinguished_name",
            actual,
            limit: MAX_TEXT,
        });
    }
    let mut rdns = Vec::new();
    let mut rest = text.trim_start_matches(' ');
    if rest.is_empty() {
        return Ok(Name::from_written(vec![tag::SEQUENCE, 0]));
    }
    let mut pairs = Vec::new();
    loop {
        let (pair, separator, after) = parse_attribute(rest)?;
        pairs.push(pair);
        if separator != Some('+') {
            rdns.push(encode_rdn(std::mem::take(&mut pairs)));
        }
        if separator.is_none() {
            break;
        }
        rest = after;
    }
    let mut writer = Writer::with_capacity(text.len() + 64);
    writer.nested(tag::SEQUENCE, |writer| {
        rdns.iter().rev().for_each(|rdn| writer.raw(rdn));
    });
    Ok(Name::from_written(writer.finish()))
}

/// SET OF: its elements in ascending order (X.690 section 11.6).
pub(super) fn encode_rdn(mut pairs: Vec<Vec<u8>>) -> Vec<u8> {
    pairs.sort_unstable();
    let mut writer = Writer::default();
    writer.nested(tag::SET, |writer| pairs.iter().for_each(|pair| writer.raw(pair)));
    writer.finish()
}

/// Parses `type=value` at the start of `text`: its DER, the separator after it, and the rest.
fn parse_attribute(text: &str) -> Result<(Vec<u8>, Option<char>, &str), NameError> {
    let (kind, value) = text.split_once('=').ok_or(invalid("an attribute has no `=`"))?;
    let oid = parse_type(kind.trim_matches(' '))?;
    let value = value.trim_start_matches(' ');
    let mut writer = Writer::default();
    if let Some(hex) = value.strip_prefix('#') {
        let (hex, separator, rest) = split_at_separator(hex, hex.find([',', '+']));
        let der = HEXLOWER_PERMISSIVE.decode(hex.trim_matches(' ').as_bytes());
        let der = der.map_err(|_| invalid("a value after `#` is not hexadecimal"))?;
        let mut reader = Reader::new(&der);
        let complete = reader.read().is_ok() && reader.is_empty();
        if !complete {
            return Err(invalid("a value after `#` is not DER"));
        }
        writer.nested(tag::SEQUENCE, |pair| {
            pair.oid(&oid);
            pair.raw(&der);
        });
        return Ok((writer.finish(), separator, rest));
    }
    let (value, separator, rest) = parse_string(value)?;
    if value.is_empty() {
        return Err(invalid("a value is empty"));
    }
    attribute::write(&mut writer, &oid, &value)?;
    Ok((writer.finish(), separator, rest))
}

fn parse_type(kind: &str) -> Result<ObjectIdentifier, NameError> {
    attribute::named(kind)
        .or_else(|| ObjectIdentifier::new(kind).ok())
        .ok_or(invalid("an attribute's type is neither a known name nor a dotted OID"))
}

/// Parses a string value up to its separator; trailing spaces are kept only if they are escaped.
fn parse_string(text: &str) -> Result<(String, Option<char>, &str), NameError> {
    let mut octets = Vec::new();
    // The length to which unescaped trailing spaces are removed.
    let mut kept = 0;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            ',' | '+' => return finish_string(octets, kept, split_at_separator(text, Some(at))),
            '\\' => {
                let rest = characters.as_str().as_bytes();
                match *rest {
                    [b' ' | b'#' | b'=' | b'\\' | b'"' | b'+' | b',' | b';' | b'<' | b'>', ..] => {
                        octets.push(rest[0]);
                        characters.next();
                    }
                    [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                        let pair = HEXLOWER_PERMISSIVE.decode(&[high, low]);
                        octets.extend(pair.map_err(|_| invalid("an escape is not hexadecimal"))?);
                        characters.nth(1);
                    }
                    _ => return Err(invalid("a backslash stands before a character that needs none")),
                }
                kept = octets.len();
            }
            '"' | ';' | '<' | '>' | '\0' => return Err(invalid("a special character is not escaped")),
            _ => {
                octets.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                if character != ' ' {
                    kept = octets.len();
                }
            }
        }
    }
    finish_string(octets, kept, (text, None, ""))
}

fn finish_string<'a>(
    mut octets: Vec<u8>,
    kept: usize,
    (_, separator, rest): (&str, Option<char>, &'a str),
) -> Result<(String, Option<char>, &'a str), NameError> {
    octets.truncate(kept);
    let value = String::from_utf8(octets).map_err(|_| invalid("escaped octets are not UTF-8"))?;
    Ok((value, separator, rest))
}

/// Splits a text at the ASCII separator at index `at`.
fn split_at_separator(text: &str, at: Option<usize>) -> (&str, Option<char>, &str) {
    match at {
        Some(at) => (&text[..at], text[at..].chars().next(), &text[at + 1..]),
        None => (text, None, ""),
    }
}

fn invalid(detail: &'static str) -> NameError {
    NameError::Invalid {
        attribute: "distinguished_name",
        detail,
    }
}
