//! removeFromCRL (8) is in delta CRLs only.

use crate::view::crl::{Crl, Entry};
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_reason_remove_from_crl",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.3.1",
    summary: "removeFromCRL (8) is in delta CRLs only.",
    check: Check::CrlEntry(check),
};

fn check(crl: &Crl<'_>, entry: &Entry<'_>) -> Option<String> {
    (entry.reason.value? == 8 && !crl.is_delta()).then(|| "its reasonCode is removeFromCRL (8) in a full CRL".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, integer, reason};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn it_passes_in_a_delta_crl() {
        assert_passes(
            &RULE,
            &CrlParts::full()
                .with(oid::DELTA_CRL_INDICATOR, true, &integer(&[1]))
                .entry_with(&[reason(8)])
                .lint(),
        );
    }

    #[test]
    fn it_is_found_in_a_full_crl() {
        assert_found(&RULE, &CrlParts::full().entry_with(&[reason(8)]).lint());
    }
}
