//! IP addresses have 4 or 16 octets.

use crate::report::first_few;
use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "san_ip_length",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.6",
    summary: "IP addresses have 4 or 16 octets.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let wrong = |address: &&[u8]| !matches!(address.len(), 4 | 16);
    first_few(
        certificate
            .alt_names()?
            .ips()
            .filter(wrong)
            .map(|address| format!("an IP address has {} octets", address.len())),
    )
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, ip};

    use super::RULE;

    #[test]
    fn both_versions_pass() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with_names(&[ip(&[192, 0, 2, 1]), ip(&[0x20; 16])])
                .lint(),
        );
    }

    #[test]
    fn five_octets_are_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf().with_names(&[ip(&[192, 0, 2, 1, 0])]).lint(),
        );
    }

    #[test]
    fn a_network_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with_names(&[ip(&[192, 0, 2, 0, 255, 255, 255, 0])])
                .lint(),
        );
    }
}
