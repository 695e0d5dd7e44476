//! Grammars of the names in certificates, as restricted by RFC 5280 section 4.2.1.6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What is wrong with a host name in preferred name syntax (RFC 1034 section 3.5, RFC 1123 section 2.1), if anything.
pub(super) fn dns_fault(name: &[u8]) -> Option<&'static str> {
    if name.is_empty() {
        return Some("is empty");
    }
    if name.len() > 253 {
        return Some("is longer than 253 octets");
    }
    name.split(|&octet| octet == b'.').find_map(label_fault)
}

fn label_fault(label: &[u8]) -> Option<&'static str> {
    let (Some(first), Some(last)) = (label.first(), label.last()) else {
        return Some("has an empty label, or a dot at an end");
    };
    if label.len() > 63 {
        return Some("has a label longer than 63 octets");
    }
    if *first == b'-' || *last == b'-' {
        return Some("has a label that begins or ends with a hyphen");
    }
    if label.contains(&b'_') {
        return Some("has an underscore");
    }
    if !label
        .iter()
        .all(|octet| octet.is_ascii_alphanumeric() || *octet == b'-')
    {
        return Some("has characters other than letters, digits and hyphens");
    }
    None
}

/// Parses a text as an IP address, in any of its usual forms.
pub(super) fn as_ip_address(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// What is wrong with a mailbox (RFC 5321 section 4.1.2, without UTF-8), if anything.
pub(super) fn email_fault(address: &[u8]) -> Option<&'static str> {
    let Some(at) = address.iter().rposition(|&octet| octet == b'@') else {
        return Some("has no @");
    };
    let (local, domain) = (&address[..at], &address[at + 1..]);
    if !is_local_part(local) {
        return Some("has an invalid part before the @");
    }
    match domain.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
        Some(literal) if is_address_literal(literal) => None,
        Some(_) => Some("has an invalid address literal"),
        None => dns_fault(domain).map(|_| "has an invalid domain after the @"),
    }
}

fn is_local_part(local: &[u8]) -> bool {
    if local.is_empty() || local.len() > 64 {
        return false;
    }
    if let Some(quoted) = local.strip_prefix(b"\"") {
        return quoted.strip_suffix(b"\"").is_some_and(is_quoted_content);
    }
    local
        .split(|&octet| octet == b'.')
        .all(|atom| !atom.is_empty() && atom.iter().copied().all(is_atom_character))
}

fn is_quoted_content(content: &[u8]) -> bool {
    let mut octets = content.iter();
    while let Some(&octet) = octets.next() {
        let fine = match octet {
            b'\\' => octets.next().is_some_and(|next| (b' '..=b'~').contains(next)),
            b'"' => false,
            other => (b' '..=b'~').contains(&other),
        };
        if !fine {
            return false;
        }
    }
    true
}

fn is_atom_character(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&octet)
}

fn is_address_literal(literal: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(literal) else {
        return false;
    };
    match text.strip_prefix("IPv6:") {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => text.parse::<Ipv4Addr>().is_ok(),
    }
}

/// What is wrong with an absolute URI (RFC 3986; RFC 5280 requires a scheme, something after it, and fully qualified
/// hosts), if anything.
pub(super) fn uri_fault(uri: &[u8]) -> Option<&'static str> {
    let Some((scheme, rest)) = split_scheme(uri) else {
        return Some("has no scheme");
    };
    if !scheme[0].is_ascii_alphabetic()
        || !scheme
            .iter()
            .all(|octet| octet.is_ascii_alphanumeric() || b"+-.".contains(octet))
    {
        return Some("has an invalid scheme");
    }
    if rest.is_empty() {
        return Some("has nothing after its scheme");
    }
    if !is_uri_text(rest) {
        return Some("has characters that a URI cannot have");
    }
    let authority = rest.strip_prefix(b"//")?;
    // Names that are resolved by other schemes may have underscores: SPIFFE's trust domains do.
    let is_dns = has_scheme(uri, &["http", "https", "ldap", "ldaps"]);
    match host_of(authority) {
        [] => Some("has no host"),
        host if is_host(host, is_dns) => None,
        _ => Some("has an invalid host"),
    }
}

/// A URI's scheme, at least one octet, and what follows the colon.
pub(super) fn split_scheme(uri: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = uri.iter().position(|&octet| octet == b':').filter(|&colon| colon > 0)?;
    Some((&uri[..colon], &uri[colon + 1..]))
}

