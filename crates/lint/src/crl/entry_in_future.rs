//! Revocation dates are not after thisUpdate.

use crate::report::quoted;
use crate::view::crl::{Crl, Entry};
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_entry_in_future",
    severity: Severity::Warning,
    citation: "RFC 5280 section 5.1.2.4",
    summary: "Revocation dates are not after thisUpdate.",
    check: Check::CrlEntry(check),
};

fn check(crl: &Crl<'_>, entry: &Entry<'_>) -> Option<String> {
    (entry.revocation_date.seconds? > crl.this_update.seconds?).then(|| {
        format!(
            "it is revoked from {} on, after thisUpdate",
            quoted(entry.revocation_date.text)
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, entry};

    use super::RULE;

    #[test]
    fn the_same_moment_passes() {
        assert_passes(&RULE, &CrlParts::full().entry(entry(&[1], "250601000000Z", &[])).lint());
    }

    #[test]
    fn a_second_later_is_found() {
        assert_found(&RULE, &CrlParts::full().entry(entry(&[1], "250601000001Z", &[])).lint());
    }
}
