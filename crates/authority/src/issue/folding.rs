//! Text as names are compared by it.

use icu_normalizer::ComposingNormalizerBorrowed;

/// Without letter case, and each character as the one that it is a form of (NFKC): as RFC 4518 sections 2.2 and 2.3 prepare
/// strings that RFC 5280 section 7.1 has compared. Full stops of other scripts become those of domain names.
pub(super) fn folded(text: &str) -> String {
    // Most names by far, and nobody's forms but their own.
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let once = ComposingNormalizerBorrowed::new_nfkc().normalize(text).to_lowercase();
    // Letters in lower case may be forms of others again.
    let folded = ComposingNormalizerBorrowed::new_nfkc().normalize(&once).into_owned();
    // U+3002; the other two (U+FF0E, U+FF61) are forms of it and of U+002E.
    folded.replace('\u{3002}', ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_letters_are_the_letters() {
        for (text, expected) in [
            ("Issuing CA", "issuing ca"),
            ("I\u{17f}\u{17f}uing", "issuing"),
            ("\u{ff23}hancery", "chancery"),
            ("\u{24b8}hancery", "chancery"),
            ("\u{212a}", "k"),
            ("\u{ff11}\u{ff12}7\u{3002}0\u{ff0e}0\u{ff61}1", "127.0.0.1"),
            ("\u{c9}", "\u{e9}"),
            ("e\u{301}", "\u{e9}"),
        ] {
            assert_eq!(folded(text), expected, "{text}");
        }
    }
}
