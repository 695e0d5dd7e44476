//! authorityKeyIdentifier is not critical.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "aki_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.1",
    summary: "authorityKeyIdentifier is not critical.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    certificate
        .known
        .authority_key_identifier
        .critical
        .then(|| "authorityKeyIdentifier is critical".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, key_identifier};
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
                .with(oid::AUTHORITY_KEY_IDENTIFIER, true, &key_identifier(&[1; 20]))
                .lint(),
        );
    }
}
