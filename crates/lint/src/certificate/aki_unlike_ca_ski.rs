//! authorityKeyIdentifier is the CA's subjectKeyIdentifier; for a CA without one, the SHA-1 of its key.

use crate::report::hex;
use crate::view::certificate::Certificate;
use crate::view::issuer::IssuerView;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "aki_unlike_ca_ski",
    severity: Severity::Error,
    citation: "RFC 5280 sections 4.2.1.1 and 4.2.1.2",
    summary: "authorityKeyIdentifier is the CA's subjectKeyIdentifier; for a CA without one, the SHA-1 of its key.",
    check: Check::Issued(check),
};

fn check(certificate: &Certificate<'_>, issuer: &IssuerView) -> Option<String> {
    let identifier = certificate.known.authority_key_identifier.value?.key_identifier?;
    (identifier != issuer.key_identifier).then(|| {
        format!(
            "keyIdentifier is {}, the CA's key is {}",
            hex(identifier),
            hex(&issuer.key_identifier)
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, key_identifier, octet_string};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn the_same_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn a_ca_without_ski_is_known_by_its_key() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .under(&CertificateParts::issuing_ca().without(oid::SUBJECT_KEY_IDENTIFIER))
                .lint(),
        );
    }

    #[test]
    fn another_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::AUTHORITY_KEY_IDENTIFIER, false, &key_identifier(&[1; 20]))
                .lint(),
        );
    }

    #[test]
    fn the_ski_counts_and_not_the_key() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .under(&CertificateParts::issuing_ca().with(
                    oid::SUBJECT_KEY_IDENTIFIER,
                    false,
                    &octet_string(&[1; 20]),
                ))
                .lint(),
        );
    }
}
