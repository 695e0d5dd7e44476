//! Characters that are invisible, or that change how others appear.

/// Ranges of characters that are invisible, or that change the order of others: Unicode's
/// `Default_Ignorable_Code_Point` (`DerivedCoreProperties.txt`, a stable set: zero-width characters, bidirectional
/// controls and isolates, variation selectors, tags, Hangul fillers), line and paragraph separators, interlinear
/// annotation.
const INVISIBLE: [(u32, u32); 20] = [
    (0x00ad, 0x00ad),
    (0x034f, 0x034f),
    (0x061c, 0x061c),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x2028, 0x202e),
    (0x2060, 0x206f),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffb),
    (0x13430, 0x13440),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0xe0000, 0xe0fff),
    (0x0010_fffe, 0x0010_ffff),
];

/// Whether a character is invisible, or changes the order of those around it (CVE-2021-42574): in a name it makes one
/// text look like another. For control characters (C0, C1) use [`char::is_control`].
pub fn is_invisible(character: char) -> bool {
    let point = u32::from(character);
    point >= 0xad && INVISIBLE.iter().any(|&(first, last)| (first..=last).contains(&point))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_known_and_letters_are_seen() {
        for hidden in [
            '\u{200b}',
            '\u{200d}',
            '\u{202e}',
            '\u{2066}',
            '\u{feff}',
            '\u{ad}',
            '\u{e0041}',
            '\u{fe0f}',
        ] {
            assert!(is_invisible(hidden), "{hidden:?}");
        }
        for seen in [
            'a',
            'ü',
            'ß',
            '山',
            'ب',
            'א',
            '-',
            ' ',
            '\u{a0}',
            '\u{1f600}',
            '\u{301}',
        ] {
            assert!(!is_invisible(seen), "{seen:?}");
        }
    }
}
