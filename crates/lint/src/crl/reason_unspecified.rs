//! reasonCode is omitted if it would be unspecified (0).

use crate::view::crl::{Crl, Entry};
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_reason_unspecified",
    severity: Severity::Warning,
    citation: "RFC 5280 section 5.3.1",
    summary: "reasonCode is left out instead of being unspecified (0).",
    check: Check::CrlEntry(check),
};

fn check(_crl: &Crl<'_>, entry: &Entry<'_>) -> Option<String> {
    (entry.reason.value? == 0).then(|| "its reasonCode is unspecified (0)".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, reason};

    use super::RULE;

    #[test]
    fn left_out_passes() {
        assert_passes(&RULE, &CrlParts::full().entry_with(&[]).lint());
    }

    #[test]
    fn a_reason_passes() {
        assert_passes(&RULE, &CrlParts::full().entry_with(&[reason(1)]).lint());
    }

    #[test]
    fn unspecified_is_found() {
        assert_found(&RULE, &CrlParts::full().entry_with(&[reason(0)]).lint());
    }
}
