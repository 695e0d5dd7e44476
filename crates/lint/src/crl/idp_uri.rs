//! URIs of the issuing distribution point are well-formed http or ldap URIs.
//!
//! They must equal those in the certificates octet for octet, so the same rules apply.

use crate::report::{first_few, quoted};
use crate::view::crl::Crl;
use crate::view::general_name::DistributionPointName;
use crate::{Check, Rule, Severity, syntax};

pub(super) const RULE: Rule = Rule {
    name: "crl_idp_uri",
    severity: Severity::Error,
    citation: "RFC 5280 sections 5.2.5 and 4.2.1.13",
    summary: "URIs of the issuing distribution point are well-formed http or ldap URIs.",
    check: Check::Crl(check),
};

fn check(crl: &Crl<'_>) -> Option<String> {
    let Some(DistributionPointName::Full(names)) = crl.known.issuing_distribution_point.value?.name else {
        return None;
    };
    first_few(names.uris().filter_map(|uri| {
        let fault = if syntax::has_scheme(uri, &["http", "ldap"]) {
            syntax::uri_fault(uri).filter(|_| !uri.starts_with(b"ldap:///"))?
        } else {
            "is neither http nor ldap"
        };
        Some(format!("the distribution point's URI {} {fault}", quoted(uri)))
    }))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CrlParts, assert_found, assert_passes, explicit, seq, uri};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn http_passes() {
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
    fn a_path_is_found() {
        assert_found(
            &RULE,
            &CrlParts::full()
                .with(
                    oid::ISSUING_DISTRIBUTION_POINT,
                    true,
                    &seq(&[&explicit(0, &[&explicit(0, &[&uri("/b.crl")])])]),
                )
                .lint(),
        );
    }
}
