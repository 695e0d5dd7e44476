//! Where there is a list of extensions, it is not empty.

use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_extensions_empty",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.1.2.7",
    summary: "Where there is a list of extensions, it is not empty.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    crl.extensions?
        .is_empty()
        .then(|| "the list of extensions is empty".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes};

    use super::RULE;

    #[test]
    fn some_pass() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn an_empty_list_is_found() {
        assert_found(
            &RULE,
            &CrlParts {
                extensions: Vec::new(),
                empty_extensions: true,
                ..CrlParts::full()
            }
            .lint(),
        );
    }
}
