//! basicConstraints leave cA out where it is FALSE.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "basic_constraints_false_encoded",
    severity: Severity::Error,
    citation: "X.690 section 11.5",
    summary: "basicConstraints leave cA out where it is FALSE.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    certificate
        .known
        .basic_constraints
        .value?
        .false_encoded
        .then(|| "basicConstraints write cA out as FALSE, its default".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn left_out_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::BASIC_CONSTRAINTS, true, &seq(&[]))
                .lint(),
        );
    }

    #[test]
    fn false_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::BASIC_CONSTRAINTS, true, &seq(&[&[1, 1, 0]]))
                .lint(),
        );
    }
}
