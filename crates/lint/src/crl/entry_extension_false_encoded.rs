//! The critical field of an entry's extension is omitted if it is FALSE.

use crate::view::crl::{Crl, Entry};
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_entry_extension_false_encoded",
    severity: Severity::Error,
    citation: "X.690 section 11.5",
    summary: "The critical of an entry's extension is left out where it is FALSE.",
    check: Check::CrlEntry(check),
};

fn check(_crl: &Crl<'_>, entry: &Entry<'_>) -> Option<String> {
    let oid = entry.extensions?.false_encoded?;
    Some(format!("{oid} writes critical out as FALSE, its default"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, extension_with_false};
    use crate::view::oid;
    use chancery_x509::tlv::tag;

    use super::RULE;

    #[test]
    fn left_out_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn false_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .entry_with(&[extension_with_false(oid::REASON_CODE, &[tag::ENUMERATED, 1, 1])])
                .lint(),
        );
    }
}
