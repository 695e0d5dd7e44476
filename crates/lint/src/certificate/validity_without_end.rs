//! notAfter is a real end, not the value for "no well-defined expiration date" (RFC 5280 section 4.1.2.5).

use crate::view::certificate::Certificate;
use crate::view::time::NO_EXPIRATION;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "validity_without_end",
    severity: Severity::Notice,
    citation: "RFC 5280 section 4.1.2.5",
    summary: "notAfter is not the value for \"no well-defined expiration date\".",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    (certificate.not_after.text == NO_EXPIRATION)
        .then(|| "notAfter is 99991231235959Z: no well-defined expiration date".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, generalized};

    use super::RULE;

    #[test]
    fn a_year_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn the_end_of_time_is_found() {
        assert_found(
            &RULE,
            &CertificateParts {
                not_after: generalized("99991231235959Z"),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }
}
