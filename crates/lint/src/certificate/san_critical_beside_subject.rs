//! Where there is a subject, subjectAltName is not critical.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "san_critical_beside_subject",
    severity: Severity::Warning,
    citation: "RFC 5280 section 4.2.1.6",
    summary: "Where there is a subject, subjectAltName is not critical.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    (certificate.known.alt_names.critical && !certificate.subject.is_empty())
        .then(|| "subjectAltName is critical although there is a subject".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, dns, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn a_san_that_is_not_critical_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn a_critical_one_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::SUBJECT_ALT_NAME, true, &seq(&[&dns("www.example.com")]))
                .lint(),
        );
    }
}
