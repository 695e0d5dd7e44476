//! Texts that others wrote, such that whoever looks sees all of them, and nothing happens to the page or terminal.

use std::fmt::Write as _;

/// Characters of a text that are shown.
const SHOWN: usize = 300;

/// The text with everything that is not seen, or that moves what is seen, as `\u{…}`: controls and line ends, characters of
/// no width, those that change the direction of writing, blanks that are no space. At most 300 characters.
pub(super) fn plain(text: &str) -> String {
    escaped(text, |letter| !is_seen(letter))
}

/// The same as a code span of Markdown, in a table or out of it: in one there is no markup, no HTML, no link and nobody
/// mentioned. What would end the span or the cell is escaped too.
pub(super) fn code(text: &str) -> String {
    if text.trim().is_empty() {
        return "—".to_owned();
    }
    format!(
        "`{}`",
        escaped(text, |letter| !is_seen(letter) || matches!(letter, '`' | '|'))
    )
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for (position, letter) in text.chars().enumerate() {
        if position == SHOWN {
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

/// Whether a letter is seen, by itself and where it stands.
fn is_seen(letter: char) -> bool {
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
