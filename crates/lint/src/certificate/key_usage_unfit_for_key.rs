//! keyUsage only allows what the key can do.
//!
//! RSA keys are for signatures and encipherment; elliptic-curve keys for signatures and key agreement; Ed25519, Ed448
//! and ML-DSA keys for signatures; X25519 and X448 keys for key agreement.

use crate::report::first_few;
use crate::view::certificate::Certificate;
use crate::view::extension::KeyUsage;
use crate::view::public_key::Family;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "key_usage_unfit_for_key",
    severity: Severity::Error,
    citation: "RFC 3279 section 2.3.1, RFC 8410 section 5, RFC 8813 section 3, RFC 9881 section 5",
    summary: "keyUsage only allows what the key can do.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    const ENCIPHERS: u16 = KeyUsage::KEY_ENCIPHERMENT | KeyUsage::DATA_ENCIPHERMENT;
    const AGREES: u16 = KeyUsage::KEY_AGREEMENT | KeyUsage::ENCIPHER_ONLY | KeyUsage::DECIPHER_ONLY;
    const SIGNS: u16 =
        KeyUsage::DIGITAL_SIGNATURE | KeyUsage::CONTENT_COMMITMENT | KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN;
    let usage = certificate.key_usage()?;
    let family = certificate.public_key.family;
    if family == Family::Other {
        return None;
    }
    let claims = [
        (SIGNS, family.signs(), "signing"),
        (ENCIPHERS, family == Family::Rsa, "enciphering"),
        (AGREES, family.agrees(), "key agreement"),
    ];
    let claims = claims.into_iter().filter(|&(bits, able, _)| !able && usage.any(bits));
    first_few(claims.map(|(_, _, what)| format!("keyUsage allows {what}, which the key cannot do")))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, algorithm, assert_found, assert_passes, key_usage, rsa_spki, spki};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn signing_passes_for_ec() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn key_agreement_passes_for_ec() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::KEY_USAGE, true, &key_usage(0b1_0001))
                .lint(),
        );
    }

    #[test]
    fn key_encipherment_passes_for_rsa() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .key(rsa_spki(256, &[1, 0, 1]))
                .with(oid::KEY_USAGE, true, &key_usage(0b101))
                .lint(),
        );
    }

    #[test]
    fn key_encipherment_is_found_for_ec() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::KEY_USAGE, true, &key_usage(0b101))
                .lint(),
        );
    }

    #[test]
    fn key_agreement_is_found_for_rsa() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .key(rsa_spki(256, &[1, 0, 1]))
                .with(oid::KEY_USAGE, true, &key_usage(0b1_0001))
                .lint(),
        );
    }

    #[test]
    fn key_agreement_is_found_for_ml_dsa() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .key(spki(&algorithm(oid::ML_DSA_44), &[1; 1312]))
                .with(oid::KEY_USAGE, true, &key_usage(0b1_0001))
                .lint(),
        );
    }

    #[test]
    fn signing_is_found_for_x25519() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .key(spki(&algorithm(oid::X25519), &[1; 32]))
                .lint(),
        );
    }
}
