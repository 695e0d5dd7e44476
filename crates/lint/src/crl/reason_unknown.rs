//! reasonCode is a defined one: 7 and everything above 10 are not.

use crate::view::crl::{Crl, Entry};
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_reason_unknown",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.3.1",
    summary: "reasonCode is one that there is: 7 and everything above 10 are not.",
    check: Check::CrlEntry(check),
};

fn check(_crl: &Crl<'_>, entry: &Entry<'_>) -> Option<String> {
    let code = entry.reason.value?;
    (code == 7 || code > 10).then(|| format!("its reasonCode is {code}"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, reason};

    use super::RULE;

    #[test]
    fn aa_compromise_passes() {
        assert_passes(&RULE, &CrlParts::full().entry_with(&[reason(10)]).lint());
    }

    #[test]
    fn seven_is_found() {
        assert_found(&RULE, &CrlParts::full().entry_with(&[reason(7)]).lint());
    }

    #[test]
    fn eleven_is_found() {
        assert_found(&RULE, &CrlParts::full().entry_with(&[reason(11)]).lint());
    }
}
