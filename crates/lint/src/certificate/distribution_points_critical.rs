//! cRLDistributionPoints is not critical.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "distribution_points_critical",
    severity: Severity::Warning,
    citation: "RFC 5280 section 4.2.1.13",
    summary: "cRLDistributionPoints is not critical.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    certificate
        .known
        .distribution_points
        .critical
        .then(|| "cRLDistributionPoints is critical".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, distribution_point, seq, uri};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn not_critical_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn critical_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::CRL_DISTRIBUTION_POINTS,
                    true,
                    &seq(&[&distribution_point(&[uri("http://a/b")])]),
                )
                .lint(),
        );
    }
}
