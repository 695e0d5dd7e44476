//! A domain component is one label of a DNS name.

use crate::report::{first_few, quoted};
use crate::view::certificate::Certificate;
use crate::view::oid;
use crate::{Check, Rule, Severity, syntax};

pub(super) const RULE: Rule = Rule {
    name: "name_domain_component",
    severity: Severity::Error,
    citation: "RFC 4519 section 2.4, RFC 5280 section 4.1.2.4",
    summary: "A domain component is one label of a DNS name.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    let components = certificate
        .own_names()
        .flat_map(|name| name.values(oid::DOMAIN_COMPONENT));
    first_few(components.filter_map(|component| {
        let fault = if component.content.contains(&b'.') {
            "is more than one label"
        } else {
            syntax::dns_fault(component.content)?
        };
        Some(format!("the domain component {} {fault}", quoted(component.content)))
    }))
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes};
    use crate::view::oid;
    use chancery_x509::tlv::tag;

    use super::RULE;

    #[test]
    fn a_label_passes() {
        assert_passes(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::DOMAIN_COMPONENT, tag::IA5_STRING, b"example")
                .lint(),
        );
    }

    #[test]
    fn a_whole_name_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::DOMAIN_COMPONENT, tag::IA5_STRING, b"example.com")
                .lint(),
        );
    }

    #[test]
    fn an_underscore_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::leaf()
                .attribute(oid::DOMAIN_COMPONENT, tag::IA5_STRING, b"a_b")
                .lint(),
        );
    }
}
