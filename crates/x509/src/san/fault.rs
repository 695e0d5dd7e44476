//! What is wrong with a refused name, in messages for the requester.

use std::net::Ipv6Addr;

use super::{AltNameType, domain};

/// The most specific fault of a value that is not valid for its type.
pub(super) fn of(kind: AltNameType, value: &str) -> &'static str {
    if value.is_empty() {
        return "it is empty";
    }
    if value.trim() != value {
        return "blanks stand around it";
    }
    match kind {
        AltNameType::Dns => of_domain(value.strip_prefix("*.").unwrap_or(value), value.starts_with("*.")),
        AltNameType::Ip => of_address(value),
        AltNameType::Email => of_email_address(value),
        AltNameType::Uri => {
            "write an absolute URL in ASCII, with a scheme, and a host where its scheme has one; others as %41"
        }
        AltNameType::Directory => "write RDNs with commas between them, e.g. CN=Jane,O=Example",
    }
}

fn of_domain(name: &str, wildcard: bool) -> &'static str {
    let label = |wrong: fn(&str) -> bool| name.split('.').any(wrong);
    let has = |characters: &[char]| name.contains(characters);
    if has(&['_']) {
        "it has an underscore, which host names do not have"
    } else if name.ends_with('.') {
        "it ends with a dot; leave the dot away"
    } else if has(&['[', ']']) {
        "it has brackets, as URLs have; write an address without them"
    } else if has(&['/', ':']) {
        "it has a colon or a slash; leave scheme, port and path away"
    } else if has(&['@']) {
        "it has an @; an e-mail address is of another type"
    } else if has(&['*']) {
        "a * stands for the whole leftmost label, and nowhere else"
    } else if has(&[' ', '\t', '\n', '\r']) {
        "it has blanks"
    } else if wildcard && domain::is_public_suffix(name) {
        "a wildcard directly under a public suffix would stand for names of many owners"
    } else if label(str::is_empty) {
        "one of its labels is empty"
    } else if name.len() > 253 || label(|label| label.len() > 63) {
        "a name has at most 253 characters, a label 63"
    } else if label(|label| label.starts_with('-') || label.ends_with('-')) {
        "one of its labels begins or ends with a hyphen"
    } else if name
        .rsplit('.')
        .next()
        .is_some_and(|top| top.bytes().all(|octet| octet.is_ascii_digit()))
    {
        "its last label is a number, so that it reads as an IPv4 address"
    } else if !name.is_ascii() || name.to_ascii_lowercase().contains("xn--") {
        "it is no internationalised domain name (IDNA 2008)"
    } else {
        "only letters, digits, hyphens and dots can stand in it"
    }
}

fn of_address(value: &str) -> &'static str {
    if value.contains(['[', ']']) {
        "it has brackets, as URLs have; write it without them"
    } else if value.contains('/') {
        "it is a block of addresses; name each address"
    } else if value.parse::<Ipv6Addr>().is_ok() {
        "it is an IPv4 address mapped into IPv6, which verifiers do not hold against IPv4 rules; write the IPv4 address"
    } else if value.contains('%') {
        "it has a zone, which means something on one machine alone"
    } else {
        "write it as 192.0.2.1 or 2001:db8::1"
    }
}

fn of_email_address(value: &str) -> &'static str {
    let Some((local, domain)) = value.rsplit_once('@') else {
        return "it has no @";
    };
    if !local.is_ascii() {
        "its part before the @ has other characters than ASCII, which this type of name cannot hold"
    } else if domain.starts_with('*') {
        "an e-mail address has no wildcard"
    } else {
        "write it as name@host.example, without quotes, brackets or blanks"
    }
}
