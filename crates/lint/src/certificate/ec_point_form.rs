//! An elliptic-curve key is an uncompressed point of its curve's length.

use crate::view::certificate::Certificate;
use crate::view::public_key::Family;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "ec_point_form",
    severity: Severity::Error,
    citation: "RFC 5480 section 2.2",
    summary: "An elliptic-curve key is an uncompressed point of its curve's length.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let key = certificate.public_key;
    if !matches!(key.family, Family::P256 | Family::P384 | Family::P521) {
        return None;
    }
    let fine = key.key.first() == Some(&4) && Some(key.key.len()) == key.family.key_octets();
    (!fine).then(|| "the elliptic-curve key is not an uncompressed point of its curve's length".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, ec_spki, p256_point};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn an_uncompressed_point_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn a_compressed_one_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf().key(ec_spki(oid::P256, &[2; 33])).lint(),
        );
    }

    #[test]
    fn a_point_of_another_length_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf().key(ec_spki(oid::P384, &p256_point(1))).lint(),
        );
    }

    #[test]
    fn the_point_at_infinity_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().key(ec_spki(oid::P256, &[0])).lint());
    }
}
