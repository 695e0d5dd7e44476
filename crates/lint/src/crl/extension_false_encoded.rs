//! An extension's critical field is omitted if it is FALSE.

use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_extension_false_encoded",
    severity: Severity::Error,
    citation: "X.690 section 11.5",
    summary: "An extension's critical is left out where it is FALSE.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    let oid = crl.extensions?.false_encoded?;
    Some(format!("{oid} writes critical out as FALSE, its default"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, extension_with_false, integer};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn left_out_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn false_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .with_raw(oid::CRL_NUMBER, extension_with_false(oid::CRL_NUMBER, &integer(&[7])))
                .lint(),
        );
    }
}
