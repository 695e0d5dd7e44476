//! The public key's algorithm is RSA, EC, Ed25519, Ed448, X25519, X448 or ML-DSA.

use crate::view::certificate::Certificate;
use crate::view::public_key::Family;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "public_key_unknown",
    severity: Severity::Warning,
    citation: "RFC 5280 section 4.1.2.7",
    summary: "The public key's algorithm is RSA, EC, Ed25519, Ed448, X25519, X448 or ML-DSA.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let key = certificate.public_key;
    (key.family == Family::Other).then(|| format!("nothing is known about public keys of {}", key.algorithm.oid))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, algorithm, assert_found, assert_passes, spki};
    use crate::view::oid::Oid;

    use super::RULE;

    #[test]
    fn an_ec_key_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn another_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .key(spki(&algorithm(Oid(&[0x2a, 3])), &[1; 32]))
                .lint(),
        );
    }
}
