//! Times have seconds, no fractions and the suffix Z, and are valid calendar times.

use crate::report::first_few;
use crate::view::certificate::Certificate;
use crate::view::time::Time;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "time_encoding",
    severity: Severity::Error,
    citation: "RFC 5280 sections 4.1.2.5.1 and 4.1.2.5.2",
    summary: "Times are in Z form with seconds and without fractions, and moments of the calendar.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    first_few(
        [certificate.not_before, certificate.not_after]
            .iter()
            .filter_map(Time::syntax_fault),
    )
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, generalized, utc};

    use super::RULE;

    #[test]
    fn both_types_pass() {
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
    fn missing_seconds_are_found() {
        assert_found(
            &RULE,
            &CertificateParts {
                not_before: utc("2501010000Z"),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }

    #[test]
    fn an_offset_is_found() {
        assert_found(
            &RULE,
            &CertificateParts {
                not_before: utc("250101000000+0100"),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }

    #[test]
    fn a_fraction_is_found() {
        assert_found(
            &RULE,
            &CertificateParts {
                not_after: generalized("20500101000000.0Z"),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }

    #[test]
    fn february_30_is_found() {
        assert_found(
            &RULE,
            &CertificateParts {
                not_after: utc("260230000000Z"),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }
}
