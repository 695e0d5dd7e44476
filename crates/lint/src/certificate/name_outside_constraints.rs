//! Every name is within the CA's nameConstraints.
//!
//! Checked are the subject and its e-mail addresses, and in subjectAltName the DNS names, e-mail addresses, URIs, IP
//! addresses and directory names. Names of a kind without constraints are allowed.

use super::matching;
use crate::report::{first_few, hex, quoted};
use crate::view::certificate::Certificate;
use crate::view::extension::NameConstraints;
use crate::view::general_name::GeneralName;
use crate::view::issuer::IssuerView;
use crate::view::oid;
use crate::{Check, Rule, Severity};

pub(super) const RULE: Rule = Rule {
    name: "name_outside_constraints",
    severity: Severity::Error,
    citation: "RFC 5280 sections 4.2.1.10 and 6.1.4",
    summary: "Every name is within the CA's nameConstraints.",
    check: Check::Issued(check),
};

fn check(certificate: &Certificate<'_>, issuer: &IssuerView) -> Option<String> {
    let constraints = issuer.name_constraints()?;
    // A CA's certificates for itself are exempt.
    if certificate.is_ca() && certificate.is_self_issued() {
        return None;
    }
    let subject = (!certificate.subject.is_empty()).then_some(GeneralName::Directory(certificate.subject));
    let addresses = certificate
        .subject
        .values(oid::EMAIL_ADDRESS)
        .map(|value| GeneralName::Email(value.content));
    let listed = certificate.alt_names().into_iter().flat_map(|names| names.iter());
    first_few(subject.into_iter().chain(addresses).chain(listed).filter_map(|name| {
        let fault = fault(name, &constraints)?;
        Some(format!("{} is {fault}", describe(name)))
    }))
}

fn fault(name: GeneralName<'_>, constraints: &NameConstraints<'_>) -> Option<&'static str> {
    let excluded = constraints.excluded.into_iter().flat_map(|list| list.iter());
    if excluded
        .filter_map(|subtree| matching::excludes(subtree.base, name))
        .any(|hit| hit)
    {
        return Some("in an excluded subtree");
    }
    let permitted = constraints.permitted.into_iter().flat_map(|list| list.iter());
    let mut verdicts = permitted
        .filter_map(|subtree| matching::contains(subtree.base, name))
        .peekable();
    verdicts.peek()?;
    (!verdicts.any(|hit| hit)).then_some("in none of the permitted subtrees")
}

fn describe(name: GeneralName<'_>) -> String {
    match name {
        GeneralName::Dns(text) => format!("the DNS name {}", quoted(text)),
        GeneralName::Email(text) => format!("the e-mail address {}", quoted(text)),
        GeneralName::Uri(text) => format!("the URI {}", quoted(text)),
        GeneralName::Ip(octets) => format!("the IP address {} (in hexadecimal)", hex(octets)),
        GeneralName::Directory(_) => "a directory name".into(),
        GeneralName::Other => "a name".into(),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{
        CertificateParts, assert_found, assert_passes, common_name, directory, dns, email, explicit, ip, name, seq,
    };
    use crate::view::oid;

    use super::RULE;

    #[test]
    fn names_inside_pass_and_outside_are_found() {
        let under = |list: u8, base: Vec<u8>| {
            let constraints = seq(&[&explicit(list, &[&seq(&[&base])])]);
            CertificateParts::leaf()
                .under(&CertificateParts::issuing_ca().with(oid::NAME_CONSTRAINTS, true, &constraints))
                .lint()
        };
        let (permitted, excluded) = (0, 1);
        assert_passes(&RULE, &under(permitted, dns("example.com")));
        assert_passes(&RULE, &under(permitted, ip(&[192, 0, 2, 0, 255, 255, 255, 0])));
        assert_passes(&RULE, &under(permitted, email("example.org")));
        assert_passes(&RULE, &under(permitted, directory(&common_name("www.example.com"))));
        assert_passes(&RULE, &under(excluded, dns("example.org")));
        assert_found(&RULE, &under(permitted, dns("example.org")));
        assert_found(&RULE, &under(permitted, ip(&[192, 0, 3, 0, 255, 255, 255, 0])));
        assert_found(&RULE, &under(permitted, directory(&common_name("other"))));
        assert_found(&RULE, &under(excluded, dns("example.com")));
        assert_found(&RULE, &under(excluded, directory(&name(&[]))));
    }
}
