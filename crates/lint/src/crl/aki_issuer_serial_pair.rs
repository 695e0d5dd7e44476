//! authorityKeyIdentifier has authorityCertIssuer and authorityCertSerialNumber both, or neither.

use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_aki_issuer_serial_pair",
    severity: Severity::Error,
    citation: "RFC 5280 sections 4.2.1.1 and 5.2.1",
    summary: "authorityKeyIdentifier has authorityCertIssuer and authorityCertSerialNumber both, or neither.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    let identifier = crl.known.authority_key_identifier.value?;
    (identifier.has_issuer != identifier.has_serial)
        .then(|| "authorityKeyIdentifier has one of authorityCertIssuer and authorityCertSerialNumber".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, implicit, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn neither_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn a_serial_alone_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .with(
                    oid::AUTHORITY_KEY_IDENTIFIER,
                    false,
                    &seq(&[&implicit(0, &[1; 20]), &implicit(2, &[1])]),
                )
                .lint(),
        );
    }
}
