//! Attribute values in names are not empty, and no longer than their upper bounds.

use crate::report::first_few;
use crate::view::certificate::Certificate;
use crate::view::name::Attribute;
use crate::view::oid;
use crate::view::oid::Oid;
use crate::{Check, Rule, Severity};
use chancery_x509::tlv::tag;

pub(super) const RULE: Rule = Rule {
    name: "name_value_length",
    severity: Severity::Error,
    citation: "RFC 5280 appendix A.1",
    summary: "Attribute values in names are not empty, and no longer than their upper bounds.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let attributes = certificate.own_names().flat_map(|name| name.attributes());
    first_few(attributes.filter_map(|attribute| {
        let characters = characters(&attribute);
        let limit = upper_bound(attribute.kind);
        if characters > 0 && limit.is_none_or(|limit| characters <= limit) {
            return None;
        }
        Some(match limit {
            Some(limit) => format!(
                "{} has {characters} characters, 1 to {limit} are allowed",
                attribute.kind
            ),
            None => format!("{} is empty", attribute.kind),
        })
    }))
}

/// Most characters of an attribute's value; `None` if no bound is known.
fn upper_bound(kind: Oid<'_>) -> Option<usize> {
    match kind {
        oid::COUNTRY => Some(2),
        oid::POSTAL_CODE => Some(40),
        oid::COMMON_NAME | oid::SERIAL_NUMBER | oid::ORGANIZATION | oid::ORGANIZATIONAL_UNIT | oid::TITLE => Some(64),
        oid::DOMAIN_COMPONENT => Some(63),
        oid::LOCALITY | oid::STATE | oid::STREET_ADDRESS | oid::BUSINESS_CATEGORY | oid::PSEUDONYM => Some(128),
        oid::EMAIL_ADDRESS => Some(255),
        oid::NAME | oid::SURNAME | oid::GIVEN_NAME | oid::INITIALS | oid::GENERATION_QUALIFIER => Some(32_768),
        _ => None,
    }
}

fn characters(attribute: &Attribute<'_>) -> usize {
    let value = attribute.value.content;
    match attribute.value.tag {
        // Continuation octets of UTF-8 start with the bits 10.
        tag::UTF8_STRING => value.iter().filter(|&octet| octet & 0xc0 != 0x80).count(),
        tag::BMP_STRING => value.len() / 2,
        tag::UNIVERSAL_STRING => value.len() / 4,
        _ => value.len(),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, common_name, directory};
    use crate::view::oid;
    use chancery_x509::tlv::tag;

    use super::RULE;

    #[test]
    fn sixty_four_characters_pass() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::ORGANIZATION, tag::UTF8_STRING, "ü".repeat(64).as_bytes())
                .lint(),
        );
    }

    #[test]
    fn sixty_five_are_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::ORGANIZATION, tag::UTF8_STRING, "ü".repeat(65).as_bytes())
                .lint(),
        );
    }

    #[test]
    fn an_empty_value_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::ORGANIZATION, tag::UTF8_STRING, b"")
                .lint(),
        );
    }

    #[test]
    fn names_in_the_san_count_too() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with_names(&[directory(&common_name(&"a".repeat(65)))])
                .lint(),
        );
    }
}
