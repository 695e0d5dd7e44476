//! certificatePolicies lists each policy once.

use crate::view::certificate::Certificate;
use crate::view::extension::duplicate;
use crate::view::oid::Oid;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "policies_duplicate",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.4",
    summary: "certificatePolicies lists each policy once.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let policies = certificate.known.policies.value?;
    let policy = duplicate(policies.iter().map(|policy| policy.0))?;
    Some(format!("certificatePolicies lists {} twice", Oid(policy)))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, oid, seq};
    use crate::view::oid;
    use crate::view::oid::Oid;

    use super::RULE;

    #[test]
    fn two_policies_pass() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::CERTIFICATE_POLICIES,
                    false,
                    &seq(&[&seq(&[&oid(Oid(&[0x2b, 1]))]), &seq(&[&oid(Oid(&[0x2b, 2]))])]),
                )
                .lint(),
        );
    }

    #[test]
    fn one_twice_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::CERTIFICATE_POLICIES,
                    false,
                    &seq(&[&seq(&[&oid(Oid(&[0x2b, 1]))]), &seq(&[&oid(Oid(&[0x2b, 1]))])]),
                )
                .lint(),
        );
    }
}
