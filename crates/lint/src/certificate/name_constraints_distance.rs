//! Subtrees in nameConstraints have no minimum and no maximum.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "name_constraints_distance",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.10",
    summary: "Subtrees in nameConstraints have no minimum and no maximum.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let mut subtrees = certificate.known.name_constraints.value?.subtrees();
    subtrees
        .any(|subtree| subtree.has_distance)
        .then(|| "a subtree in nameConstraints has a minimum or a maximum".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, dns, explicit, implicit, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn neither_passes() {
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
    fn a_maximum_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(
                    oid::NAME_CONSTRAINTS,
                    true,
                    &seq(&[&explicit(0, &[&seq(&[&dns("example.com"), &implicit(1, &[5])])])]),
                )
                .lint(),
        );
    }

    #[test]
    fn a_minimum_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(
                    oid::NAME_CONSTRAINTS,
                    true,
                    &seq(&[&explicit(1, &[&seq(&[&dns("example.com"), &implicit(0, &[0])])])]),
                )
                .lint(),
        );
    }
}
