//! A CA's subject is not empty.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "ca_subject_empty",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.1.2.6",
    summary: "A CA's subject is not empty.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    (certificate.is_ca() && certificate.subject.is_empty()).then(|| "the subject of a CA has no attribute".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, name};

    use super::RULE;

    #[test]
    fn a_name_passes() {
        assert_passes(&RULE, &CertificateParts::issuing_ca().lint());
    }

    #[test]
    fn an_empty_one_is_found() {
        assert_found(&RULE, &CertificateParts::issuing_ca().subject(name(&[])).lint());
    }

    #[test]
    fn end_entities_may_have_none() {
        assert_passes(&RULE, &CertificateParts::leaf().subject(name(&[])).lint());
    }
}
