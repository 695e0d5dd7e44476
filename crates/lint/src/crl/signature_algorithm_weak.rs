//! The signature does not use MD2, MD5 or SHA-1, for which collisions can be produced.

use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_signature_algorithm_weak",
    severity: Severity::Error,
    citation: "NIST SP 800-131A revision 2 section 3",
    summary: "The signature does not rest on MD2, MD5 or SHA-1, whose collisions can be made.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    crl.inner_algorithm
        .is_weak()
        .then(|| format!("the signature algorithm is {}", crl.inner_algorithm.oid))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, algorithm, assert_found, assert_passes};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn sha_256_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn sha_1_is_found() {
        assert_found(
            &RULE,
            &CrlParts {
                inner_algorithm: algorithm(oid::ECDSA_WITH_SHA1),
                ..CrlParts::full()
            }
            .lint(),
        );
    }
}
