//! Supported extensions are well-formed.

use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_extension_malformed",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.2",
    summary: "Extensions that are known here have the structure that they should have.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    let (oid, malformed) = crl.known.faults.malformed?;
    Some(format!("{oid}: {malformed}"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, implicit, octet_string, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn well_formed_ones_pass() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn another_type_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .with(oid::CRL_NUMBER, false, &octet_string(&[7]))
                .lint(),
        );
    }

    #[test]
    fn a_written_out_default_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .with(oid::ISSUING_DISTRIBUTION_POINT, true, &seq(&[&implicit(1, &[0])]))
                .lint(),
        );
    }
}
