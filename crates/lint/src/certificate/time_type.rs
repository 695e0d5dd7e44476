//! Times are UTCTime through 2049, and GeneralizedTime after that.

use crate::report::first_few;
use crate::view::certificate::Certificate;
use crate::view::time::Time;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "time_type",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.1.2.5",
    summary: "Times are UTCTimes through 2049, and GeneralizedTimes after that.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    first_few(
        [certificate.not_before, certificate.not_after]
            .iter()
            .filter_map(Time::type_fault),
    )
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, generalized, utc};

    use super::RULE;

    #[test]
    fn generalized_time_passes_from_2050_on() {
        assert_passes(
            &RULE,
            &CertificateParts {
                not_after: generalized("20500101000000Z"),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }

    #[test]
    fn utc_time_passes_through_2049() {
        assert_passes(
            &RULE,
            &CertificateParts {
                not_after: utc("491231235959Z"),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }

    #[test]
    fn generalized_time_is_found_before() {
        assert_found(
            &RULE,
            &CertificateParts {
                not_after: generalized("20491231235959Z"),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }
}
