//! Where there is a list of extensions, it is not empty.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "extensions_empty",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.1.2.9",
    summary: "Where there is a list of extensions, it is not empty.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    certificate
        .extensions?
        .is_empty()
        .then(|| "the list of extensions is empty".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes};

    use super::RULE;

    #[test]
    fn some_pass() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn an_empty_list_is_found() {
        assert_found(
            &RULE,
            &CertificateParts {
                extensions: Vec::new(),
                empty_extensions: true,
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }
}
