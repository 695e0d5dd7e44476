//! Supported extensions of entries are well-formed.
//!
//! An invalidityDate is a GeneralizedTime whatever its year.

use crate::view::crl::{Crl, Entry};
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_entry_extension_malformed",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.3",
    summary: "Extensions of entries that are known here have the structure that they should have.",
    check: Check::CrlEntry(check),
};

fn check(_crl: &Crl<'_>, entry: &Entry<'_>) -> Option<String> {
    let (oid, malformed) = entry.faults.malformed?;
    Some(format!("{oid}: {malformed}"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, extension, integer, utc};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn well_formed_ones_pass() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn a_reason_of_another_type_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .entry_with(&[extension(oid::REASON_CODE, false, &integer(&[1]))])
                .lint(),
        );
    }

    #[test]
    fn an_invalidity_date_in_utc_time_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .entry_with(&[extension(oid::INVALIDITY_DATE, false, &utc("250101000000Z"))])
                .lint(),
        );
    }
}
