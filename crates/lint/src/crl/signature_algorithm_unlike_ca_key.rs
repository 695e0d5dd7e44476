//! The CA's key is of a kind that makes signatures of this algorithm.

use crate::view::crl::Crl;
use crate::view::issuer::IssuerView;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_signature_algorithm_unlike_ca_key",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.1.1.2",
    summary: "The CA's key is of a kind that makes signatures of this algorithm.",
    check: Check::CrlIssued(check),
};

fn check(crl: &Crl<'_>, issuer: &IssuerView) -> Option<String> {
    (!issuer.signs_with(&crl.inner_algorithm))
        .then(|| format!("the CA's key cannot have signed with {}", crl.inner_algorithm.oid))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, algorithm_null, assert_found, assert_passes};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn ecdsa_passes_under_an_ec_key() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn rsa_is_found_under_an_ec_key() {
        assert_found(
            &RULE,
            &CrlParts {
                inner_algorithm: algorithm_null(oid::SHA256_WITH_RSA),
                ..CrlParts::full()
            }
            .lint(),
        );
    }
}
