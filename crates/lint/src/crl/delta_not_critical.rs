//! deltaCRLIndicator is critical.

use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_delta_not_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.2.4",
    summary: "deltaCRLIndicator is critical.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    let indicator = crl.known.delta_indicator;
    (indicator.present && !indicator.critical).then(|| "deltaCRLIndicator is not critical".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, integer};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn critical_passes() {
        assert_passes(
            &RULE,
            &CrlParts::full()
                .with(oid::DELTA_CRL_INDICATOR, true, &integer(&[1]))
                .lint(),
        );
    }

    #[test]
    fn absent_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn not_critical_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .with(oid::DELTA_CRL_INDICATOR, false, &integer(&[1]))
                .lint(),
        );
    }
}
