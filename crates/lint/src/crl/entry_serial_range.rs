//! Serial numbers of entries are positive, and have at most 20 octets.

use crate::view::crl::{Crl, Entry};
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_entry_serial_range",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.1.2.2",
    summary: "Serial numbers of entries are positive, and have at most 20 octets.",
    check: Check::CrlEntry(check),
};

fn check(_crl: &Crl<'_>, entry: &Entry<'_>) -> Option<String> {
    let negative = entry.serial.first().is_some_and(|first| first & 0x80 != 0);
    let fine = !negative && entry.serial != [0] && entry.serial.len() <= 20;
    (!fine).then(|| "no certificate can have that serial number".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, entry};

    use super::RULE;

    #[test]
    fn twenty_octets_pass() {
        assert_passes(
            &RULE,
            &CrlParts::full().entry(entry(&[0x7f; 20], "250301000000Z", &[])).lint(),
        );
    }

    #[test]
    fn zero_is_found() {
        assert_found(&RULE, &CrlParts::full().entry(entry(&[0], "250301000000Z", &[])).lint());
    }

    #[test]
    fn a_negative_one_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full().entry(entry(&[0x80], "250301000000Z", &[])).lint(),
        );
    }

    #[test]
    fn twenty_one_octets_are_found() {
        assert_found(
            &RULE,
            &CrlParts::full().entry(entry(&[0x7f; 21], "250301000000Z", &[])).lint(),
        );
    }
}
