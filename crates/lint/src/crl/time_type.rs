//! thisUpdate and nextUpdate are UTCTime through 2049, and GeneralizedTime after that.

use crate::report::first_few;
use crate::view::crl::Crl;
use crate::view::time::Time;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_time_type",
    severity: Severity::Error,
    citation: "RFC 5280 sections 5.1.2.4 and 5.1.2.5",
    summary: "thisUpdate and nextUpdate are UTCTimes through 2049, and GeneralizedTimes after that.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    first_few(
        [Some(crl.this_update), crl.next_update]
            .iter()
            .flatten()
            .filter_map(Time::type_fault),
    )
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, generalized};

    use super::RULE;

    #[test]
    fn generalized_time_passes_from_2050_on() {
        assert_passes(
            &RULE,
            &CrlParts {
                next_update: generalized("20500101000000Z"),
                ..CrlParts::full()
            }
            .lint(),
        );
    }

    #[test]
    fn generalized_time_is_found_before() {
        assert_found(
            &RULE,
            &CrlParts {
                next_update: generalized("20250608000000Z"),
                ..CrlParts::full()
            }
            .lint(),
        );
    }
}
