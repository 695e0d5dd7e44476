//! cRLNumber is not negative, and has at most 20 octets.

use crate::report::hex;
use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_number_range",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.2.3",
    summary: "cRLNumber is not negative, and has at most 20 octets.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    let number = crl.known.number.value?;
    let negative = number.first().is_some_and(|first| first & 0x80 != 0);
    (negative || number.len() > 20).then(|| format!("cRLNumber is {} in hexadecimal", hex(number)))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, integer};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn zero_passes() {
        assert_passes(
            &RULE,
            &CrlParts::full().with(oid::CRL_NUMBER, false, &integer(&[0])).lint(),
        );
    }

    #[test]
    fn twenty_octets_pass() {
        assert_passes(
            &RULE,
            &CrlParts::full()
                .with(oid::CRL_NUMBER, false, &integer(&[0x7f; 20]))
                .lint(),
        );
    }

    #[test]
    fn a_negative_one_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full().with(oid::CRL_NUMBER, false, &integer(&[0xff])).lint(),
        );
    }

    #[test]
    fn twenty_one_octets_are_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .with(oid::CRL_NUMBER, false, &integer(&[0x7f; 21]))
                .lint(),
        );
    }
}
