//! Names have no control characters.
//!
//! They are ignored when names are compared, and mislead readers: a NUL used to truncate host names.

use crate::report::{first_few, quoted};
use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};
use chancery_x509::tlv::tag;

pub(super) const RULE: Rule = Rule {
    name: "name_control_characters",
    severity: Severity::Error,
    citation: "RFC 4518 section 2.2, RFC 5280 section 7.1",
    summary: "Names have no control characters.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let attributes = certificate.own_names().flat_map(|name| name.attributes());
    first_few(attributes.filter_map(|attribute| {
        let value = attribute.value.content;
        let found = match attribute.value.tag {
            tag::UTF8_STRING => std::str::from_utf8(value).is_ok_and(|text| text.chars().any(char::is_control)),
            tag::BMP_STRING => value
                .chunks_exact(2)
                .any(|unit| unit[0] == 0 && char::from(unit[1]).is_control()),
            tag::PRINTABLE_STRING | tag::IA5_STRING | tag::TELETEX_STRING => value.iter().any(u8::is_ascii_control),
            _ => false,
        };
        found.then(|| format!("{} has a control character: {}", attribute.kind, quoted(value)))
    }))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, common_name};
    use crate::view::oid;
    use chancery_x509::tlv::tag;

    use super::RULE;

    #[test]
    fn ordinary_text_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::ORGANIZATION, tag::UTF8_STRING, "Bücher & Söhne".as_bytes())
                .lint(),
        );
    }

    #[test]
    fn a_nul_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .subject(common_name("www.example.com\0.example.org"))
                .lint(),
        );
    }

    #[test]
    fn a_c1_control_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().subject(common_name("a\u{85}b")).lint());
    }

    #[test]
    fn a_line_feed_is_found_in_ia5() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::EMAIL_ADDRESS, tag::IA5_STRING, b"a@example.com\n")
                .lint(),
        );
    }
}
