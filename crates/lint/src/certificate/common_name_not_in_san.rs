//! A server certificate's common name is among its alternative names.
//!
//! Current clients ignore the common name.

use std::net::IpAddr;

use crate::report::{first_few, quoted};
use crate::view::certificate::Certificate;
use crate::view::general_name::GeneralName;
use crate::view::oid;
use crate::{Check, Rule, Severity, syntax};

pub(super) const RULE: Rule = Rule {
    name: "common_name_not_in_san",
    severity: Severity::Notice,
    citation: "CA/Browser Forum Baseline Requirements section 7.1.4.3",
    summary: "A server certificate's common name is among its alternative names.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    // Bounds the work for crafted names with many attributes.
    const MOST: usize = 64;
    if !certificate.has_purpose(oid::SERVER_AUTH) {
        return None;
    }
    let names = certificate.alt_names();
    let is_listed =
        |common_name: &[u8]| names.is_some_and(|names| names.iter().any(|name| is_the_same(name, common_name)));
    let common_names = certificate
        .subject
        .values(oid::COMMON_NAME)
        .map(|value| value.content)
        .take(MOST);
    first_few(
        common_names
            .filter(|&common_name| !is_listed(common_name))
            .map(|common_name| format!("the common name {} is not in subjectAltName", quoted(common_name))),
    )
}

fn is_the_same(name: GeneralName<'_>, common_name: &[u8]) -> bool {
    match name {
        GeneralName::Dns(text) | GeneralName::Email(text) | GeneralName::Uri(text) => {
            text.eq_ignore_ascii_case(common_name)
        }
        GeneralName::Ip(octets) => match syntax::as_ip_address(common_name) {
            Some(IpAddr::V4(address)) => address.octets() == octets,
            Some(IpAddr::V6(address)) => address.octets() == octets,
            None => false,
        },
        GeneralName::Directory(_) | GeneralName::Other => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, common_name, oid, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn a_listed_one_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf().subject(common_name("WWW.example.com")).lint(),
        );
    }

    #[test]
    fn an_ip_address_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf().subject(common_name("192.0.2.1")).lint(),
        );
    }

    #[test]
    fn clients_may_be_called_anything() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .subject(common_name("A Person"))
                .with(oid::EXTENDED_KEY_USAGE, false, &seq(&[&oid(oid::CLIENT_AUTH)]))
                .lint(),
        );
    }

    #[test]
    fn another_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf().subject(common_name("example.com")).lint(),
        );
    }

    #[test]
    fn a_missing_san_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().without(oid::SUBJECT_ALT_NAME).lint());
    }
}
