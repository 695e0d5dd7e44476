//! The version is v2, as extensions require.

use crate::report::hex;
use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_version_not_v2",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.1.2.1",
    summary: "The version is v2, as extensions demand.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    match crl.version {
        Some([1]) => None,
        None => Some("the version is left out, which means v1".into()),
        Some(number) => Some(format!("the version's number is {}, not 1", hex(number))),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, integer};

    use super::RULE;

    #[test]
    fn v2_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn v1_is_found() {
        assert_found(
            &RULE,
            &CrlParts {
                version: Vec::new(),
                ..CrlParts::full()
            }
            .lint(),
        );
    }

    #[test]
    fn v3_is_found() {
        assert_found(
            &RULE,
            &CrlParts {
                version: integer(&[2]),
                ..CrlParts::full()
            }
            .lint(),
        );
    }
}
