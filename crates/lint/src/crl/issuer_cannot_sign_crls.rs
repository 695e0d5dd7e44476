//! The CA's certificate allows its key to sign CRLs.

use crate::view::crl::Crl;
use crate::view::extension::KeyUsage;
use crate::view::issuer::IssuerView;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_issuer_cannot_sign_crls",
    severity: Severity::Error,
    citation: "RFC 5280 sections 4.2.1.3 and 6.3.3",
    summary: "The CA's certificate allows its key to sign CRLs.",
    check: Check::CrlIssued(check),
};

fn check(_crl: &Crl<'_>, issuer: &IssuerView) -> Option<String> {
    (!issuer.may(KeyUsage::CRL_SIGN)).then(|| "the issuer's keyUsage has no cRLSign".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, CrlParts, assert_found, assert_passes, key_usage};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn a_ca_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn a_ca_without_crl_sign_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .under(&CertificateParts::issuing_ca().with(oid::KEY_USAGE, true, &key_usage(0b10_0000)))
                .lint(),
        );
    }
}
