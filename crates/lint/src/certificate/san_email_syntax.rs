//! E-mail addresses are mailboxes: no display name, no angle brackets, no UTF-8.

use crate::report::{first_few, quoted};
use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity, syntax};

pub(super) const RULE: Rule = Rule {
    name: "san_email_syntax",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.6, RFC 5321 section 4.1.2",
    summary: "E-mail addresses are mailboxes: no display name, no angle brackets, no UTF-8.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    first_few(certificate.alt_names()?.emails().filter_map(|address| {
        let fault = syntax::email_fault(address)?;
        Some(format!("the e-mail address {} {fault}", quoted(address)))
    }))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, email};

    use super::RULE;

    #[test]
    fn a_mailbox_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with_names(&[email("first.last+tag@example.com")])
                .lint(),
        );
    }

    #[test]
    fn a_missing_at_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf().with_names(&[email("example.com")]).lint(),
        );
    }

    #[test]
    fn a_display_name_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with_names(&[email("A <a@example.com>")])
                .lint(),
        );
    }

    #[test]
    fn utf_8_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with_names(&[email("bücher@example.com")])
                .lint(),
        );
    }
}
