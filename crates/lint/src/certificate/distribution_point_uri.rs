//! URIs of distribution points are well-formed http or ldap URIs.
//!
//! Not https: fetching the CRL to check a server certificate must not need the check of another.

use crate::report::{first_few, quoted};
use crate::view::certificate::Certificate;
use crate::view::general_name::DistributionPointName;
use crate::{Check, Rule, Severity, syntax};

pub(super) const RULE: Rule = Rule {
    name: "distribution_point_uri",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.13",
    summary: "URIs of distribution points are well-formed http or ldap URIs.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let points = certificate.known.distribution_points.value?;
    let uris = points.iter().filter_map(|point| match point.name? {
        DistributionPointName::Full(names) => Some(names.uris()),
        DistributionPointName::RelativeToIssuer => None,
    });
    first_few(uris.flatten().filter_map(|uri| {
        let fault = if syntax::has_scheme(uri, &["http", "ldap"]) {
            // ldap URIs may omit the host: the client knows its server.
            syntax::uri_fault(uri).filter(|_| !uri.starts_with(b"ldap:///"))?
        } else {
            "is neither http nor ldap"
        };
        Some(format!("the distribution point's URI {} {fault}", quoted(uri)))
    }))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, distribution_point, seq, uri};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn http_and_ldap_pass() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::CRL_DISTRIBUTION_POINTS,
                    false,
                    &seq(&[&distribution_point(&[
                        uri("HTTP://ca.example.com/a.crl"),
                        uri("ldap:///cn=a"),
                    ])]),
                )
                .lint(),
        );
    }

    #[test]
    fn https_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::CRL_DISTRIBUTION_POINTS,
                    false,
                    &seq(&[&distribution_point(&[uri("https://ca.example.com/a.crl")])]),
                )
                .lint(),
        );
    }

    #[test]
    fn a_missing_host_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::CRL_DISTRIBUTION_POINTS,
                    false,
                    &seq(&[&distribution_point(&[uri("http:///a.crl")])]),
                )
                .lint(),
        );
    }
}
