//! DNS names have labels of letters, digits and hyphens, up to 63 octets each and 253 in all.
//!
//! Underscores are not allowed. Another rule checks a leftmost label `*`.

use crate::report::{first_few, quoted};
use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity, syntax};

pub(super) const RULE: Rule = Rule {
    name: "san_dns_syntax",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.6, RFC 1034 section 3.5",
    summary: "DNS names have labels of letters, digits and hyphens, up to 63 octets each and 253 in all.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    first_few(certificate.alt_names()?.dns_names().filter_map(|name| {
        let fault = syntax::dns_fault(name.strip_prefix(b"*.").unwrap_or(name))?;
        Some(format!("the DNS name {} {fault}", quoted(name)))
    }))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, dns};

    use super::RULE;

    #[test]
    fn host_names_pass() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with_names(&[
                    dns("a-1.example.com"),
                    dns("*.example.com"),
                    dns("localhost"),
                    dns("xn--bcher-kva.example"),
                ])
                .lint(),
        );
    }

    #[test]
    fn an_underscore_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf().with_names(&[dns("a_b.example.com")]).lint(),
        );
    }

    #[test]
    fn utf_8_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf().with_names(&[dns("bücher.example")]).lint(),
        );
    }

    #[test]
    fn a_dot_at_the_end_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf().with_names(&[dns("example.com.")]).lint(),
        );
    }

    #[test]
    fn a_space_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().with_names(&[dns(" ")]).lint());
    }

    #[test]
    fn every_name_is_looked_at() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with_names(&[dns("a.example"), dns("b.example"), dns("-c.example")])
                .lint(),
        );
    }
}
