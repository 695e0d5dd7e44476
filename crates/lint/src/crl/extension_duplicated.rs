//! Each extension of the list occurs once.

use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_extension_duplicated",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2",
    summary: "Each extension of the list is there once.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    crl.extensions?.duplicate().map(|oid| format!("{oid} is there twice"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, integer};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn each_once_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn a_second_one_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full().with_another(oid::CRL_NUMBER, &integer(&[8])).lint(),
        );
    }
}
