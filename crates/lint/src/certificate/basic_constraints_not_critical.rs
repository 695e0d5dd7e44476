//! A CA's basicConstraints are critical.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "basic_constraints_not_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.9",
    summary: "A CA's basicConstraints are critical.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    (certificate.is_ca() && !certificate.known.basic_constraints.critical)
        .then(|| "a CA's basicConstraints are not critical".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn critical_passes() {
        assert_passes(&RULE, &CertificateParts::root().lint());
    }

    #[test]
    fn end_entities_need_not() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::BASIC_CONSTRAINTS, false, &seq(&[]))
                .lint(),
        );
    }

    #[test]
    fn not_critical_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::root()
                .with(oid::BASIC_CONSTRAINTS, false, &seq(&[&[1, 1, 0xff]]))
                .lint(),
        );
    }
}
