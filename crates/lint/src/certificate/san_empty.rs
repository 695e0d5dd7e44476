//! Where there is subjectAltName, it has a name.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "san_empty",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.6",
    summary: "Where there is subjectAltName, it has a name.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    certificate
        .alt_names()?
        .is_empty()
        .then(|| "subjectAltName is an empty list".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes};

    use super::RULE;

    #[test]
    fn a_name_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn an_empty_list_is_found() {
        assert_found(&RULE, &CertificateParts::leaf().with_names(&[]).lint());
    }
}
