//! Every critical extension of an entry is known to this module: software that does not support one must not use the
//! CRL.

use crate::view::crl::{Crl, Entry};
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_entry_extension_critical_unknown",
    severity: Severity::Warning,
    citation: "RFC 5280 section 5.3",
    summary: "Every critical extension of an entry is known to this linter; software that does not support one must not use the CRL.",
    check: Check::CrlEntry(check),
};

fn check(_crl: &Crl<'_>, entry: &Entry<'_>) -> Option<String> {
    entry
        .faults
        .unknown_critical
        .map(|oid| format!("{oid} is critical, and not among those that most readers know"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, extension};
    use crate::view::oid::Oid;

    use super::RULE;

    #[test]
    fn an_unknown_one_that_is_not_critical_passes() {
        assert_passes(
            &RULE,
            &CrlParts::full()
                .entry_with(&[extension(Oid(&[0x2a, 3]), false, &[5, 0])])
                .lint(),
        );
    }

    #[test]
    fn a_critical_one_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .entry_with(&[extension(Oid(&[0x2a, 3]), true, &[5, 0])])
                .lint(),
        );
    }
}
