//! Bases of subtrees in nameConstraints are valid for their kind: domains, hosts, addresses with masks.

use crate::report::{first_few, quoted};
use crate::view::certificate::Certificate;
use crate::view::general_name::GeneralName;
use crate::{Check, Rule, Severity, syntax};

pub(super) const RULE: Rule = Rule {
    name: "name_constraints_base",
    severity: Severity::Error,
    citation: "RFC 5280 section 4.2.1.10",
    summary: "Bases of subtrees in nameConstraints are what their kinds of names want: domains, hosts, addresses with masks.",
    check: Check::Certificate(check),
};

fn check(certificate: &Certificate<'_>) -> Option<String> {
    first_few(
        certificate
            .known
            .name_constraints
            .value?
            .subtrees()
            .filter_map(|subtree| {
                let (text, fault) = match subtree.base {
                    GeneralName::Dns([]) | GeneralName::Directory(_) | GeneralName::Other => return None,
                    GeneralName::Email(text) if text.contains(&b'@') => (text, syntax::email_fault(text)?),
                    GeneralName::Dns(text) | GeneralName::Uri(text) | GeneralName::Email(text) => {
                        (text, domain_fault(text)?)
                    }
                    GeneralName::Ip(octets) => (octets, mask_fault(octets)?),
                };
                Some(format!("the base {} of a subtree {fault}", quoted(text)))
            }),
    )
}

fn domain_fault(text: &[u8]) -> Option<&'static str> {
    syntax::dns_fault(text.strip_prefix(b".").unwrap_or(text))
}

/// A network's address and its mask, which must be ones followed by zeros (RFC 4632).
fn mask_fault(octets: &[u8]) -> Option<&'static str> {
    if !matches!(octets.len(), 8 | 32) {
        return Some("is not an IP address and a mask");
    }
    let mask = &octets[octets.len() / 2..];
    let ones: u32 = mask
        .iter()
        .map(|octet| octet.leading_ones())
        .take_while(|&ones| ones == 8)
        .sum();
    let mut rest = mask.iter().skip(usize::try_from(ones / 8).unwrap_or(mask.len()));
    let partial = rest
        .next()
        .is_none_or(|octet| octet.leading_ones() + octet.trailing_zeros() >= 8);
    let contiguous = partial && rest.all(|&octet| octet == 0);
    (!contiguous).then_some("has a mask that is not ones followed by zeros")
}

#[cfg(test)]
mod tests {
    use crate::testing::{CertificateParts, assert_found, assert_passes, dns, email, explicit, ip, seq, uri};
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn bases_of_every_kind_pass() {
        assert_passes(
            &RULE,
            &CertificateParts::issuing_ca()
                .with(
                    oid::NAME_CONSTRAINTS,
                    true,
                    &seq(&[&explicit(
                        0,
                        &[
                            &seq(&[&dns("example.com")]),
                            &seq(&[&dns(".example.com")]),
                            &seq(&[&email("a@example.com")]),
                            &seq(&[&email(".example.com")]),
                            &seq(&[&uri("example.com")]),
                            &seq(&[&ip(&[10, 0, 0, 0, 255, 128, 0, 0])]),
                            &seq(&[&ip(&[0; 32])]),
                        ],
                    )]),
                )
                .lint(),
        );
    }

    #[test]
    fn an_address_without_mask_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca().permitting(&ip(&[10, 0, 0, 0])).lint(),
        );
    }

    #[test]
    fn a_mask_with_holes_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca()
                .permitting(&ip(&[10, 0, 0, 0, 255, 0, 255, 0]))
                .lint(),
        );
    }

    #[test]
    fn a_mask_with_holes_in_an_octet_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca()
                .permitting(&ip(&[10, 0, 0, 0, 255, 0b1010_0000, 0, 0]))
                .lint(),
        );
    }

    #[test]
    fn a_wildcard_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca().permitting(&dns("*.example.com")).lint(),
        );
    }

    #[test]
    fn a_whole_uri_is_found() {
        assert_found(
            &RULE,
            &CertificateParts::issuing_ca()
                .permitting(&uri("http://example.com/"))
                .lint(),
        );
    }
}
