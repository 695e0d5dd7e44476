//! authorityKeyIdentifier has authorityCertIssuer and authorityCertSerialNumber both, or neither.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "aki_issuer_serial_pair",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.1, X.509 section 9.2.2.1",
    summary: "authorityKeyIdentifier has authorityCertIssuer and authorityCertSerialNumber both, or neither.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let identifier = certificate.known.authority_key_identifier.value?;
    (identifier.has_issuer != identifier.has_serial)
        .then(|| "authorityKeyIdentifier has one of authorityCertIssuer and authorityCertSerialNumber".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{
        CertificateParts, assert_found, assert_passes, common_name, directory, explicit, implicit, seq,
    };
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn neither_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn both_pass() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::AUTHORITY_KEY_IDENTIFIER,
                    false,
                    &seq(&[
                        &implicit(0, &[1; 20]),
                        &explicit(1, &[&directory(&common_name("a"))]),
                        &implicit(2, &[1]),
                    ]),
                )
                .lint(),
        );
    }

    #[test]
    fn a_serial_alone_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::AUTHORITY_KEY_IDENTIFIER,
                    false,
                    &seq(&[&implicit(0, &[1; 20]), &implicit(2, &[1])]),
                )
                .lint(),
        );
    }

    #[test]
    fn an_issuer_alone_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::AUTHORITY_KEY_IDENTIFIER,
                    false,
                    &seq(&[&implicit(0, &[1; 20]), &explicit(1, &[&directory(&common_name("a"))])]),
                )
                .lint(),
        );
    }
}
