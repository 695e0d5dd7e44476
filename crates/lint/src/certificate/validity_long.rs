//! An end entity's certificate is valid for at most 825 days.
//!
//! Many clients refuse server certificates that are valid for longer.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "validity_long",
    severity: Severity::Notice,
    citation: "CA/Browser Forum Ballot 193",
    summary: "An end entity's certificate is valid for at most 825 days.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    const MAX_DAYS: i64 = 825;
    if certificate.is_ca() {
        return None;
    }
    // The validity includes both ends.
    let seconds = certificate.not_after.seconds? - certificate.not_before.seconds? + 1;
    (seconds > MAX_DAYS * 86_400).then(|| format!("it is valid for {} days", seconds / 86_400))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, utc};

    use super::RULE;

    #[test]
    fn days_825_pass() {
        assert_passes(
            &RULE,
            &CertificateParts {
                not_after: utc("270405235959Z"),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }

    #[test]
    fn a_second_more_is_found() {
        assert_found(
            &RULE,
            &CertificateParts {
                not_after: utc("270406000000Z"),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }

    #[test]
    fn cas_may_live_longer() {
        assert_passes(&RULE, &CertificateParts::root().lint());
    }
}
