//! keyCertSign is set for CAs, and only for them.

use crate::view::certificate::Certificate;
use crate::view::extension::KeyUsage;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "key_cert_sign_unlike_ca",
    severity: Severity::Error,
    citation: "RFC 5280 sections 4.2.1.3 and 4.2.1.9",
    summary: "keyCertSign is set for CAs, and only for them.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let signs = certificate.key_usage()?.any(KeyUsage::KEY_CERT_SIGN);
    match (certificate.is_ca(), signs) {
        (true, false) => Some("a CA has no keyCertSign".into()),
        (false, true) => Some("keyCertSign is set for a subject that is no CA".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, key_usage};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn a_ca_with_it_passes() {
        assert_passes(&RULE, &CertificateParts::issuing_ca().lint());
    }

    #[test]
    fn an_end_entity_without_it_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn a_ca_without_it_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(oid::KEY_USAGE, true, &key_usage(0b100_0000))
                .lint(),
        );
    }

    #[test]
    fn an_end_entity_with_it_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::KEY_USAGE, true, &key_usage(0b10_0001))
                .lint(),
        );
    }
}
