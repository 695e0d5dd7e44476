//! issuingDistributionPoint is critical.

use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_idp_not_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.2.5",
    summary: "issuingDistributionPoint is critical.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    let point = crl.known.issuing_distribution_point;
    (point.present && !point.critical).then(|| "issuingDistributionPoint is not critical".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, implicit, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn critical_passes() {
        assert_passes(
            &RULE,
            &CrlParts::full()
                .with(oid::ISSUING_DISTRIBUTION_POINT, true, &seq(&[&implicit(1, &[0xff])]))
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
                .with(oid::ISSUING_DISTRIBUTION_POINT, false, &seq(&[&implicit(1, &[0xff])]))
                .lint(),
        );
    }
}
