//! IP addresses are not written as DNS names.

use crate::report::{first_few, quoted};
use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity, syntax};

pub(super) const RULE: Rule = Rule {
    name: "san_dns_ip_address",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.6",
    summary: "IP addresses are not written as DNS names.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let is_address = |name: &&[u8]| syntax::as_ip_address(name).is_some();
    first_few(
        certificate
            .alt_names()?
            .dns_names()
            .filter(is_address)
            .map(|name| format!("the DNS name {} is an IP address", quoted(name))),
    )
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, dns};

    use super::RULE;

    #[test]
    fn a_host_name_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf().with_names(&[dns("1.2.3.4.example")]).lint(),
        );
    }

    #[test]
    fn an_ipv4_address_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().with_names(&[dns("192.0.2.1")]).lint());
    }

    #[test]
    fn an_ipv6_address_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf().with_names(&[dns("2001:db8::1")]).lint(),
        );
    }
}
