//! extKeyUsage with anyExtendedKeyUsage is not critical.

use crate::view::certificate::Certificate;
use crate::view::oid;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "eku_any_critical",
    severity: Severity::Warning,
    citation: "RFC 5280 section 4.2.1.12",
    summary: "extKeyUsage with anyExtendedKeyUsage is not critical.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    (certificate.known.extended_key_usage.critical && certificate.has_purpose(oid::ANY_EXTENDED_KEY_USAGE))
        .then(|| "extKeyUsage has anyExtendedKeyUsage and is critical".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, oid, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn not_critical_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::EXTENDED_KEY_USAGE,
                    false,
                    &seq(&[&oid(oid::ANY_EXTENDED_KEY_USAGE)]),
                )
                .lint(),
        );
    }

    #[test]
    fn critical_without_any_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::EXTENDED_KEY_USAGE, true, &seq(&[&oid(oid::SERVER_AUTH)]))
                .lint(),
        );
    }

    #[test]
    fn critical_with_any_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::EXTENDED_KEY_USAGE,
                    true,
                    &seq(&[&oid(oid::ANY_EXTENDED_KEY_USAGE)]),
                )
                .lint(),
        );
    }
}
