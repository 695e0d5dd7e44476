//! nextUpdate is after thisUpdate.

use crate::report::quoted;
use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_update_order",
    severity: Severity::Error,
    citation: "RFC 5280 sections 5.1.2.4 and 5.1.2.5",
    summary: "nextUpdate is after thisUpdate.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    let (this, next) = (crl.this_update, crl.next_update?);
    (next.seconds? <= this.seconds?).then(|| {
        format!(
            "nextUpdate {} is not after thisUpdate {}",
            quoted(next.text),
            quoted(this.text)
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, utc};

    use super::RULE;

    #[test]
    fn a_week_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn the_same_moment_is_found() {
        assert_found(
            &RULE,
            &CrlParts {
                next_update: utc("250601000000Z"),
                ..CrlParts::full()
            }
            .lint(),
        );
    }

    #[test]
    fn an_earlier_one_is_found() {
        assert_found(
            &RULE,
            &CrlParts {
                next_update: utc("250531235959Z"),
                ..CrlParts::full()
            }
            .lint(),
        );
    }
}