/// Whether the URI's scheme is one of these (lower-case) ones.
pub(super) fn has_scheme(uri: &[u8], schemes: &[&str]) -> bool {
    split_scheme(uri).is_some_and(|(scheme, _)| {
        schemes
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known.as_bytes()))
    })
}

/// The host in what follows `//`, brackets of an IPv6 address included.
pub(super) fn host_of(authority: &[u8]) -> &[u8] {
    let end = authority
        .iter()
        .position(|octet| b"/?#".contains(octet))
        .unwrap_or(authority.len());
    let authority = &authority[..end];
    let host = match authority.iter().rposition(|&octet| octet == b'@') {
        Some(at) => &authority[at + 1..],
        None => authority,
    };
    match host.iter().rposition(|octet| b":]".contains(octet)) {
        Some(colon) if host[colon] == b':' => &host[..colon],
        _ => host,
    }
}

fn is_host(host: &[u8], is_dns: bool) -> bool {
    match host.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
        Some(literal) => matches!(as_ip_address(literal), Some(IpAddr::V6(_))),
        None if is_dns => dns_fault(host).is_none(),
        None => is_registered_name(host),
    }
}

/// A host name in which labels may have underscores anywhere.
fn is_registered_name(host: &[u8]) -> bool {
    let is_label = |label: &[u8]| {
        (1..=63).contains(&label.len())
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
            && label
                .iter()
                .all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(octet))
    };
    host.len() <= 253 && host.split(|&octet| octet == b'.').all(is_label)
}

fn is_uri_text(text: &[u8]) -> bool {
    let mut octets = text.iter();
    while let Some(&octet) = octets.next() {
        let fine = match octet {
            b'%' => {
                octets.next().is_some_and(u8::is_ascii_hexdigit) && octets.next().is_some_and(u8::is_ascii_hexdigit)
            }
            other => other.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&other),
        };
        if !fine {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names() {
        for good in [
            "a",
            "localhost",
            "example.com",
            "3com.example",
            "xn--bcher-kva.example",
            "a-b.c",
        ] {
            assert_eq!(dns_fault(good.as_bytes()), None, "{good}");
        }
        let long_label = "a".repeat(64);
        let long_name = "a.".repeat(127);
        for bad in [
            "",
            " ",
            ".a",
            "a.",
            "a..b",
            "-a.b",
            "a-.b",
            "a_b.c",
            "bücher.example",
            "a b",
            "*.a",
            "a/b",
            &long_label,
        ] {
            assert!(dns_fault(bad.as_bytes()).is_some(), "{bad}");
        }
        assert_eq!(dns_fault(&long_name.as_bytes()[..253]), None);
        assert_eq!(
            dns_fault(&[long_name.as_bytes(), b"aa"].concat()),
            Some("is longer than 253 octets")
        );
    }

    #[test]
    fn mailboxes() {
        for good in [
            "a@b",
            "first.last@example.com",
            "a+b@example.com",
            "\"a b\"@example.com",
            "a@[192.0.2.1]",
        ] {
            assert_eq!(email_fault(good.as_bytes()), None, "{good}");
        }
        for bad in [
            "", "a", "@b", "a@", ".a@b", "a..b@c", "a b@c", "\"a@c", "a@b_c", "a@[1.2]", "ü@b", "<a@b>", "\"\\\"@b",
        ] {
            assert!(email_fault(bad.as_bytes()).is_some(), "{bad}");
        }
    }

    #[test]
    fn uris() {
        for good in [
            "http://example.com",
            "https://user@example.com:8443/a?b#c",
            "spiffe://example.org/service",
            "spiffe://trust_domain.example/service",
            "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "http://[2001:db8::1]:80/",
            "ldap://192.0.2.1/cn=a%20b",
        ] {
            assert_eq!(uri_fault(good.as_bytes()), None, "{good}");
        }
        for bad in [
            "",
            "example.com",
            "/a",
            ":a",
            "http:",
            "1a:b",
            "http://",
            "http:///a",
            "http://a b",
            "http://a/%2",
            "http://a_b/",
            "ldap://a_b/",
            "spiffe://-a/",
        ] {
            assert!(uri_fault(bad.as_bytes()).is_some(), "{bad}");
        }
        assert!(uri_fault("http://bücher.example/".as_bytes()).is_some());
        assert!(uri_fault(b"http://[192.0.2.1]/").is_some());
    }
}
