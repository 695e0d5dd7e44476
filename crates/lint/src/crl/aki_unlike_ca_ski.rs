//! authorityKeyIdentifier is the CA's subjectKeyIdentifier; for a CA without one, the SHA-1 of its key.
//!
//! Many implementations cannot match a CRL of an issuing CA whose identifier is that of the root's key instead.

use crate::report::hex;
use crate::view::crl::Crl;
use crate::view::issuer::IssuerView;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_aki_unlike_ca_ski",
    severity: Severity::Error,
    citation: "RFC 5280 sections 4.2.1.1 and 5.2.1",
    summary: "authorityKeyIdentifier is the CA's subjectKeyIdentifier; for a CA without one, the SHA-1 of its key.",
    check: Check::CrlIssued(check),
};

fn check(crl: &Crl<'_>, issuer: &IssuerView) -> Option<String> {
    let identifier = crl.known.authority_key_identifier.value?.key_identifier?;
    (identifier != issuer.key_identifier).then(|| {
        format!(
            "keyIdentifier is {}, the CA's key is {}",
            hex(identifier),
            hex(&issuer.key_identifier)
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, key_identifier};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn the_same_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn another_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .with(oid::AUTHORITY_KEY_IDENTIFIER, false, &key_identifier(&[1; 20]))
                .lint(),
        );
    }
}
