//! extKeyUsage with timeStamping is critical and has no other purpose.
//!
//! Time-stamping clients refuse the certificate otherwise; for all others it is an ordinary one.

use crate::view::certificate::Certificate;
use crate::view::oid;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "eku_time_stamping",
    severity: Severity::Warning,
    citation: "RFC 3161 section 2.3",
    summary: "extKeyUsage with timeStamping is critical and has no other purpose.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let usage = certificate.known.extended_key_usage;
    if !certificate.has_purpose(oid::TIME_STAMPING) {
        return None;
    }
    let alone = usage.value?.iter().all(|purpose| purpose == oid::TIME_STAMPING);
    (!usage.critical || !alone).then(|| "timeStamping is not alone in a critical extKeyUsage".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, oid, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn alone_and_critical_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::EXTENDED_KEY_USAGE, true, &seq(&[&oid(oid::TIME_STAMPING)]))
                .lint(),
        );
    }

    #[test]
    fn not_critical_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(oid::EXTENDED_KEY_USAGE, false, &seq(&[&oid(oid::TIME_STAMPING)]))
                .lint(),
        );
    }

    #[test]
    fn another_beside_it_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::EXTENDED_KEY_USAGE,
                    true,
                    &seq(&[&oid(oid::TIME_STAMPING), &oid(oid::SERVER_AUTH)]),
                )
                .lint(),
        );
    }
}
