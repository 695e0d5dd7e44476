//! nameConstraints is critical.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "name_constraints_not_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.10",
    summary: "nameConstraints is critical.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let constraints = certificate.known.name_constraints;
    (constraints.present && !constraints.critical).then(|| "nameConstraints is not critical".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, dns, explicit, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn critical_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(
                    oid::NAME_CONSTRAINTS,
                    true,
                    &seq(&[&explicit(0, &[&seq(&[&dns("example.com")])])]),
                )
                .lint(),
        );
    }

    #[test]
    fn not_critical_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(
                    oid::NAME_CONSTRAINTS,
                    false,
                    &seq(&[&explicit(0, &[&seq(&[&dns("example.com")])])]),
                )
                .lint(),
        );
    }
}
