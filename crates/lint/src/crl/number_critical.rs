//! cRLNumber is not critical.

use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_number_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.2.3",
    summary: "cRLNumber is not critical.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    crl.known.number.critical.then(|| "cRLNumber is critical".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, integer};
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
            &CrlParts::full().with(oid::CRL_NUMBER, true, &integer(&[7])).lint(),
        );
    }
}
