//! The signature algorithm's parameters are NULL for RSA PKCS #1 v1.5, and absent for ECDSA, `EdDSA` and ML-DSA.

use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_signature_algorithm_parameters",
    severity: Severity::Error,
    citation: "RFC 4055 section 5, RFC 5758 section 3.2, RFC 8410 section 3, RFC 9881 section 2",
    summary: "The signature algorithm's parameters are NULL for RSA PKCS #1 v1.5, and absent for ECDSA, EdDSA and ML-DSA.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    crl.inner_algorithm.signature_parameters_fault()
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, algorithm_null, assert_found, assert_passes};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn absent_ones_pass_for_ecdsa() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn null_is_found_for_ecdsa() {
        assert_found(
            &RULE,
            &CrlParts {
                inner_algorithm: algorithm_null(oid::ECDSA_WITH_SHA256),
                ..CrlParts::full()
            }
            .lint(),
        );
    }
}
