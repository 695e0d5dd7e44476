//! policyConstraints and inhibitAnyPolicy are critical.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "policy_constraints_not_critical",
    severity: Severity::Error,
    citation: "RFC 5280 sections 4.2.1.11 and 4.2.1.14",
    summary: "policyConstraints and inhibitAnyPolicy are critical.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let known = &certificate.known;
    let constraints = known.policy_constraints.present && !known.policy_constraints.critical;
    let inhibit = known.inhibit_any_policy.present && !known.inhibit_any_policy.critical;
    (constraints || inhibit).then(|| "policyConstraints or inhibitAnyPolicy is not critical".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, implicit, integer, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn critical_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(oid::INHIBIT_ANY_POLICY, true, &integer(&[0]))
                .lint(),
        );
    }

    #[test]
    fn not_critical_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(oid::INHIBIT_ANY_POLICY, false, &integer(&[0]))
                .lint(),
        );
    }

    #[test]
    fn policy_constraints_count_too() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(oid::POLICY_CONSTRAINTS, false, &seq(&[&implicit(0, &[0])]))
                .lint(),
        );
    }
}
