//! encipherOnly and decipherOnly go with keyAgreement, and not with each other.

use crate::view::certificate::Certificate;
use crate::view::extension::KeyUsage;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "key_usage_encipher_only",
    severity: Severity::Error,
    citation: "RFC 3279 section 2.3.3, RFC 5280 section 4.2.1.3",
    summary: "encipherOnly and decipherOnly go with keyAgreement, and not with each other.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let usage = certificate.key_usage()?;
    let (encipher, decipher) = (usage.any(KeyUsage::ENCIPHER_ONLY), usage.any(KeyUsage::DECIPHER_ONLY));
    match usage.any(KeyUsage::KEY_AGREEMENT) {
        _ if encipher && decipher => Some("keyUsage has both encipherOnly and decipherOnly".into()),
        false if encipher || decipher => {
            Some("keyUsage has encipherOnly or decipherOnly without keyAgreement, which means nothing".into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, key_usage};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn neither_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn one_with_key_agreement_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::KEY_USAGE, true, &key_usage(0b1001_0000))
                .lint(),
        );
    }

    #[test]
    fn one_alone_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::KEY_USAGE, true, &key_usage(0b1000_0001))
                .lint(),
        );
    }

    #[test]
    fn both_are_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::KEY_USAGE, true, &key_usage(0b1_1001_0000))
                .lint(),
        );
    }
}
