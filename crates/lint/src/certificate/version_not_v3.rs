//! The version is v3, as extensions require.

use crate::report::hex;
use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "version_not_v3",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.1.2.1",
    summary: "The version is v3, as extensions demand.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    match certificate.version {
        Some([2]) => None,
        None => Some("the version is left out, which means v1".into()),
        Some(number) => Some(format!("the version's number is {}, not 2", hex(number))),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, explicit, integer};

    use super::RULE;

    #[test]
    fn v3_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn v2_is_found() {
        assert_found(
            &RULE,
            &CertificateParts {
                version: explicit(0, &[&integer(&[1])]),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }

    #[test]
    fn v1_is_found() {
        assert_found(
            &RULE,
            &CertificateParts {
                version: Vec::new(),
                ..CertificateParts::leaf()
            }
            .lint(),
        );
    }
}
