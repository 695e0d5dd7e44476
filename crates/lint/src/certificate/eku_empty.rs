//! Where there is extKeyUsage, it lists a purpose.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "eku_empty",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.12",
    summary: "Where there is extKeyUsage, it lists a purpose.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    certificate
        .known
        .extended_key_usage
        .value?
        .is_empty()
        .then(|| "extKeyUsage is an empty list".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn a_purpose_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn an_empty_list_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::EXTENDED_KEY_USAGE, false, &seq(&[]))
                .lint(),
        );
    }
}
