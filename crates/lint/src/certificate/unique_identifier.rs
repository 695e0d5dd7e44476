//! issuerUniqueID and subjectUniqueID are absent.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "unique_identifier",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.1.2.8",
    summary: "There are no issuerUniqueID and subjectUniqueID.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    certificate
        .has_unique_identifier
        .then(|| "there is an issuerUniqueID or a subjectUniqueID".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, implicit};

    use super::RULE;

    #[test]
    fn none_pass() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn a_subject_unique_id_is_found() {
        assert_found(
            &RULE,
            &CertificateParts {
                unique_identifiers: implicit(2, &[0, 1]),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }
}
