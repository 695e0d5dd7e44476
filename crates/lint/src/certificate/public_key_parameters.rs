//! The public key's parameters are NULL for RSA, and absent for Ed25519, X25519 and ML-DSA.

use crate::view::certificate::Certificate;
use crate::view::public_key::Family;
use crate::{Check, Rule, Severity};
use chancery_x509::tlv::tag;

pub(super) const RULE: Rule = Rule {
    name: "public_key_parameters",
    severity: Severity::Error,
    citation: "RFC 3279 section 2.3.1, RFC 8410 section 3, RFC 9881 section 4",
    summary: "The public key's parameters are NULL for RSA, and absent for Ed25519, X25519 and ML-DSA.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let key = certificate.public_key;
    let parameters = key.algorithm.parameters.map(|parameters| parameters.raw);
    let (fine, wanted) = match key.family {
        Family::Rsa => (parameters == Some(&[tag::NULL, 0]), "NULL"),
        Family::Edwards | Family::Montgomery | Family::MlDsa44 | Family::MlDsa65 | Family::MlDsa87 => {
            (parameters.is_none(), "absent")
        }
        // Another rule checks curves.
        Family::P256 | Family::P384 | Family::P521 | Family::OtherEc | Family::Other => return None,
    };
    (!fine).then(|| {
        format!(
            "the parameters of the public key's {} must be {wanted}",
            key.algorithm.oid
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{
        CertificateParts, algorithm, algorithm_null, assert_found, assert_passes, integer, rsa_spki, seq, spki,
    };
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn null_passes_for_rsa() {
        assert_passes(&RULE, &CertificateParts::leaf().key(rsa_spki(256, &[1, 0, 1])).lint());
    }

    #[test]
    fn absent_ones_pass_for_ed25519() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .key(spki(&algorithm(oid::ED25519), &[1; 32]))
                .lint(),
        );
    }

    #[test]
    fn null_is_found_for_ed25519() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .key(spki(&algorithm_null(oid::ED25519), &[1; 32]))
                .lint(),
        );
    }

    #[test]
    fn absent_ones_are_found_for_rsa() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .key(spki(
                    &algorithm(oid::RSA_ENCRYPTION),
                    &seq(&[&integer(&[1]), &integer(&[1])]),
                ))
                .lint(),
        );
    }
}
