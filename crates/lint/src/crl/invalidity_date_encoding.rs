//! invalidityDate has seconds, no fractions and the suffix Z, and is a valid calendar time.

use crate::view::crl::{Crl, Entry};
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_invalidity_date_encoding",
    severity: Severity::Error,
    citation: "RFC 5280 sections 4.1.2.5.2 and 5.3.2",
    summary: "invalidityDate is in Z form with seconds and without fractions, and a moment of the calendar.",
    check: Check::CrlEntry(check),
};

fn check(_crl: &Crl<'_>, entry: &Entry<'_>) -> Option<String> {
    entry.invalidity_date.value?.syntax_fault()
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, extension, generalized};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn z_form_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn a_fraction_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .entry_with(&[extension(
                    oid::INVALIDITY_DATE,
                    false,
                    &generalized("20250101000000.5Z"),
                )])
                .lint(),
        );
    }

    #[test]
    fn missing_seconds_are_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .entry_with(&[extension(oid::INVALIDITY_DATE, false, &generalized("202501010000Z"))])
                .lint(),
        );
    }
}
