//! The CRL is DER, and has the structure of RFC 5280.
//!
//! What cannot be parsed at all is reported before any rule runs, and a malformed entry when it is reached; this one
//! checks every value of the frame that can be parsed.

use crate::report::first_few;
use crate::view::crl::Crl;
use crate::view::der;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_der",
    severity: Severity::Error,
    citation: "X.690 section 10, RFC 5280 section 5.1",
    summary: "The CRL is DER, and has the structure of RFC 5280.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    let extensions = crl.extensions.into_iter().flat_map(|extensions| extensions.iter());
    let values = [crl.inner_algorithm.der, crl.issuer.der, crl.outer_algorithm.der];
    let values = values.into_iter().chain(extensions.map(|extension| extension.value));
    first_few(
        values
            .filter_map(|der| der::check_der(der).err())
            .map(|malformed| malformed.to_string()),
    )
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, entry, integer, seq, utc};
    use crate::view::oid;
    use crate::view::oid::Oid;
    use chancery_x509::tlv::tag;

    use super::RULE;

    #[test]
    fn der_passes() {
        assert_passes(&RULE, &CrlParts::full().lint());
    }

    #[test]
    fn a_padded_integer_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full().with(oid::CRL_NUMBER, false, &integer(&[0, 1])).lint(),
        );
    }

    #[test]
    fn a_padded_serial_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full().entry(entry(&[0, 1], "250301000000Z", &[])).lint(),
        );
    }

    #[test]
    fn a_boolean_other_than_ff_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .with(Oid(&[0x2a, 3]), false, &[tag::BOOLEAN, 1, 1])
                .lint(),
        );
    }

    #[test]
    fn a_foreign_field_in_an_entry_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .entry(seq(&[&integer(&[1]), &utc("250301000000Z"), &integer(&[1])]))
                .lint(),
        );
    }

    #[test]
    fn trailing_and_missing_octets_are_found() {
        let mut der = CrlParts::full().encode();
        der.push(0);
        assert_found(&RULE, &crate::lint_crl(&der, None));
        der.truncate(der.len() - 2);
        assert_found(&RULE, &crate::lint_crl(&der, None));
        assert_found(&RULE, &crate::lint_crl(b"", None));
    }
}
