//! URIs are absolute: a scheme, something after it, and where there is an authority, a host.

use crate::report::{first_few, quoted};
use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity, syntax};

pub(super) const RULE: Rule = Rule {
    name: "san_uri_syntax",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.6, RFC 3986 section 3",
    summary: "URIs are absolute: a scheme, something after it, and where there is an authority, a host.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    first_few(certificate.alt_names()?.uris().filter_map(|uri| {
        let fault = syntax::uri_fault(uri)?;
        Some(format!("the URI {} {fault}", quoted(uri)))
    }))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, uri};

    use super::RULE;

    #[test]
    fn absolute_uris_pass() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with_names(&[uri("spiffe://example.org/a"), uri("urn:oid:2.5.4.3")])
                .lint(),
        );
    }

    #[test]
    fn a_relative_one_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().with_names(&[uri("/a")]).lint());
    }

    #[test]
    fn one_without_a_host_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().with_names(&[uri("https:///a")]).lint());
    }

    #[test]
    fn a_space_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with_names(&[uri("https://example.com/a b")])
                .lint(),
        );
    }
}
