//! The issuer is not empty.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "issuer_empty",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.1.2.4",
    summary: "The issuer is not empty.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    certificate
        .issuer
        .is_empty()
        .then(|| "the issuer has no attribute".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, name};

    use super::RULE;

    #[test]
    fn a_name_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn an_empty_one_is_found() {
        assert_found(
            &RULE,
            &CertificateParts {
                issuer: name(&[]),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }
}
