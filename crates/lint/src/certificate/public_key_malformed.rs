//! The public key has its algorithm's form: two positive INTEGERs for RSA, a fixed length for Ed25519, X25519 and ML-DSA.

use crate::view::certificate::Certificate;
use crate::view::oid;
use crate::view::public_key::Family;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "public_key_malformed",
    severity: Severity::Error,
    citation: "RFC 3279 section 2.3.1, RFC 8410 section 4, RFC 9881 section 4",
    summary: "The public key has its algorithm's form: two positive INTEGERs for RSA, a fixed length for Ed25519, X25519 and ML-DSA.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let key = certificate.public_key;
    let octets = key.key.len();
    let fine = match (key.family, key.algorithm.oid) {
        (Family::Rsa, _) => key
            .rsa()
            .is_some_and(|rsa| rsa.modulus[0] & 0x80 == 0 && rsa.exponent[0] & 0x80 == 0),
        (_, oid::ED25519 | oid::X25519) => octets == 32,
        (_, oid::ED448) => octets == 57,
        (_, oid::X448) => octets == 56,
        (Family::MlDsa44 | Family::MlDsa65 | Family::MlDsa87, _) => Some(octets) == key.family.key_octets(),
        _ => true,
    };
    (!fine).then(|| {
        format!(
            "the public key of {octets} octets has not the form of {}",
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
    fn an_rsa_key_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().key(rsa_spki(256, &[1, 0, 1])).lint());
    }

    #[test]
    fn an_ml_dsa_key_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .key(spki(&algorithm(oid::ML_DSA_87), &[1; 2592]))
                .lint(),
        );
    }

    #[test]
    fn a_short_ml_dsa_key_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .key(spki(&algorithm(oid::ML_DSA_87), &[1; 2591]))
                .lint(),
        );
    }

    #[test]
    fn a_long_ed25519_key_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .key(spki(&algorithm(oid::ED25519), &[1; 33]))
                .lint(),
        );
    }

    #[test]
    fn an_rsa_key_of_one_integer_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .key(spki(&algorithm_null(oid::RSA_ENCRYPTION), &seq(&[&integer(&[1])])))
                .lint(),
        );
    }

    #[test]
    fn a_negative_modulus_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .key(spki(
                    &algorithm_null(oid::RSA_ENCRYPTION),
                    &seq(&[&integer(&[0x80]), &integer(&[3])]),
                ))
                .lint(),
        );
    }
}
