//! The CA's certificate makes it a CA that may sign certificates.

use crate::view::certificate::Certificate;
use crate::view::extension::KeyUsage;
use crate::view::issuer::IssuerView;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "issuer_not_ca",
    severity: Severity::Error,
    citation: "RFC 5280 sections 4.2.1.9 and 6.1.4",
    summary: "The CA's certificate makes it a CA that may sign certificates.",
    check: Check::Issued(check),
};

fn check(_certificate: &Certificate<'_>, issuer: &IssuerView) -> Option<String> {
    if !issuer.is_ca {
        return Some("the issuer's certificate is not a CA's".into());
    }
    (!issuer.may(KeyUsage::KEY_CERT_SIGN)).then(|| "the issuer's keyUsage has no keyCertSign".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, key_usage};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn a_ca_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn an_end_entity_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().under(&CertificateParts::leaf()).lint());
    }

    #[test]
    fn a_ca_that_signs_crls_only_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .under(&CertificateParts::issuing_ca().with(oid::KEY_USAGE, true, &key_usage(0b100_0000)))
                .lint(),
        );
    }
}
