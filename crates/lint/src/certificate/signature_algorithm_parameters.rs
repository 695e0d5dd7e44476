//! The signature algorithm's parameters are NULL for RSA PKCS #1 v1.5, and absent for ECDSA, `EdDSA` and ML-DSA.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "signature_algorithm_parameters",
    severity: Severity::Error,
    citation: "RFC 4055 section 5, RFC 5758 section 3.2, RFC 8410 section 3, RFC 9881 section 2",
    summary: "The signature algorithm's parameters are NULL for RSA PKCS #1 v1.5, and absent for ECDSA, EdDSA and ML-DSA.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    certificate.inner_algorithm.signature_parameters_fault()
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, algorithm, algorithm_null, assert_found, assert_passes};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn absent_ones_pass_for_ecdsa() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn null_passes_for_rsa() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .signed_with(algorithm_null(oid::SHA256_WITH_RSA))
                .lint(),
        );
    }

    #[test]
    fn null_is_found_for_ecdsa() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .signed_with(algorithm_null(oid::ECDSA_WITH_SHA256))
                .lint(),
        );
    }

    #[test]
    fn null_is_found_for_ml_dsa() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .signed_with(algorithm_null(oid::ML_DSA_65))
                .lint(),
        );
    }

    #[test]
    fn absent_ones_are_found_for_rsa() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .signed_with(algorithm(oid::SHA256_WITH_RSA))
                .lint(),
        );
    }
}
