//! The signature does not use MD2, MD5 or SHA-1, for which collisions can be produced.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "signature_algorithm_weak",
    severity: Severity::Error,
    citation: "NIST SP 800-131A revision 2 section 3",
    summary: "The signature does not rest on MD2, MD5 or SHA-1, whose collisions can be made.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    certificate
        .inner_algorithm
        .is_weak()
        .then(|| format!("the signature algorithm is {}", certificate.inner_algorithm.oid))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, algorithm, algorithm_null, assert_found, assert_passes};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn sha_256_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn sha_1_with_rsa_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .signed_with(algorithm_null(oid::SHA1_WITH_RSA))
                .lint(),
        );
    }

    #[test]
    fn sha_1_with_ecdsa_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .signed_with(algorithm(oid::ECDSA_WITH_SHA1))
                .lint(),
        );
    }
}
