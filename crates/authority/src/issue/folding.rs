//! Normalises text for the comparison of names.

use chancery_x509::san::{AltName, AltNameType};
use icu_normalizer::ComposingNormalizerBorrowed;

/// Lower case, with compatibility characters replaced (NFKC), as RFC 4518 sections 2.2 and 2.3 prepare the strings that
/// RFC 5280 section 7.1 compares. Ideographic full stops become the full stops of domain names.
pub(super) fn folded(text: &str) -> String {
    // The common case; ASCII has no compatibility characters.
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let once = ComposingNormalizerBorrowed::new_nfkc().normalize(text).to_lowercase();
    // Lower-casing may produce compatibility characters again.
    let folded = ComposingNormalizerBorrowed::new_nfkc().normalize(&once).into_owned();
    // U+3002; NFKC maps the other two (U+FF0E, U+FF61) to U+002E and to it.
    folded.replace('\u{3002}', ".")
}

/// The same with single spaces between words: for the comparison of whole names.
pub(super) fn compared(text: &str) -> String {
    folded(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A common name as read by a verifier that takes it for a host name or a wildcard pattern: folded, labels as A-labels
/// where possible, without empty ones and so without leading or trailing full stops. `*` is kept wherever it occurs.
pub(crate) fn as_host(text: &str) -> String {
    let folded = folded(text);
    let labels = folded.trim().split('.').filter(|label| !label.is_empty());
    let labels: Vec<String> = labels
        .map(|label| match AltName::parse(AltNameType::Dns, label) {
            Ok(AltName::Dns(label)) => label,
            Ok(_) | Err(_) => label.to_owned(),
        })
        .collect();
    labels.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_in_every_form() {
        for (text, expected) in [
            ("WWW.Example.COM.", "www.example.com"),
            (" *\u{ff0e}com", "*.com"),
            ("\u{ff0a}\u{3002}com", "*.com"),
            ("\u{fe61}\u{ff61}com", "*.com"),
            ("*\u{2024}com", "*.com"),
            ("*..com", "*.com"),
            ("f*.b\u{fc}cher.example", "f*.xn--bcher-kva.example"),
            ("192.0.2.7", "192.0.2.7"),
            ("Ada  Lovelace", "ada  lovelace"),
        ] {
            assert_eq!(as_host(text), expected, "{text}");
        }
    }

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
