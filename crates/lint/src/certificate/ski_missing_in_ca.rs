//! A CA's certificate has subjectKeyIdentifier.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "ski_missing_in_ca",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.2",
    summary: "A CA's certificate has subjectKeyIdentifier.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    (certificate.is_ca() && !certificate.known.subject_key_identifier.present)
        .then(|| "a CA's certificate has no subjectKeyIdentifier".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn present_passes() {
        assert_passes(&RULE, &CertificateParts::issuing_ca().lint());
    }

    #[test]
    fn absent_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca()
                .without(oid::SUBJECT_KEY_IDENTIFIER)
                .lint(),
        );
    }
}
