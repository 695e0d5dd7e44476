//! An RSA key has at least 2048 bits.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "rsa_key_size",
    severity: Severity::Error,
    citation: "NIST SP 800-131A revision 2 section 3",
    summary: "An RSA key has at least 2048 bits.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let modulus = certificate.public_key.rsa()?.modulus;
    let leading = modulus.iter().take_while(|&&octet| octet == 0).count();
    let significant = &modulus[leading..];
    let bits = significant.len() * 8 - significant.first().map_or(0, |octet| octet.leading_zeros() as usize);
    (bits < 2048).then(|| format!("the RSA key has {bits} bits"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, rsa_spki};

    use super::RULE;

    #[test]
    fn bits_2048_pass() {
        assert_passes(&RULE, &CertificateParts::leaf().key(rsa_spki(256, &[1, 0, 1])).lint());
    }

    #[test]
    fn bits_2040_are_found() {
        assert_found(&RULE, &CertificateParts::leaf().key(rsa_spki(255, &[1, 0, 1])).lint());
    }

    #[test]
    fn other_keys_are_not_judged() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }
}
