//! Where nothing is revoked, revokedCertificates is left out.

use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_revoked_empty",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.1.2.6",
    summary: "Where nothing is revoked, revokedCertificates is left out.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    crl.has_empty_list()
        .then(|| "revokedCertificates is an empty list".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes};

    use super::RULE;

    #[test]
    fn entries_pass() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn none_pass() {
        assert_passes(
            &RULE,
            &CrlParts {
                entries: Vec::new(),
                ..CrlParts::full()
            }
            .lint(),
        );
    }

    #[test]
    fn an_empty_list_is_found() {
        assert_found(
            &RULE,
            &CrlParts {
                entries: Vec::new(),
                empty_list: true,
                ..CrlParts::full()
            }
            .lint(),
        );
    }
}
