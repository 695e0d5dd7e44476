//! invalidityDate is not critical.

use crate::view::crl::{Crl, Entry};
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_invalidity_date_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.3.2",
    summary: "invalidityDate is not critical.",
    check: Check::CrlEntry(check),
};

fn check(_crl: &Crl<'_>, entry: &Entry<'_>) -> Option<String> {
    entry
        .invalidity_date
        .critical
        .then(|| "its invalidityDate is critical".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, extension, generalized};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn not_critical_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn critical_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .entry_with(&[extension(oid::INVALIDITY_DATE, true, &generalized("20250101000000Z"))])
                .lint(),
        );
    }
}
