//! A CA below another is within the other's pathLenConstraint.

use crate::view::certificate::Certificate;
use crate::view::issuer::IssuerView;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "path_too_long",
    severity: Severity::Error,
    citation: "RFC 5280 sections 4.2.1.9 and 6.1.4",
    summary: "A CA below another is within the other's pathLenConstraint.",
    check: Check::Issued(check),
};

fn check(certificate: &Certificate<'_>, issuer: &IssuerView) -> Option<String> {
    // Self-issued certificates do not count.
    if !certificate.is_ca() || certificate.is_self_issued() {
        return None;
    }
    let above = issuer.path_len?;
    match certificate.known.basic_constraints.value?.path_len {
        _ if above == 0 => Some("the CA's pathLenConstraint of 0 allows no CA below it".into()),
        None => Some(format!("there is no pathLenConstraint below one of {above}")),
        Some(own) if own >= above => Some(format!("the pathLenConstraint is {own} below one of {above}")),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, common_name, integer, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn an_unconstrained_ca_above_passes() {
        assert_passes(&RULE, &CertificateParts::issuing_ca().lint());
    }

    #[test]
    fn end_entities_do_not_count() {
        assert_passes(&RULE, &CertificateParts::leaf().lint());
    }

    #[test]
    fn a_root_does_not_count_itself() {
        assert_passes(
            &RULE,
            &CertificateParts {
                issuer: common_name("Example Issuing CA"),
                ..CertificateParts::issuing_ca()
            }
            .under(&CertificateParts::issuing_ca())
            .lint(),
        );
    }

    #[test]
    fn a_ca_below_zero_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca()
                .under(&CertificateParts::issuing_ca())
                .lint(),
        );
    }

    #[test]
    fn the_constraint_shrinks_on_the_way_down() {
        let with_length = |length: u8| {
            CertificateParts::issuing_ca().with(
                oid::BASIC_CONSTRAINTS,
                true,
                &seq(&[&[1, 1, 0xff], &integer(&[length])]),
            )
        };
        assert_passes(&RULE, &with_length(1).under(&with_length(2)).lint());
        assert_found(&RULE, &with_length(2).under(&with_length(2)).lint());
        let unconstrained = CertificateParts::issuing_ca().with(oid::BASIC_CONSTRAINTS, true, &seq(&[&[1, 1, 0xff]]));
        assert_found(&RULE, &unconstrained.under(&with_length(2)).lint());
    }
}
