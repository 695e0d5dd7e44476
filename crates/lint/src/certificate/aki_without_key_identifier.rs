//! authorityKeyIdentifier has keyIdentifier.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "aki_without_key_identifier",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.1",
    summary: "authorityKeyIdentifier has keyIdentifier.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let identifier = certificate.known.authority_key_identifier.value?;
    identifier
        .key_identifier
        .is_none()
        .then(|| "authorityKeyIdentifier has no keyIdentifier".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, seq};
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
            &CertificateParts::leaf()
                .with(oid::AUTHORITY_KEY_IDENTIFIER, false, &seq(&[]))
                .lint(),
        );
    }
}
