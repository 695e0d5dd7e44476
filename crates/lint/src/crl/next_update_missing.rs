//! nextUpdate is present.

use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_next_update_missing",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.1.2.5",
    summary: "nextUpdate is there.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    crl.next_update.is_none().then(|| "there is no nextUpdate".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes};

    use super::RULE;

    #[test]
    fn present_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn absent_is_found() {
        assert_found(
            &RULE,
            &CrlParts {
                next_update: Vec::new(),
                ..CrlParts::full()
            }
            .lint(),
        );
    }
}
