//! The signature algorithm is the same inside and outside of what is signed.

use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_signature_algorithm_mismatch",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.1.1.2",
    summary: "The signature algorithm is the same inside and outside of what is signed.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    let (inner, outer) = (crl.inner_algorithm, crl.outer_algorithm);
    (inner.der != outer.der).then(|| format!("inside it is {}, outside {}", inner.oid, outer.oid))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, algorithm, assert_found, assert_passes};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn the_same_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn another_is_found() {
        assert_found(
            &RULE,
            &CrlParts {
                outer_algorithm: algorithm(oid::ECDSA_WITH_SHA384),
                ..CrlParts::full()
            }
            .lint(),
        );
    }
}
