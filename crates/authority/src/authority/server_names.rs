//! The names of the authority's own server: no requester may get a certificate with which to impersonate it.

use chancery_x509::name::Name;
use chancery_x509::san::{AltName, AltNameType};

use crate::issue::folding;

/// Names and addresses by which clients reach a server of this authority, as in its certificate; the ledger keeps them
/// behind the port [`ServerNames`](crate::port::ledger::ServerNames).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerNameSet {
    /// Names of its HTTPS server, which a wildcard certificate could impersonate.
    names: Vec<AltName>,
    /// The host that serves CRLs and CA certificates over plain HTTP. That content is signed, so a wildcard of its
    /// domain, which may be needed for other hosts, does no harm.
    public: Option<AltName>,
}

impl ServerNameSet {
    /// Keeps DNS names and IP addresses; other types do not name a server.
    pub fn new(names: impl IntoIterator<Item = AltName>) -> Self {
        let names = names.into_iter().filter_map(|name| match name {
            AltName::Dns(name) => Some(AltName::Dns(name)),
            AltName::Ip(address) => Some(AltName::Ip(address.to_canonical())),
            AltName::Email(_) | AltName::Uri(_) | AltName::Directory(_) => None,
        });
        Self {
            names: names.collect(),
            public: None,
        }
    }

    /// The names, without `public`.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &AltName> {
        self.names.iter()
    }

    /// Adds names.
    pub(crate) fn extend(&mut self, names: impl IntoIterator<Item = AltName>) {
        for name in Self::new(names).names {
            if !self.names.contains(&name) {
                self.names.push(name);
            }
        }
    }

    /// Whether a certificate with that alternative name could impersonate the server: it is one of its names, or a
    /// wildcard that covers one, over any number of labels, or it is covered by a wildcard among its names.
    fn covered_by(&self, name: &AltName) -> bool {
        if self.public.as_ref() == Some(name) {
            return true;
        }
        match name {
            AltName::Dns(name) => self.names.iter().any(|own| match own {
                AltName::Dns(own) => match own.strip_prefix("*.") {
                    Some(parent) => shares_a_child(name, parent),
                    None => dns_covers(name, own),
                },
                _ => false,
            }),
            AltName::Ip(address) => self.names.contains(&AltName::Ip(address.to_canonical())),
            AltName::Email(_) | AltName::Uri(_) | AltName::Directory(_) => false,
        }
    }

    /// The same for a common name, which old clients match against the server's name.
    fn covered_by_text(&self, text: &str) -> bool {
        let text = folding::as_host(text);
        match text.parse() {
            Ok(address) => self.covered_by(&AltName::Ip(address)),
            Err(_) => self.covered_by(&AltName::Dns(text)),
        }
    }

    /// Sets the host of the URL at which CRLs and CA certificates are served.
    pub(crate) fn set_public(&mut self, url: Option<&str>) {
        self.public = url.and_then(host_of);
    }

    /// The first name of a certificate that is one of the server's own.
    pub(crate) fn first_in<'a>(&self, subject: &'a Name, alt_names: &'a [AltName]) -> Option<String> {
        let common_names = subject
            .iter()
            .filter(|attribute| attribute.label() == "CN")
            .filter_map(|attribute| Some(attribute.text()?.into_owned()));
        let in_subject = common_names.into_iter().find(|text| self.covered_by_text(text));
        in_subject.or_else(|| {
            let found = alt_names.iter().find(|name| self.covered_by(name));
            found.map(ToString::to_string)
        })
    }
}

fn dns_covers(pattern: &str, name: &str) -> bool {
    // `*.example.com` covers every name with that ending, and `*` everything; old clients accept `p*.example.com` as a
    // wildcard.
    match (pattern.split_once('*'), pattern.rsplit_once('*')) {
        (Some((start, _)), Some((_, end))) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
        _ => pattern == name,
    }
}

/// Whether a name, or a pattern, shares a host with `*.parent`, which clients read as one label and the parent (RFC
/// 6125 section 6.4.3).
fn shares_a_child(pattern: &str, parent: &str) -> bool {
    let parent = format!(".{parent}");
    let is_of_one_label = |start: &str| !start.contains('.');
    let (Some((start, _)), Some((_, end))) = (pattern.split_once('*'), pattern.rsplit_once('*')) else {
        let label = pattern.strip_suffix(&parent);
        return label.is_some_and(|label| !label.is_empty() && is_of_one_label(label));
    };
    let ends = match end.strip_suffix(&parent) {
        Some(of_label) => is_of_one_label(of_label),
        None => parent.ends_with(end),
    };
    // `a*` begins a label; `a.exam*` has a whole label and continues with the parent.
    let starts = start
        .find('.')
        .is_none_or(|label_end| label_end > 0 && parent.starts_with(&start[label_end..]));
    ends && starts
}

