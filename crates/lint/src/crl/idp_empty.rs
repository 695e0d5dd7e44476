//! issuingDistributionPoint limits something.

use crate::view::crl::Crl;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "crl_idp_empty",
    severity: Severity::Error,
    citation: "RFC 5280 section 5.2.5",
    summary: "issuingDistributionPoint limits something.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    let point = crl.known.issuing_distribution_point.value?;
    let limits = point.name.is_some() || point.only_contains > 0 || point.only_some_reasons || point.indirect;
    (!limits).then(|| "issuingDistributionPoint is an empty sequence".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, explicit, seq, uri};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn a_name_passes() {
        assert_passes(
            &RULE,
            &CrlParts::full()
                .with(
                    oid::ISSUING_DISTRIBUTION_POINT,
                    true,
                    &seq(&[&explicit(0, &[&explicit(0, &[&uri("http://a/b.crl")])])]),
                )
                .lint(),
        );
    }

    #[test]
    fn nothing_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .with(oid::ISSUING_DISTRIBUTION_POINT, true, &seq(&[]))
                .lint(),
        );
    }
}
