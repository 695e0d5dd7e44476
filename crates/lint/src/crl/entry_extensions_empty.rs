//! Where an entry has a list of extensions, it is not empty.

use crate::view::crl::{Crl, Entry};
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_entry_extensions_empty",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.1",
    summary: "Where an entry has a list of extensions, it is not empty.",
    check: Check::CrlEntry(check),
};

fn check(_crl: &Crl<'_>, entry: &Entry<'_>) -> Option<String> {
    entry
        .extensions?
        .is_empty()
        .then(|| "its list of extensions is empty".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, integer, reason, seq, utc};

    use super::RULE;

    #[test]
    fn some_pass() {
        assert_passes(&RULE, &CrlParts::full().entry_with(&[reason(1)]).lint());
    }

    #[test]
    fn none_pass() {
        assert_passes(&RULE, &CrlParts::full().entry_with(&[]).lint());
    }

    #[test]
    fn an_empty_list_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .entry(seq(&[&integer(&[1]), &utc("250301000000Z"), &seq(&[])]))
                .lint(),
        );
    }
}