/// The host of a URL as an alternative name.
fn host_of(url: &str) -> Option<AltName> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (_, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if let Some(literal) = host.strip_prefix('[') {
        let (address, _) = literal.split_once(']')?;
        return address.parse().ok().map(AltName::Ip);
    }
    let host = host.split(':').next()?;
    match host.parse() {
        Ok(address) => Some(AltName::Ip(address)),
        Err(_) => AltName::parse(AltNameType::Dns, host.trim_end_matches('.')).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dns(name: &str) -> AltName {
        AltName::parse(AltNameType::Dns, name).unwrap()
    }

    fn ip(address: &str) -> AltName {
        AltName::Ip(address.parse().unwrap())
    }

    #[test]
    fn server_names_are_known_in_every_form() {
        let own = ServerNameSet::new([dns("ca.example.com"), dns("localhost"), ip("192.0.2.7"), ip("::1")]);
        for name in [
            dns("ca.example.com"),
            dns("CA.Example.COM"),
            dns("*.example.com"),
            dns("LOCALHOST"),
            ip("192.0.2.7"),
            ip("::ffff:192.0.2.7"),
            ip("0:0:0:0:0:0:0:1"),
        ] {
            assert!(own.covered_by(&name), "{name:?}");
        }
        for text in [
            "Ca.Example.Com",
            "ca.example.com.",
            " localhost ",
            "192.0.2.7",
            "::1",
            "*.example.com",
            "*",
            "c*.example.com",
            "ca.*",
            "ca.example.com\u{3002}",
            "\u{ff11}\u{ff19}\u{ff12}.0.2.7",
            "\u{ff23}a.example.com",
        ] {
            assert!(own.covered_by_text(text), "{text:?}");
        }
        for name in [
            dns("a.example.com"),
            dns("*.ca.example.com"),
            dns("example.com"),
            ip("192.0.2.8"),
            dns("xca.example.com"),
        ] {
            assert!(!own.covered_by(&name), "{name:?}");
        }
        for text in ["ca", "alice", "192.0.2.70", "ca.example.com.org", "cb*.example.com", ""] {
            assert!(!own.covered_by_text(text), "{text:?}");
        }
        assert!(!ServerNameSet::default().covered_by_text("localhost"));
    }

    #[test]
    fn what_an_own_wildcard_covers_is_the_server_s_too() {
        let own = ServerNameSet::new([dns("*.example.com"), dns("*.b\u{fc}cher.example")]);
        for name in [
            dns("www.example.com"),
            dns("CA.Example.com"),
            dns("*.example.com"),
            dns("ca.b\u{fc}cher.example"),
        ] {
            assert!(own.covered_by(&name), "{name:?}");
        }
        for text in [
            "www.example.com",
            "CA.Example.com.",
            "c\u{ff41}\u{3002}example.com",
            "*.example.com",
            "c*.example.com",
            "*a.example.com",
            "ca.exam*",
            "ca.*.com",
            "*",
            "*.com",
            "*ple.com",
            "c*.b\u{fc}cher.example",
        ] {
            assert!(own.covered_by_text(text), "{text:?}");
        }
        for text in [
            "example.com",
            ".example.com",
            "a.b.example.com",
            "*.a.example.com",
            "x*.a.example.com",
            "a.b*.example.com",
            "example.com.org",
            "ca.example.org",
            "ca.example.*.org",
            "alice",
            "",
        ] {
            assert!(!own.covered_by_text(text), "{text:?}");
        }
        assert!(!own.covered_by(&dns("a.b.example.com")));
        assert!(!own.covered_by(&ip("192.0.2.7")));
    }

    #[test]
    fn the_host_of_the_public_url_is_one() {
        for (url, host) in [
            ("http://ca.example.com/pki", Some(dns("ca.example.com"))),
            ("http://CA.example.com.:8080", Some(dns("ca.example.com"))),
            ("http://192.0.2.7/", Some(ip("192.0.2.7"))),
            ("http://[2001:db8::7]:80/x", Some(ip("2001:db8::7"))),
            ("file", None),
        ] {
            assert_eq!(host_of(url), host, "{url}");
        }
    }
}
