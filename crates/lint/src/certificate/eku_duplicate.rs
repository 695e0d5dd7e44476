//! extKeyUsage lists each purpose once.

use crate::view::certificate::Certificate;
use crate::view::extension::duplicate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "eku_duplicate",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.12",
    summary: "extKeyUsage lists each purpose once.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let purposes = certificate.known.extended_key_usage.value?;
    duplicate(purposes.ders()).map(|_| "extKeyUsage lists a purpose twice".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, oid, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn two_purposes_pass() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::EXTENDED_KEY_USAGE,
                    false,
                    &seq(&[&oid(oid::SERVER_AUTH), &oid(oid::CLIENT_AUTH)]),
                )
                .lint(),
        );
    }

    #[test]
    fn one_twice_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::EXTENDED_KEY_USAGE,
                    false,
                    &seq(&[&oid(oid::SERVER_AUTH), &oid(oid::SERVER_AUTH)]),
                )
                .lint(),
        );
    }
}
