//! authorityKeyIdentifier is present, with keyIdentifier.

use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_aki_missing",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.2.1",
    summary: "There is authorityKeyIdentifier, with keyIdentifier.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    let identifier = crl.known.authority_key_identifier;
    if !identifier.present {
        return Some("there is no authorityKeyIdentifier".into());
    }
    identifier
        .value?
        .key_identifier
        .is_none()
        .then(|| "authorityKeyIdentifier has no keyIdentifier".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn present_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn absent_is_found() {
        assert_found(&RULE, &CrlParts::full().without(oid::AUTHORITY_KEY_IDENTIFIER).lint());
    }

    #[test]
    fn one_without_key_identifier_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .with(oid::AUTHORITY_KEY_IDENTIFIER, false, &seq(&[]))
                .lint(),
        );
    }
}
