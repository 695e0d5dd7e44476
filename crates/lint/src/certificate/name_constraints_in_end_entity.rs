//! nameConstraints is in CAs' certificates only.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "name_constraints_in_end_entity",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.10",
    summary: "nameConstraints is in CAs' certificates only.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    (certificate.known.name_constraints.present && !certificate.is_ca())
        .then(|| "nameConstraints is in an end entity's certificate".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, dns, explicit, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn a_ca_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(
                    oid::NAME_CONSTRAINTS,
                    true,
                    &seq(&[&explicit(0, &[&seq(&[&dns("example.com")])])]),
                )
                .lint(),
        );
    }

    #[test]
    fn an_end_entity_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .with(
                    oid::NAME_CONSTRAINTS,
                    true,
                    &seq(&[&explicit(0, &[&seq(&[&dns("example.com")])])]),
                )
                .lint(),
        );
    }
}
