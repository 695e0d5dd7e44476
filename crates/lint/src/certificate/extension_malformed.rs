//! Supported extensions are well-formed.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "extension_malformed",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2",
    summary: "Extensions that are known here have the structure that they should have.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let (oid, malformed) = certificate.known.faults.malformed?;
    Some(format!("{oid}: {malformed}"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, implicit, integer, octet_string, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn well_formed_ones_pass() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn another_type_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::KEY_USAGE, true, &octet_string(&[1]))
                .lint(),
        );
    }

    #[test]
    fn trailing_octets_are_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::SUBJECT_KEY_IDENTIFIER, false, &[4, 1, 1, 5, 0])
                .lint(),
        );
    }

    #[test]
    fn an_empty_list_of_policies_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::CERTIFICATE_POLICIES, false, &seq(&[]))
                .lint(),
        );
    }

    #[test]
    fn a_negative_path_length_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(oid::BASIC_CONSTRAINTS, true, &seq(&[&[1, 1, 0xff], &integer(&[0xff])]))
                .lint(),
        );
    }

    #[test]
    fn an_unknown_kind_of_name_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().with_names(&[implicit(9, b"a")]).lint());
    }
}
