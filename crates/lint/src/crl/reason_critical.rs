//! reasonCode is not critical.

use crate::view::crl::{Crl, Entry};
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_reason_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.3.1",
    summary: "reasonCode is not critical.",
    check: Check::CrlEntry(check),
};

fn check(_crl: &Crl<'_>, entry: &Entry<'_>) -> Option<String> {
    entry.reason.critical.then(|| "its reasonCode is critical".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, extension, reason};
    use crate::view::oid;
    use chancery_x509::tlv::tag;

    use super::RULE;

    #[test]
    fn not_critical_passes() {
        assert_passes(&RULE, &CrlParts::full().entry_with(&[reason(1)]).lint());
    }

    #[test]
    fn critical_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .entry_with(&[extension(oid::REASON_CODE, true, &[tag::ENUMERATED, 1, 1])])
                .lint(),
        );
    }
}
