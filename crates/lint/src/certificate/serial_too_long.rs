//! The serial number has at most 20 octets.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "serial_too_long",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.1.2.2",
    summary: "The serial number has at most 20 octets.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let octets = certificate.serial.len();
    (octets > 20).then(|| format!("the serial number has {octets} octets"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes};

    use super::RULE;

    #[test]
    fn twenty_octets_pass() {
        assert_passes(&RULE, &CertificateParts::leaf().serial(&[0x7f; 20]).lint());
    }

    #[test]
    fn twenty_one_are_found() {
        assert_found(&RULE, &CertificateParts::leaf().serial(&[0x7f; 21]).lint());
    }

    #[test]
    fn the_sign_octet_counts() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .serial(&[&[0][..], &[0xff; 20]].concat())
                .lint(),
        );
    }
}
