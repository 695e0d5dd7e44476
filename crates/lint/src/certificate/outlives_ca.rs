//! The certificate does not outlive its CA.
//!
//! A path is valid only while each of its certificates is, so the certificate cannot be used after its CA's end.

use crate::report::quoted;
use crate::view::certificate::Certificate;
use crate::view::issuer::IssuerView;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "outlives_ca",
    severity: Severity::Error,
    citation: "RFC 5280 section 6.1.3",
    summary: "The certificate does not outlive its CA.",
    check: Check::Issued(check),
};

fn check(certificate: &Certificate<'_>, issuer: &IssuerView) -> Option<String> {
    (certificate.not_after.seconds? > issuer.not_after?).then(|| {
        let (own, ca) = (quoted(certificate.not_after.text), quoted(&issuer.not_after_text));
        format!("notAfter is {own}, the CA's is {ca}")
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, utc};

    use super::RULE;

    #[test]
    fn ending_together_passes() {
        assert_passes(
            &RULE,
            &CertificateParts {
                not_after: utc("340101000000Z"),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }

    #[test]
    fn a_second_longer_is_found() {
        assert_found(
            &RULE,
            &CertificateParts {
                not_after: utc("340101000001Z"),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }
}
