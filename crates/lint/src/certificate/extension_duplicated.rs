//! Each extension occurs once.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "extension_duplicated",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2",
    summary: "Each extension is there once.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    certificate
        .extensions?
        .duplicate()
        .map(|oid| format!("{oid} is there twice"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, key_usage};
    use crate::view::oid;
    use crate::view::oid::Oid;

    use super::RULE;

    #[test]
    fn each_once_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn a_second_one_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with_another(oid::KEY_USAGE, &key_usage(1))
                .lint(),
        );
    }

    #[test]
    fn long_lists_are_searched_too() {
        let many = (0..100).fold(CertificateParts::leaf(), |parts, n| {
            parts.with(Oid(&[0x2a, n]), false, &[5, 0])
        });
        assert_passes(&RULE, &many.lint());
        assert_found(&RULE, &many.with_another(Oid(&[0x2a, 50]), &[5, 0]).lint());
    }
}
