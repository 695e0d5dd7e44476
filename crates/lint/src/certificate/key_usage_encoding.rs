//! keyUsage ends with its last set bit, and sets no bit that has no meaning.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "key_usage_encoding",
    severity: Severity::Error,
    citation: "X.690 section 11.2.2, RFC 5280 section 4.2.1.3",
    summary: "keyUsage ends with its last set bit, and sets no bit that has no meaning.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let usage = certificate.key_usage()?;
    if usage.unknown_bits {
        return Some("keyUsage has bits set beyond decipherOnly (8)".into());
    }
    (!usage.minimal).then(|| "keyUsage has zero bits at its end, which named bits do not have in DER".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, bit_string, key_usage};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn the_fewest_bits_pass() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn nine_bits_pass() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::KEY_USAGE, true, &key_usage(0b1_0001_0000))
                .lint(),
        );
    }

    #[test]
    fn zeros_at_the_end_are_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::KEY_USAGE, true, &bit_string(&[0x80]))
                .lint(),
        );
    }

    #[test]
    fn a_tenth_bit_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::KEY_USAGE, true, &key_usage(0b10_0000_0001))
                .lint(),
        );
    }
}
