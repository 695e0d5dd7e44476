//! Every critical extension is known to this module: software that does not support one must refuse the certificate.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "extension_critical_unknown",
    severity: Severity::Warning,
    citation: "RFC 5280 section 4.2",
    summary: "Every critical extension is known to this linter; software that does not support one must refuse the certificate.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    certificate
        .known
        .faults
        .unknown_critical
        .map(|oid| format!("{oid} is critical, and not among those that most readers know"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes};
    use crate::view::oid::Oid;

    use super::RULE;

    #[test]
    fn an_unknown_one_that_is_not_critical_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf().with(Oid(&[0x2a, 3]), false, &[5, 0]).lint(),
        );
    }

    #[test]
    fn a_critical_one_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf().with(Oid(&[0x2a, 3]), true, &[5, 0]).lint(),
        );
    }
}
