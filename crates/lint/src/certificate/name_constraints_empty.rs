//! nameConstraints has permitted or excluded subtrees, and neither list is empty.

use crate::view::certificate::Certificate;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "name_constraints_empty",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.10",
    summary: "nameConstraints has permitted or excluded subtrees, and neither list is empty.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let constraints = certificate.known.name_constraints.value?;
    let mut lists = [constraints.permitted, constraints.excluded]
        .into_iter()
        .flatten()
        .peekable();
    if lists.peek().is_none() {
        return Some("nameConstraints has neither permitted nor excluded subtrees".into());
    }
    lists
        .any(|list| list.is_empty())
        .then(|| "nameConstraints has an empty list of subtrees".into())
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, dns, explicit, seq};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn a_subtree_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(
                    oid::NAME_CONSTRAINTS,
                    true,
                    &seq(&[&explicit(1, &[&seq(&[&dns("example.com")])])]),
                )
                .lint(),
        );
    }

    #[test]
    fn nothing_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(oid::NAME_CONSTRAINTS, true, &seq(&[]))
                .lint(),
        );
    }

    #[test]
    fn an_empty_list_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(oid::NAME_CONSTRAINTS, true, &seq(&[&explicit(0, &[])]))
                .lint(),
        );
    }
}
