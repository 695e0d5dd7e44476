//! The CA's key is of a kind that makes signatures of this algorithm.

use crate::view::certificate::Certificate;
use crate::view::issuer::IssuerView;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "signature_algorithm_unlike_ca_key",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.1.1.2",
    summary: "The CA's key is of a kind that makes signatures of this algorithm.",
    check: Check::Issued(check),
};

fn check(certificate: &Certificate<'_>, issuer: &IssuerView) -> Option<String> {
    (!issuer.signs_with(&certificate.inner_algorithm)).then(|| {
        format!(
            "the CA's key cannot have signed with {}",
            certificate.inner_algorithm.oid
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, algorithm, algorithm_null, assert_found, assert_passes, spki};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn ecdsa_passes_under_an_ec_key() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .signed_with(algorithm(oid::ECDSA_WITH_SHA384))
                .lint(),
        );
    }

    #[test]
    fn rsa_is_found_under_an_ec_key() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .signed_with(algorithm_null(oid::SHA256_WITH_RSA))
                .lint(),
        );
    }

    #[test]
    fn ml_dsa_of_another_size_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .signed_with(algorithm(oid::ML_DSA_87))
                .under(&CertificateParts::issuing_ca().key(spki(&algorithm(oid::ML_DSA_65), &[7; 1952])))
                .lint(),
        );
    }
}
