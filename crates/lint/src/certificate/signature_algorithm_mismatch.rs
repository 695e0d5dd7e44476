//! The signature algorithm is the same inside and outside of what is signed.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "signature_algorithm_mismatch",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.1.1.2",
    summary: "The signature algorithm is the same inside and outside of what is signed.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let (inner, outer) = (certificate.inner_algorithm, certificate.outer_algorithm);
    (inner.der != outer.der).then(|| format!("inside it is {}, outside {}", inner.oid, outer.oid))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, algorithm, algorithm_null, assert_found, assert_passes};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn the_same_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn another_is_found() {
        assert_found(
            &RULE,
            &CertificateParts {
                outer_algorithm: algorithm(oid::ECDSA_WITH_SHA384),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }

    #[test]
    fn other_parameters_are_found() {
        assert_found(
            &RULE,
            &CertificateParts {
                outer_algorithm: algorithm_null(oid::ECDSA_WITH_SHA256),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }
}
