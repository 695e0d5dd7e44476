//! Every distribution point has a location of the CRL: full names, or another issuer.

use crate::view::certificate::Certificate;
use crate::view::general_name::DistributionPointName;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "distribution_point_without_location",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.13",
    summary: "Every distribution point says where the CRL is: full names, or another issuer.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    certificate
        .known
        .distribution_points
        .value?
        .iter()
        .find_map(|point| match (point.name, point.crl_issuer) {
            (None, None) => Some("a distribution point has neither distributionPoint nor cRLIssuer".into()),
            (Some(DistributionPointName::Full(names)), _) if names.is_empty() => {
                Some("a distribution point's fullName is an empty list".into())
            }
            (Some(DistributionPointName::RelativeToIssuer), _) => {
                Some("a distribution point has nameRelativeToCRLIssuer instead of fullName".into())
            }
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use crate::testing::{
        CertificateParts, assert_found, assert_passes, common_name, directory, distribution_point, explicit, seq,
    };
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn a_full_name_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn another_issuer_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::CRL_DISTRIBUTION_POINTS,
                    false,
                    &seq(&[&seq(&[&explicit(2, &[&directory(&common_name("a"))])])]),
                )
                .lint(),
        );
    }

    #[test]
    fn nothing_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::CRL_DISTRIBUTION_POINTS, false, &seq(&[&seq(&[])]))
                .lint(),
        );
    }

    #[test]
    fn an_empty_full_name_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::CRL_DISTRIBUTION_POINTS, false, &seq(&[&distribution_point(&[])]))
                .lint(),
        );
    }
}
