//! An elliptic-curve key is on a named curve: P-256, P-384 or P-521.

use crate::view::certificate::Certificate;
use crate::view::public_key::Family;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "ec_curve",
    severity: Severity::Error,
    citation: "RFC 5480 section 2.1.1",
    summary: "An elliptic-curve key is on a named curve: P-256, P-384 or P-521.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    (certificate.public_key.family == Family::OtherEc)
        .then(|| "the elliptic-curve key is not on P-256, P-384 or P-521, named by OID".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{
        CertificateParts, algorithm, assert_found, assert_passes, ec_spki, integer, oid, p256_point, seq, spki,
    };
    use crate::view::oid;
    use crate::view::oid::Oid;

    use super::RULE;

    #[test]
    fn p_256_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn secp256k1_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .key(ec_spki(Oid(&[0x2b, 0x81, 0x04, 0x00, 0x0a]), &p256_point(1)))
                .lint(),
        );
    }

    #[test]
    fn explicit_parameters_are_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .key(spki(
                    &seq(&[&oid(oid::EC_PUBLIC_KEY), &seq(&[&integer(&[1])])]),
                    &p256_point(1),
                ))
                .lint(),
        );
    }

    #[test]
    fn missing_parameters_are_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .key(spki(&algorithm(oid::EC_PUBLIC_KEY), &p256_point(1)))
                .lint(),
        );
    }
}
