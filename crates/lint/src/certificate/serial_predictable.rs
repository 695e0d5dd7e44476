//! The serial number has room for 64 random bits.
//!
//! If an attacker can predict the serial number, a collision of the signature's hash can be exploited.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "serial_predictable",
    severity: Severity::Warning,
    citation: "CA/Browser Forum Baseline Requirements section 7.1",
    summary: "The serial number has room for 64 random bits.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let octets = certificate.serial.len();
    (octets < 8).then(|| format!("the serial number has {octets} octets, fewer than 64 bits"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes};

    use super::RULE;

    #[test]
    fn sixteen_octets_pass() {
        assert_passes(&RULE, &CertificateParts::leaf().serial(&[0x5a; 16]).lint());
    }

    #[test]
    fn a_counter_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().serial(&[0x01, 0x02]).lint());
    }
}
