//! pathLenConstraint only occurs for CAs with keyCertSign.

use crate::view::certificate::Certificate;
use crate::view::extension::KeyUsage;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "path_len_without_ca",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.9",
    summary: "pathLenConstraint is there for CAs with keyCertSign only.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    certificate.known.basic_constraints.value?.path_len?;
    let signs = certificate
        .key_usage()
        .is_none_or(|usage| usage.any(KeyUsage::KEY_CERT_SIGN));
    (!certificate.is_ca() || !signs).then(|| "there is a pathLenConstraint, but no CA with keyCertSign".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, integer, key_usage, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn a_ca_passes() {
        assert_passes(&RULE, &CertificateParts::issuing_ca().lint());
    }

    #[test]
    fn an_end_entity_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::BASIC_CONSTRAINTS, true, &seq(&[&integer(&[0])]))
                .lint(),
        );
    }

    #[test]
    fn a_ca_without_key_cert_sign_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(oid::KEY_USAGE, true, &key_usage(0b100_0000))
                .lint(),
        );
    }
}
