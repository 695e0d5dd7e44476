//! subjectDirectoryAttributes and subjectInfoAccess are not critical.

use crate::view::certificate::Certificate;
use crate::view::oid;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "extension_critical_forbidden",
    severity: Severity::Error,
    citation: "RFC 5280 sections 4.2.1.8 and 4.2.2.2",
    summary: "subjectDirectoryAttributes and subjectInfoAccess are not critical.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let mut extensions = certificate.extensions?.iter();
    let is_forbidden = |oid| matches!(oid, oid::SUBJECT_DIRECTORY_ATTRIBUTES | oid::SUBJECT_INFO_ACCESS);
    let found = extensions.find(|extension| extension.critical && is_forbidden(extension.oid))?;
    Some(format!("{} is critical", found.oid))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, oid, seq, uri};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn not_critical_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::SUBJECT_INFO_ACCESS,
                    false,
                    &seq(&[&seq(&[&oid(oid::AD_CA_ISSUERS), &uri("http://a.example/b")])]),
                )
                .lint(),
        );
    }

    #[test]
    fn critical_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::SUBJECT_INFO_ACCESS,
                    true,
                    &seq(&[&seq(&[&oid(oid::AD_CA_ISSUERS), &uri("http://a.example/b")])]),
                )
                .lint(),
        );
    }
}
