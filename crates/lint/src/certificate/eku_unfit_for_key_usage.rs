//! keyUsage allows what the purposes in extKeyUsage need.

use crate::report::first_few;
use crate::view::certificate::Certificate;
use crate::view::extension::KeyUsage;
use crate::view::oid;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "eku_unfit_for_key_usage",
    severity: Severity::Warning,
    citation: "RFC 5280 section 4.2.1.12",
    summary: "keyUsage allows what the purposes in extKeyUsage need.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    const SIGNS: u16 = KeyUsage::DIGITAL_SIGNATURE | KeyUsage::CONTENT_COMMITMENT;
    const KEYS: u16 = KeyUsage::KEY_ENCIPHERMENT | KeyUsage::KEY_AGREEMENT;
    let usage = certificate.key_usage()?;
    // A CA's extKeyUsage applies to the certificates below it.
    if certificate.is_ca() {
        return None;
    }
    let purposes = certificate.known.extended_key_usage.value?;
    first_few(purposes.iter().filter_map(|purpose| {
        let needed = match purpose {
            oid::SERVER_AUTH => KeyUsage::DIGITAL_SIGNATURE | KEYS,
            oid::CLIENT_AUTH => KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_AGREEMENT,
            oid::CODE_SIGNING => KeyUsage::DIGITAL_SIGNATURE,
            oid::EMAIL_PROTECTION => SIGNS | KEYS,
            oid::TIME_STAMPING | oid::OCSP_SIGNING => SIGNS,
            _ => return None,
        };
        (!usage.any(needed)).then(|| format!("keyUsage allows nothing of what {purpose} needs"))
    }))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, key_usage, oid, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn signing_passes_for_servers() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn key_encipherment_passes_for_servers() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::KEY_USAGE, true, &key_usage(0b100))
                .lint(),
        );
    }

    #[test]
    fn key_encipherment_is_found_for_clients() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::KEY_USAGE, true, &key_usage(0b100))
                .with(oid::EXTENDED_KEY_USAGE, false, &seq(&[&oid(oid::CLIENT_AUTH)]))
                .lint(),
        );
    }

    #[test]
    fn key_agreement_is_found_for_code_signing() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::KEY_USAGE, true, &key_usage(0b1_0000))
                .with(oid::EXTENDED_KEY_USAGE, false, &seq(&[&oid(oid::CODE_SIGNING)]))
                .lint(),
        );
    }
}
