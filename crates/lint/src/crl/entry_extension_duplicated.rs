//! Each extension of an entry occurs once.

use crate::view::crl::{Crl, Entry};
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_entry_extension_duplicated",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2",
    summary: "Each extension of an entry is there once.",
    check: Check::CrlEntry(check),
};

fn check(_crl: &Crl<'_>, entry: &Entry<'_>) -> Option<String> {
    entry.extensions?.duplicate().map(|oid| format!("{oid} is there twice"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, reason};

    use super::RULE;

    #[test]
    fn each_once_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn a_second_one_is_found() {
        assert_found(&RULE, &CrlParts::full().entry_with(&[reason(1), reason(2)]).lint());
    }
}
