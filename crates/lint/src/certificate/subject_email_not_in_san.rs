//! An e-mail address in the subject is in subjectAltName too.
//!
//! RFC 5280 requires addresses there, and tolerates emailAddress for old software. Only a warning, because existing
//! authorities write such subjects although no software reads the address from them.

use crate::report::{first_few, quoted};
use crate::view::certificate::Certificate;
use crate::view::oid;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "subject_email_not_in_san",
    severity: Severity::Warning,
    citation: "RFC 5280 section 4.1.2.6",
    summary: "An e-mail address in the subject is in subjectAltName too.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    // Bounds the work for crafted names with many attributes.
    const MOST: usize = 64;
    let names = certificate.alt_names();
    let is_listed =
        |address: &[u8]| names.is_some_and(|names| names.emails().any(|name| name.eq_ignore_ascii_case(address)));
    let addresses = certificate
        .subject
        .values(oid::EMAIL_ADDRESS)
        .map(|value| value.content)
        .take(MOST);
    first_few(addresses.filter(|&address| !is_listed(address)).map(|address| {
        format!(
            "the subject's e-mail address {} is not in subjectAltName",
            quoted(address)
        )
    }))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, email};
    use crate::view::oid;
    use chancery_x509::tlv::tag;

    use super::RULE;

    #[test]
    fn a_listed_one_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::EMAIL_ADDRESS, tag::IA5_STRING, b"a@example.com")
                .with_names(&[email("a@example.com")])
                .lint(),
        );
    }

    #[test]
    fn another_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::EMAIL_ADDRESS, tag::IA5_STRING, b"a@example.com")
                .with_names(&[email("b@example.com")])
                .lint(),
        );
    }
}
