//! Where the subject is empty, there is a critical subjectAltName.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "subject_empty_without_critical_san",
    severity: Severity::Error,
    citation: "RFC 5280 sections 4.1.2.6 and 4.2.1.6",
    summary: "Where the subject is empty, there is a critical subjectAltName.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    if certificate.is_ca() || !certificate.subject.is_empty() {
        return None;
    }
    match certificate.known.alt_names {
        names if !names.present => Some("there are neither subject nor subjectAltName".into()),
        names if !names.critical => Some("the subject is empty, but subjectAltName is not critical".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, dns, name, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn a_subject_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn a_critical_san_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .subject(name(&[]))
                .with(oid::SUBJECT_ALT_NAME, true, &seq(&[&dns("www.example.com")]))
                .lint(),
        );
    }

    #[test]
    fn a_san_that_is_not_critical_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().subject(name(&[])).lint());
    }

    #[test]
    fn a_missing_san_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .subject(name(&[]))
                .without(oid::SUBJECT_ALT_NAME)
                .lint(),
        );
    }
}
