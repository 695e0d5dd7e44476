//! policyMappings, policyConstraints and inhibitAnyPolicy are in CAs' certificates only.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "policy_extensions_in_end_entity",
    severity: Severity::Error,
    citation: "RFC 5280 sections 4.2.1.5, 4.2.1.11 and 4.2.1.14",
    summary: "policyMappings, policyConstraints and inhibitAnyPolicy are in CAs' certificates only.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let known = &certificate.known;
    let present = known.policy_mappings.present || known.policy_constraints.present || known.inhibit_any_policy.present;
    (present && !certificate.is_ca())
        .then(|| "policyMappings, policyConstraints or inhibitAnyPolicy is in an end entity's certificate".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, integer};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn a_ca_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(oid::INHIBIT_ANY_POLICY, true, &integer(&[0]))
                .lint(),
        );
    }

    #[test]
    fn an_end_entity_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::INHIBIT_ANY_POLICY, true, &integer(&[0]))
                .lint(),
        );
    }
}
