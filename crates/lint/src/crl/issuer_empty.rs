//! The issuer is not empty.

use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_issuer_empty",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.1.2.3",
    summary: "The issuer is not empty.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    crl.issuer.is_empty().then(|| "the issuer has no attribute".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, name};

    use super::RULE;

    #[test]
    fn a_name_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn an_empty_one_is_found() {
        assert_found(
            &RULE,
            &CrlParts {
                issuer: name(&[]),
                ..CrlParts::full()
            }
            .lint(),
        );
    }
}
