//! URIs (RFC 3986), as restricted by RFC 5280 section 4.2.1.6.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest URI, in octets, that all common software accepts.
const MAX_URI: usize = 2048;

/// Whether a text is an absolute URI that is valid in a certificate: a scheme and something after it, and a host in the
/// authority, if there is one; http and https must have one.
pub(crate) fn is_absolute(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let well_formed = text.len() <= MAX_URI && is_scheme(scheme) && !rest.is_empty() && has_only_uri_characters(rest);
    if !well_formed {
        return false;
    }
    let is = |known: &str| scheme.eq_ignore_ascii_case(known);
    let needs_host = is("http") || is("https");
    let needs_dns = needs_host || is("ldap") || is("ldaps");
    match authority(text) {
        Some(authority) => host_of(authority).is_some_and(|host| is_host(host) && !(needs_dns && host.contains('_'))),
        None => !needs_host,
    }
}

/// The host of a URI's authority, brackets of an IPv6 address included.
pub(crate) fn host(uri: &str) -> Option<&str> {
    authority(uri).and_then(host_of)
}

fn authority(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once(':')?;
    rest.strip_prefix("//")?.split(['/', '?', '#']).next()
}

/// The host of `userinfo@host:port`; `None` if the port is not a number.
fn host_of(authority: &str) -> Option<&str> {
    let after_user = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let end_of_address = after_user.rfind(']').map_or(0, |at| at + 1);
    let Some(colon) = after_user[end_of_address..].find(':') else {
        return Some(after_user);
    };
    let (host, port) = after_user.split_at(end_of_address + colon);
    port[1..].bytes().all(|octet| octet.is_ascii_digit()).then_some(host)
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || b"+-.".contains(&octet))
}

fn has_only_uri_characters(text: &str) -> bool {
    let octets = text.as_bytes();
    octets.iter().enumerate().all(|(at, octet)| match octet {
        b'%' => octets
            .get(at + 1..at + 3)
            .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)),
        _ => octet.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(octet),
    })
}

/// A fully qualified domain name or an address. Underscores are allowed: SPIFFE trust domains contain them, though host
/// names do not.
fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        return address
            .strip_suffix(']')
            .is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let is_label = |label: &str| {
        let ends_well = !label.starts_with('-') && !label.ends_with('-');
        !label.is_empty() && label.len() <= 63 && ends_well && label.bytes().all(is_host_octet)
    };
    let numeric = host
        .rsplit('.')
        .next()
        .is_some_and(|top| top.bytes().all(|octet| octet.is_ascii_digit()));
    if numeric {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    host.len() <= 253 && host.split('.').all(is_label)
}

fn is_host_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_'
}
