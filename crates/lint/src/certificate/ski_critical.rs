//! subjectKeyIdentifier is not critical.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "ski_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.2",
    summary: "subjectKeyIdentifier is not critical.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    certificate
        .known
        .subject_key_identifier
        .critical
        .then(|| "subjectKeyIdentifier is critical".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, octet_string};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn not_critical_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn critical_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::SUBJECT_KEY_IDENTIFIER, true, &octet_string(&[1; 20]))
                .lint(),
        );
    }
}
