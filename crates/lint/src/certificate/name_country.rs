//! A country is two letters in a PrintableString.

use crate::report::{first_few, quoted};
use crate::view::certificate::Certificate;
use crate::view::oid;
use crate::{Check, Rule, Severity};
use chancery_x509::tlv::tag;

pub(super) const RULE: Rule = Rule {
    name: "name_country",
    severity: Severity::Error,
    citation: "RFC 5280 appendix A.1",
    summary: "A country is two letters in a PrintableString.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let countries = certificate.own_names().flat_map(|name| name.values(oid::COUNTRY));
    first_few(countries.filter_map(|country| {
        let is_code = matches!(country.content, [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic());
        let fine = is_code && country.tag == tag::PRINTABLE_STRING;
        (!fine).then(|| {
            format!(
                "the country {} is not two letters in a PrintableString",
                quoted(country.content)
            )
        })
    }))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes};
    use crate::view::oid;
    use chancery_x509::tlv::tag;

    use super::RULE;

    #[test]
    fn two_letters_pass() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::COUNTRY, tag::PRINTABLE_STRING, b"DE")
                .lint(),
        );
    }

    #[test]
    fn three_letters_are_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::COUNTRY, tag::PRINTABLE_STRING, b"DEU")
                .lint(),
        );
    }

    #[test]
    fn a_digit_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::COUNTRY, tag::PRINTABLE_STRING, b"D1")
                .lint(),
        );
    }

    #[test]
    fn utf_8_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::COUNTRY, tag::UTF8_STRING, b"DE")
                .lint(),
        );
    }
}
