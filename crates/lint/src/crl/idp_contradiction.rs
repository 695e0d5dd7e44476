//! issuingDistributionPoint has at most one of onlyContainsUserCerts, onlyContainsCACerts, onlyContainsAttributeCerts.

use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_idp_contradiction",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.2.5",
    summary: "issuingDistributionPoint has at most one of onlyContainsUserCerts, onlyContainsCACerts, onlyContainsAttributeCerts.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    let set = crl.known.issuing_distribution_point.value?.only_contains;
    (set > 1).then(|| format!("issuingDistributionPoint limits the CRL to {set} kinds of certificates at once"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, implicit, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn one_passes() {
        assert_passes(
            &RULE,
            &CrlParts::full()
                .with(oid::ISSUING_DISTRIBUTION_POINT, true, &seq(&[&implicit(1, &[0xff])]))
                .lint(),
        );
    }

    #[test]
    fn two_are_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .with(
                    oid::ISSUING_DISTRIBUTION_POINT,
                    true,
                    &seq(&[&implicit(1, &[0xff]), &implicit(2, &[0xff])]),
                )
                .lint(),
        );
    }
}
