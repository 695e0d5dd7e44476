//! Escapes text from others, so that the reader sees all of it, and it has no effect on the page or terminal.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::ser::Formatter;

/// Most characters shown of a text where many texts are listed.
const SHOWN: usize = 300;

/// The whole text, with every invisible character, and every one that moves others, as `\u{…}`: controls and line ends,
/// characters without width, those that change the writing direction, blanks other than the space.
pub(crate) fn visible(text: &str) -> String {
    escaped(text, usize::MAX, |letter| !is_seen(letter))
}

/// The same, keeping line ends and tabs: for multi-line texts, such as errors of parsers.
pub(crate) fn lines(text: &str) -> String {
    escaped(text, usize::MAX, |letter| {
        !is_seen(letter) && !matches!(letter, '\n' | '\t')
    })
}

/// The same as [`visible`], at most 300 characters.
pub(crate) fn plain(text: &str) -> String {
    escaped(text, SHOWN, |letter| !is_seen(letter))
}

/// The same as a code span of Markdown, in a table or out of it: a code span has no markup, no HTML, no links and no
/// mentions. What would end the span or the cell is escaped too. At most 300 characters.
pub(crate) fn code(text: &str) -> String {
    span(text, SHOWN)
}

/// The same without a limit: for texts on which a decision depends.
pub(crate) fn whole_code(text: &str) -> String {
    span(text, usize::MAX)
}

fn span(text: &str, limit: usize) -> String {
    if text.trim().is_empty() {
        return "—".to_owned();
    }
    format!(
        "`{}`",
        escaped(text, limit, |letter| !is_seen(letter) || matches!(letter, '`' | '|'))
    )
}

fn escaped(text: &str, limit: usize, is_escaped: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for (position, letter) in text.chars().enumerate() {
        if position == limit {
            shown.push('…');
            break;
        }
        if is_escaped(letter) {
            // Writing to a String does not fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(letter));
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Whether a letter is visible and does not change its surroundings.
pub(crate) fn is_seen(letter: char) -> bool {
    if letter == ' ' {
        return true;
    }
    !letter.is_control()
        && !letter.is_whitespace()
        && !matches!(
            letter,
            // Soft hyphen, joiners, Hangul fillers.
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}'
            // Directions of writing.
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
            // No width, or a blank of Braille.
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{2800}' | '\u{feff}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{fff0}'..='\u{fffc}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            // Tags, variations, and what has no meaning yet.
            | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Escapes log lines as they are written. The log's own colors are kept, which are complete escape sequences: an ESC in
/// text from others has been escaped before.
pub(crate) struct VisibleLog<W> {
    out: W,
    colours: bool,
}

impl<W> VisibleLog<W> {
    pub(crate) fn new(out: W, colours: bool) -> Self {
        Self { out, colours }
    }

    fn shown(&self, text: &str) -> String {
        if !self.colours {
            return lines(text);
        }
        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("\u{1b}[") {
            let (before, sequence) = rest.split_at(start);
            shown.push_str(&lines(before));
            let end = sequence[2..].find(|letter: char| !letter.is_ascii_digit() && letter != ';');
            match end {
                Some(end) if sequence[2 + end..].starts_with('m') => {
                    let (colour, after) = sequence.split_at(2 + end + 1);
                    shown.push_str(colour);
                    rest = after;
                }
                _ => {
                    shown.push_str(&lines(&sequence[..1]));
                    rest = &sequence[1..];
                }
            }
        }
        shown.push_str(&lines(rest));
        shown
    }
}

impl<W: Write> Write for VisibleLog<W> {
    /// Expects whole lines: the log passes each in one piece.
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let shown = self.shown(&String::from_utf8_lossy(octets));
        self.out.write_all(shown.as_bytes())?;
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// JSON with invisible characters in its strings escaped as in RFC 8259 section 7: the same value for a program,
/// without effect on a terminal.
pub(crate) struct VisibleJson<F>(pub(crate) F);

impl<F: Formatter> Formatter for VisibleJson<F> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut units = [0; 2];
        for letter in fragment.chars() {
            if is_seen(letter) {
                write!(writer, "{letter}")?;
            } else {
                for unit in letter.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{202e}b\u{9b}31mc\u{1b}[2Jd\u{200b}e\u{85}f\u{e0041}g";

    #[test]
    fn nothing_that_is_not_seen_is_left() {
        let shown = visible(HOSTILE);
        assert_eq!(shown, "a\\u{202e}b\\u{9b}31mc\\u{1b}[2Jd\\u{200b}e\\u{85}f\\u{e0041}g");
        assert_eq!(visible("Müller 東京 \u{1f600}"), "Müller 東京 \u{1f600}");
        assert_eq!(lines("a\nb\tc\rd"), "a\nb\tc\\u{d}d");
    }

    #[test]
    fn a_log_keeps_its_own_colours_alone() {
        let line = format!("\u{1b}[31mERROR\u{1b}[0m {HOSTILE}\n");
        let mut coloured = Vec::new();
        VisibleLog::new(&mut coloured, true).write_all(line.as_bytes()).unwrap();
        let coloured = String::from_utf8(coloured).unwrap();
        assert!(
            coloured.starts_with("\u{1b}[31mERROR\u{1b}[0m a\\u{202e}b\\u{9b}31mc\\u{1b}[2Jd"),
            "{coloured:?}"
        );
        let mut plain = Vec::new();
        VisibleLog::new(&mut plain, false).write_all(line.as_bytes()).unwrap();
        assert!(plain.iter().all(|octet| *octet != 0x1b));
    }

    #[test]
    fn json_is_the_same_value_and_nothing_in_it_acts() {
        let value = serde_json::json!({ HOSTILE: [HOSTILE, 1, null, true] });
        let mut text = Vec::new();
        let mut serializer =
            serde_json::Serializer::with_formatter(&mut text, VisibleJson(serde_json::ser::CompactFormatter));
        serde::Serialize::serialize(&value, &mut serializer).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.chars().all(is_seen), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
