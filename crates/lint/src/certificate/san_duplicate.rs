//! subjectAltName has each name once.

use crate::report::quoted;
use crate::view::certificate::Certificate;
use crate::view::extension::duplicate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "san_duplicate",
    severity: Severity::Notice,
    citation: "RFC 5280 section 4.2.1.6",
    summary: "subjectAltName has each name once.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let name = duplicate(certificate.alt_names()?.ders())?;
    // Short names start with two octets of tag and length.
    Some(format!(
        "subjectAltName has a name twice: {}",
        quoted(name.get(2..).unwrap_or(name))
    ))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, dns, email};

    use super::RULE;

    #[test]
    fn different_names_pass() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with_names(&[dns("a.example"), email("a.example")])
                .lint(),
        );
    }

    #[test]
    fn a_name_twice_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with_names(&[dns("a.example"), dns("b.example"), dns("a.example")])
                .lint(),
        );
    }
}
