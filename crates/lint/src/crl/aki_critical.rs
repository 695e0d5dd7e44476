//! authorityKeyIdentifier is not critical.

use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_aki_critical",
    severity: Severity::Error,
    citation: "RFC 5280 sections 4.2.1.1 and 5.2.1",
    summary: "authorityKeyIdentifier is not critical.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    crl.known
        .authority_key_identifier
        .critical
        .then(|| "authorityKeyIdentifier is critical".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, key_identifier};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn not_critical_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn critical_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .with(oid::AUTHORITY_KEY_IDENTIFIER, true, &key_identifier(&[1; 20]))
                .lint(),
        );
    }
}
