//! The serial number is a positive integer.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "serial_not_positive",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.1.2.2",
    summary: "The serial number is a positive integer.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let fault = match certificate.serial {
        [0] => "zero",
        [first, ..] if first & 0x80 != 0 => "negative",
        _ => return None,
    };
    Some(format!("the serial number is {fault}"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes};

    use super::RULE;

    #[test]
    fn a_leading_zero_octet_keeps_it_positive() {
        assert_passes(&RULE, &CertificateParts::leaf().serial(&[0, 0x80]).lint());
    }

    #[test]
    fn zero_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().serial(&[0]).lint());
    }

    #[test]
    fn a_negative_one_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().serial(&[0x80, 0]).lint());
    }
}
