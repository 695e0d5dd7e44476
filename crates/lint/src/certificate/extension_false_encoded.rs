//! An extension's critical field is omitted if it is FALSE.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "extension_false_encoded",
    severity: Severity::Error,
    citation: "X.690 section 11.5",
    summary: "An extension's critical is left out where it is FALSE.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let oid = certificate.extensions?.false_encoded?;
    Some(format!("{oid} writes critical out as FALSE, its default"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, extension_with_false, octet_string};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn left_out_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn false_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with_raw(
                    oid::SUBJECT_KEY_IDENTIFIER,
                    extension_with_false(oid::SUBJECT_KEY_IDENTIFIER, &octet_string(&[1])),
                )
                .lint(),
        );
    }
}
