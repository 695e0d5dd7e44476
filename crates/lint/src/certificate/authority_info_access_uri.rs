//! URIs in authorityInfoAccess are well-formed http or, for caIssuers, ldap URIs.

use crate::report::{first_few, quoted};
use crate::view::certificate::Certificate;
use crate::view::general_name::GeneralName;
use crate::view::oid;
use crate::{Check, Rule, Severity, syntax};

pub(super) const RULE: Rule = Rule {
    name: "authority_info_access_uri",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.2.1",
    summary: "URIs in authorityInfoAccess are well-formed http or, for caIssuers, ldap URIs.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    first_few(
        certificate
            .known
            .authority_info_access
            .value?
            .iter()
            .filter_map(|access| {
                let GeneralName::Uri(uri) = access.location else {
                    return None;
                };
                let schemes: &[&str] = match access.method {
                    oid::AD_OCSP => &["http"],
                    oid::AD_CA_ISSUERS => &["http", "ldap"],
                    _ => return None,
                };
                let fault = if syntax::has_scheme(uri, schemes) {
                    syntax::uri_fault(uri).filter(|_| !uri.starts_with(b"ldap:///"))?
                } else {
                    "is not http"
                };
                Some(format!("the URI {} of {} {fault}", quoted(uri), access.method))
            }),
    )
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, oid, seq, uri};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn http_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn https_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::AUTHORITY_INFO_ACCESS,
                    false,
                    &seq(&[&seq(&[&oid(oid::AD_OCSP), &uri("https://ocsp.example.com")])]),
                )
                .lint(),
        );
    }

    #[test]
    fn a_bad_host_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::AUTHORITY_INFO_ACCESS,
                    false,
                    &seq(&[&seq(&[&oid(oid::AD_CA_ISSUERS), &uri("http://a_b/ca.crt")])]),
                )
                .lint(),
        );
    }
}
