//! thisUpdate and nextUpdate have seconds, no fractions and the suffix Z, and are valid calendar times.

use crate::report::first_few;
use crate::view::crl::Crl;
use crate::view::time::Time;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_time_encoding",
    severity: Severity::Error,
    citation: "RFC 5280 sections 5.1.2.4 and 5.1.2.5",
    summary: "thisUpdate and nextUpdate are in Z form with seconds and without fractions, and moments of the calendar.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    first_few(
        [Some(crl.this_update), crl.next_update]
            .iter()
            .flatten()
            .filter_map(Time::syntax_fault),
    )
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, utc};

    use super::RULE;

    #[test]
    fn utc_times_pass() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn missing_seconds_are_found() {
        assert_found(
            &RULE,
            &CrlParts {
                this_update: utc("2506010000Z"),
                ..CrlParts::full()
            }
            .lint(),
        );
    }

    #[test]
    fn an_offset_is_found() {
        assert_found(
            &RULE,
            &CrlParts {
                next_update: utc("250608000000+0000"),
                ..CrlParts::full()
            }
            .lint(),
        );
    }
}
