//! Attribute values in names are of the string types that their attributes have.
//!
//! PrintableString or UTF8String in general, IA5String for e-mail addresses and domain components, PrintableString for
//! serial numbers and DN qualifiers. Unknown attributes are not checked.

use crate::report::first_few;
use crate::view::certificate::Certificate;
use crate::view::oid;
use crate::{Check, Rule, Severity};
use chancery_x509::tlv::tag;

pub(super) const RULE: Rule = Rule {
    name: "name_string_type",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.1.2.4, appendix A.1",
    summary: "Attribute values in names are of the string types that their attributes have.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let attributes = certificate.own_names().flat_map(|name| name.attributes());
    first_few(attributes.filter_map(|attribute| {
        let wanted = match attribute.kind {
            oid::EMAIL_ADDRESS | oid::DOMAIN_COMPONENT if attribute.value.tag != tag::IA5_STRING => "an IA5String",
            oid::SERIAL_NUMBER | oid::DN_QUALIFIER if attribute.value.tag != tag::PRINTABLE_STRING => {
                "a PrintableString"
            }
            _ if attribute.is_directory_string()
                && !matches!(attribute.value.tag, tag::PRINTABLE_STRING | tag::UTF8_STRING) =>
            {
                "a PrintableString or UTF8String"
            }
            _ => return None,
        };
        Some(format!("{} is not {wanted}", attribute.kind))
    }))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes};
    use crate::view::oid;
    use chancery_x509::tlv::tag;

    use super::RULE;

    #[test]
    fn the_right_types_pass() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::EMAIL_ADDRESS, tag::IA5_STRING, b"a@example.com")
                .lint(),
        );
    }

    #[test]
    fn printable_string_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::ORGANIZATION, tag::PRINTABLE_STRING, b"Example")
                .lint(),
        );
    }

    #[test]
    fn teletex_string_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::ORGANIZATION, tag::TELETEX_STRING, b"Example")
                .lint(),
        );
    }

    #[test]
    fn an_email_address_in_utf_8_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::EMAIL_ADDRESS, tag::UTF8_STRING, b"a@example.com")
                .lint(),
        );
    }

    #[test]
    fn a_serial_number_in_utf_8_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::SERIAL_NUMBER, tag::UTF8_STRING, b"1")
                .lint(),
        );
    }
}
