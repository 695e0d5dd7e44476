//! cRLNumber is present.

use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_number_missing",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.2.3",
    summary: "There is cRLNumber.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    (!crl.known.number.present).then(|| "there is no cRLNumber".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn present_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn absent_is_found() {
        assert_found(&RULE, &CrlParts::full().without(oid::CRL_NUMBER).lint());
    }
}
