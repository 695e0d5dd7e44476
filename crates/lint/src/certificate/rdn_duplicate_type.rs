//! An RDN has each attribute type once.

use crate::report::first_few;
use crate::view::certificate::Certificate;
use crate::view::extension::duplicate;
use crate::view::oid::Oid;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "rdn_duplicate_type",
    severity: Severity::Error,
    citation: "X.501 section 9.3",
    summary: "An RDN has each attribute type once.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    first_few(certificate.own_names().flat_map(|name| name.rdns()).filter_map(|rdn| {
        let kind = duplicate(rdn.attributes().map(|attribute| attribute.kind.0))?;
        Some(format!("{} is twice in one RDN", Oid(kind)))
    }))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, attribute, seq, tlv};
    use crate::view::oid;
    use chancery_x509::tlv::tag;

    use super::RULE;

    #[test]
    fn types_once_pass_and_twice_are_found() {
        let rdn = |kind| {
            let (low, high) = (
                attribute(oid::COMMON_NAME, tag::UTF8_STRING, b"a"),
                attribute(kind, tag::UTF8_STRING, b"b"),
            );
            CertificateParts::leaf()
                .subject(seq(&[&tlv(tag::SET, &[&low, &high])]))
                .lint()
        };
        assert_passes(&RULE, &rdn(oid::ORGANIZATION));
        assert_found(&RULE, &rdn(oid::COMMON_NAME));
    }

    #[test]
    fn the_same_type_in_several_rdns_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::COMMON_NAME, tag::UTF8_STRING, b"other")
                .lint(),
        );
    }
}
