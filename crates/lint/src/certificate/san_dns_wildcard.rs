//! A wildcard in a DNS name is its whole leftmost label.

use crate::report::{first_few, quoted};
use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "san_dns_wildcard",
    severity: Severity::Error,
    citation: "RFC 9525 section 6.3",
    summary: "A wildcard in a DNS name is its whole leftmost label.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    first_few(certificate.alt_names()?.dns_names().filter_map(|name| {
        let rest = name.strip_prefix(b"*.").unwrap_or(name);
        rest.contains(&b'*').then(|| {
            format!(
                "the DNS name {} has a wildcard that is not its whole leftmost label",
                quoted(name)
            )
        })
    }))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, dns};

    use super::RULE;

    #[test]
    fn the_leftmost_label_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf().with_names(&[dns("*.example.com")]).lint(),
        );
    }

    #[test]
    fn a_part_of_a_label_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf().with_names(&[dns("w*.example.com")]).lint(),
        );
    }

    #[test]
    fn another_label_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().with_names(&[dns("www.*.com")]).lint());
    }

    #[test]
    fn two_are_found() {
        assert_found(&RULE, &CertificateParts::leaf().with_names(&[dns("*.*.com")]).lint());
    }

    #[test]
    fn one_alone_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().with_names(&[dns("*")]).lint());
    }
}
