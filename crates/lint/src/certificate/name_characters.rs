//! Strings in names only have characters that their types have.

use crate::report::{first_few, quoted};
use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};
use chancery_x509::tlv::tag;

pub(super) const RULE: Rule = Rule {
    name: "name_characters",
    severity: Severity::Error,
    citation: "X.680 section 41",
    summary: "Strings in names only have characters that their types have.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let attributes = certificate.own_names().flat_map(|name| name.attributes());
    first_few(attributes.filter_map(|attribute| {
        let value = attribute.value.content;
        let fine = match attribute.value.tag {
            tag::PRINTABLE_STRING => value.iter().copied().all(is_printable),
            tag::IA5_STRING => value.is_ascii(),
            tag::UTF8_STRING => std::str::from_utf8(value).is_ok(),
            tag::BMP_STRING => value.len() % 2 == 0,
            tag::UNIVERSAL_STRING => value.len() % 4 == 0,
            _ => true,
        };
        (!fine).then(|| {
            format!(
                "{} has characters that its string type has not: {}",
                attribute.kind,
                quoted(value)
            )
        })
    }))
}

fn is_printable(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&octet)
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes};
    use crate::view::oid;
    use chancery_x509::tlv::tag;

    use super::RULE;

    #[test]
    fn printable_characters_pass() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::ORGANIZATION, tag::PRINTABLE_STRING, b"Example (1), Ltd.")
                .lint(),
        );
    }

    #[test]
    fn an_ampersand_is_found_in_a_printable_string() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::ORGANIZATION, tag::PRINTABLE_STRING, b"A & B")
                .lint(),
        );
    }

    #[test]
    fn an_umlaut_is_found_in_an_ia5_string() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::EMAIL_ADDRESS, tag::IA5_STRING, b"\xfc@example.com")
                .lint(),
        );
    }
}
