//! A CA's certificate has keyUsage.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "key_usage_missing_in_ca",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.3",
    summary: "A CA's certificate has keyUsage.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    (certificate.is_ca() && !certificate.known.key_usage.present).then(|| "a CA's certificate has no keyUsage".into())
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
    fn end_entities_may_have_none() {
        assert_passes(&RULE, &CertificateParts::leaf().without(oid::KEY_USAGE).lint());
    }

    #[test]
    fn absent_is_found() {
        assert_found(&RULE, &CertificateParts::issuing_ca().without(oid::KEY_USAGE).lint());
    }
}
