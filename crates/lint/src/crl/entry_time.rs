//! Revocation dates have seconds, no fractions and the suffix Z; UTCTime through 2049, GeneralizedTime after that.

use crate::view::crl::{Crl, Entry};
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_entry_time",
    severity: Severity::Error,
    citation: "RFC 5280 sections 4.1.2.5 and 5.1.2.6",
    summary: "Revocation dates are in Z form with seconds and without fractions, UTCTimes through 2049, GeneralizedTimes after that.",
    check: Check::CrlEntry(check),
};

fn check(_crl: &Crl<'_>, entry: &Entry<'_>) -> Option<String> {
    entry
        .revocation_date
        .syntax_fault()
        .or_else(|| entry.revocation_date.type_fault())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, entry, generalized, integer, seq};

    use super::RULE;

    #[test]
    fn utc_time_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn missing_seconds_are_found() {
        assert_found(&RULE, &CrlParts::full().entry(entry(&[1], "2503010000Z", &[])).lint());
    }

    #[test]
    fn generalized_time_before_2050_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .entry(seq(&[&integer(&[1]), &generalized("20250301000000Z")]))
                .lint(),
        );
    }
}
