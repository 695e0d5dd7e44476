//! Whether a subtree of name constraints contains a name (RFC 5280 section 4.2.1.10).

use crate::syntax;
use crate::view::general_name::GeneralName;

/// Whether the subtree contains the name; `None` if it is of another kind.
pub(super) fn contains(base: GeneralName<'_>, name: GeneralName<'_>) -> Option<bool> {
    match (base, name) {
        (GeneralName::Dns(base), GeneralName::Dns(name)) => Some(domain_contains(base, name)),
        (GeneralName::Email(base), GeneralName::Email(name)) => Some(email_contains(base, name)),
        (GeneralName::Uri(base), GeneralName::Uri(name)) => Some(uri_contains(base, name)),
        (GeneralName::Ip(base), GeneralName::Ip(name)) => Some(network_contains(base, name)),
        (GeneralName::Directory(base), GeneralName::Directory(name)) => {
            let mut rdns = name.rdn_ders();
            Some(base.rdn_ders().all(|rdn| rdns.next() == Some(rdn)))
        }
        _ => None,
    }
}

/// Whether the subtree contains the name, or one of those that a wildcard covers.
pub(super) fn excludes(base: GeneralName<'_>, name: GeneralName<'_>) -> Option<bool> {
    let (GeneralName::Dns(domain), GeneralName::Dns(wildcard)) = (base, name) else {
        return contains(base, name);
    };
    let meant = |parent| parent_of(domain).is_some_and(|own: &[u8]| own.eq_ignore_ascii_case(parent));
    Some(domain_contains(domain, wildcard) || wildcard.strip_prefix(b"*.").is_some_and(meant))
}

fn parent_of(domain: &[u8]) -> Option<&[u8]> {
    let domain = domain.strip_prefix(b".").unwrap_or(domain);
    let dot = domain.iter().position(|&octet| octet == b'.')?;
    Some(&domain[dot + 1..])
}

/// An empty base contains every domain; one with a leading dot excludes the domain itself.
fn domain_contains(base: &[u8], name: &[u8]) -> bool {
    let Some(start) = name.len().checked_sub(base.len()) else {
        return false;
    };
    let (front, end) = name.split_at(start);
    end.eq_ignore_ascii_case(base)
        && (front.is_empty() && !base.starts_with(b".")
            || base.is_empty()
            || base.starts_with(b".")
            || front.ends_with(b"."))
}

/// A base is a mailbox, a host, or with a leading dot every host below a domain.
fn email_contains(base: &[u8], address: &[u8]) -> bool {
    let split = |address: &[u8]| address.iter().rposition(|&octet| octet == b'@');
    let Some(at) = split(address) else { return false };
    let (local, host) = (&address[..at], &address[at + 1..]);
    match split(base) {
        Some(at) => local == &base[..at] && host.eq_ignore_ascii_case(&base[at + 1..]),
        None => host_contains(base, host),
    }
}

/// A URI without a host name is in no subtree.
fn uri_contains(base: &[u8], uri: &[u8]) -> bool {
    let authority = syntax::split_scheme(uri).and_then(|(_, rest)| rest.strip_prefix(b"//"));
    authority.is_some_and(|authority| host_contains(base, syntax::host_of(authority)))
}

fn host_contains(base: &[u8], host: &[u8]) -> bool {
    if base.starts_with(b".") {
        domain_contains(base, host)
    } else {
        host.eq_ignore_ascii_case(base)
    }
}

fn network_contains(base: &[u8], address: &[u8]) -> bool {
    let (network, mask) = base.split_at(base.len() / 2);
    network.len() == address.len()
        && mask.len() == address.len()
        && address
            .iter()
            .zip(network)
            .zip(mask)
            .all(|((address, network), mask)| address & mask == network & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains() {
        for (base, name) in [
            ("", "a.b"),
            ("a.b", "a.b"),
            ("a.b", "x.A.B"),
            (".a.b", "x.a.b"),
            ("a.b", "*.a.b"),
        ] {
            assert!(domain_contains(base.as_bytes(), name.as_bytes()), "{base} {name}");
        }
        for (base, name) in [
            ("a.b", "xa.b"),
            ("a.b", "b"),
            (".a.b", "a.b"),
            ("a.b", "a.b.c"),
            (".b", "ab"),
        ] {
            assert!(!domain_contains(base.as_bytes(), name.as_bytes()), "{base} {name}");
        }
    }

    #[test]
    fn a_wildcard_is_excluded_with_one_that_it_stands_for() {
        let excluded = |base: &'static str, name: &'static str| {
            excludes(GeneralName::Dns(base.as_bytes()), GeneralName::Dns(name.as_bytes())).unwrap()
        };
        assert!(excluded("secret.example.com", "*.example.com"));
        assert!(excluded("example.com", "*.example.com"));
        assert!(!excluded("a.secret.example.com", "*.example.com"));
        assert!(!excluded("secret.example.com", "*.example.org"));
    }

    #[test]
    fn addresses_and_hosts() {
        assert!(email_contains(b"a@b.c", b"a@B.c"));
        assert!(!email_contains(b"a@b.c", b"A@b.c"));
        assert!(email_contains(b"b.c", b"a@b.c"));
        assert!(!email_contains(b"b.c", b"a@x.b.c"));
        assert!(email_contains(b".b.c", b"a@x.b.c"));
        assert!(!email_contains(b"b.c", b"b.c"));
        assert!(uri_contains(b".b.c", b"https://user@x.b.c:443/path"));
        assert!(!uri_contains(b"b.c", b"urn:b.c"));
    }

    #[test]
    fn networks() {
        assert!(network_contains(&[10, 0, 0, 0, 255, 0, 0, 0], &[10, 1, 2, 3]));
        assert!(!network_contains(&[10, 0, 0, 0, 255, 0, 0, 0], &[11, 1, 2, 3]));
        assert!(!network_contains(&[0; 8], &[0; 16]));
        assert!(!network_contains(&[0; 7], &[0; 4]));
    }
}
