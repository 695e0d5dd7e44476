//! extKeyUsage limits the key's purposes.

use crate::view::certificate::Certificate;
use crate::view::oid;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "eku_any",
    severity: Severity::Notice,
    citation: "RFC 5280 section 4.2.1.12",
    summary: "extKeyUsage limits the key's purposes.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    certificate
        .has_purpose(oid::ANY_EXTENDED_KEY_USAGE)
        .then(|| "extKeyUsage has anyExtendedKeyUsage".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, oid, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn a_purpose_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn any_is_found() {
        assert_found(
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
}
