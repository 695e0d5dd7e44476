//! The issuer is the CA's subject, octet for octet.

use crate::view::crl::Crl;
use crate::view::issuer::IssuerView;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_issuer_unlike_ca_subject",
    severity: Severity::Error,
    citation: "RFC 5280 sections 5.1.2.3 and 6.3.3",
    summary: "The issuer is the CA's subject, octet for octet.",
    check: Check::CrlIssued(check),
};

fn check(crl: &Crl<'_>, issuer: &IssuerView) -> Option<String> {
    (crl.issuer.der != issuer.subject).then(|| "the issuer differs from the subject of the CA's certificate".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, common_name};

    use super::RULE;

    #[test]
    fn the_same_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn another_is_found() {
        assert_found(
            &RULE,
            &CrlParts {
                issuer: common_name("Example issuing CA"),
                ..CrlParts::full()
            }
            .lint(),
        );
    }
}
