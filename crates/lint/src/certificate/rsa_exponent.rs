//! An RSA key's exponent is odd, above 2^16 and below 2^256.

use crate::report::hex;
use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "rsa_exponent",
    severity: Severity::Error,
    citation: "FIPS 186-5 appendix A.1.1",
    summary: "An RSA key's exponent is odd, above 2^16 and below 2^256.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let exponent = certificate.public_key.rsa()?.exponent;
    let leading = exponent.iter().take_while(|&&octet| octet == 0).count();
    let significant = &exponent[leading..];
    let negative = exponent.first().is_some_and(|first| first & 0x80 != 0);
    let odd = exponent.last().is_some_and(|last| last & 1 == 1);
    let fine = odd && !negative && (3..=32).contains(&significant.len());
    (!fine).then(|| format!("the RSA key's exponent is {} in hexadecimal", hex(exponent)))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, rsa_spki};

    use super::RULE;

    #[test]
    fn exponent_65537_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().key(rsa_spki(256, &[1, 0, 1])).lint());
    }

    #[test]
    fn exponent_3_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().key(rsa_spki(256, &[3])).lint());
    }

    #[test]
    fn an_even_one_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().key(rsa_spki(256, &[1, 0, 2])).lint());
    }

    #[test]
    fn a_huge_one_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().key(rsa_spki(256, &[1; 33])).lint());
    }
}
