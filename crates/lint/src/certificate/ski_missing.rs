//! An end entity's certificate has subjectKeyIdentifier.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "ski_missing",
    severity: Severity::Warning,
    citation: "RFC 5280 section 4.2.1.2",
    summary: "An end entity's certificate has subjectKeyIdentifier.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    (!certificate.is_ca() && !certificate.known.subject_key_identifier.present)
        .then(|| "there is no subjectKeyIdentifier".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn present_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn absent_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf().without(oid::SUBJECT_KEY_IDENTIFIER).lint(),
        );
    }
}
