//! keyUsage allows something.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "key_usage_empty",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.3",
    summary: "keyUsage allows something.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let usage = certificate.key_usage()?;
    (usage.bits == 0 && !usage.unknown_bits).then(|| "keyUsage has no bit set".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, bit_string, key_usage};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn one_bit_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn no_bit_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::KEY_USAGE, true, &key_usage(0))
                .lint(),
        );
    }

    #[test]
    fn zeros_are_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::KEY_USAGE, true, &bit_string(&[0]))
                .lint(),
        );
    }
}
