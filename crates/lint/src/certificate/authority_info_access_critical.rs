//! authorityInfoAccess is not critical.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "authority_info_access_critical",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.2.1",
    summary: "authorityInfoAccess is not critical.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    certificate
        .known
        .authority_info_access
        .critical
        .then(|| "authorityInfoAccess is critical".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, oid, seq, uri};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn not_critical_passes() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn critical_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::AUTHORITY_INFO_ACCESS,
                    true,
                    &seq(&[&seq(&[&oid(oid::AD_OCSP), &uri("http://ocsp.example.com")])]),
                )
                .lint(),
        );
    }
}
