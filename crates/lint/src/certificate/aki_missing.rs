//! A certificate that is not self-signed has authorityKeyIdentifier.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "aki_missing",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.1",
    summary: "A certificate that is not self-signed has authorityKeyIdentifier.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let present = certificate.known.authority_key_identifier.present;
    (!present && !certificate.is_self_issued()).then(|| "there is no authorityKeyIdentifier".into())
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
    fn a_root_needs_none() {
        assert_passes(&RULE, &CertificateParts::root().lint());
    }

    #[test]
    fn absent_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf().without(oid::AUTHORITY_KEY_IDENTIFIER).lint(),
        );
    }
}
