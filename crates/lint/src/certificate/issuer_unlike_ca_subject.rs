//! The issuer is the CA's subject, octet for octet.
//!
//! RFC 5280 allows several ways to compare names, and many implementations only compare octets.

use crate::view::certificate::Certificate;
use crate::view::issuer::IssuerView;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "issuer_unlike_ca_subject",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.1.2.4",
    summary: "The issuer is the CA's subject, octet for octet.",
    check: Check::Issued(check),
};

fn check(certificate: &Certificate<'_>, issuer: &IssuerView) -> Option<String> {
    (certificate.issuer.der != issuer.subject)
        .then(|| "the issuer differs from the subject of the CA's certificate".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, attribute, name};
    use crate::view::oid;
    use chancery_x509::tlv::tag;

    use super::RULE;

    #[test]
    fn the_same_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn another_string_type_is_found() {
        assert_found(
            &RULE,
            &CertificateParts {
                issuer: name(&[attribute(
                    oid::COMMON_NAME,
                    tag::PRINTABLE_STRING,
                    b"Example Issuing CA",
                )]),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }
}
