//! keyUsage is critical.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "key_usage_not_critical",
    severity: Severity::Warning,
    citation: "RFC 5280 section 4.2.1.3",
    summary: "keyUsage is critical.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let usage = certificate.known.key_usage;
    (usage.present && !usage.critical).then(|| "keyUsage is not critical".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, key_usage};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn critical_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn not_critical_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::KEY_USAGE, false, &key_usage(1))
                .lint(),
        );
    }
}
