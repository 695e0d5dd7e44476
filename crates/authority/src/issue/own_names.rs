//! The names of the authority's own server: whoever may ask for certificates must not get one to stand in its place with.

use std::net::IpAddr;

use chancery_x509::name::Name;
use chancery_x509::san::{AltName, AltNameType};

use super::{Prepared, Refusal, folding};
use crate::authority::Authority;
use crate::principal::Principal;

/// Names and addresses that a server of this authority is reached by, as its certificate has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnNames(Vec<AltName>);

impl OwnNames {
    /// DNS names and IP addresses; other types name no server.
    pub fn new(names: impl IntoIterator<Item = AltName>) -> Self {
        let names = names.into_iter().filter_map(|name| match name {
            AltName::Dns(name) => Some(AltName::Dns(name)),
            AltName::Ip(address) => Some(AltName::Ip(address.to_canonical())),
            AltName::Email(_) | AltName::Uri(_) | AltName::Directory(_) => None,
        });
        Self(names.collect())
    }

    /// Whether a certificate with that alternative name could be shown in place of the server's: it is one of its names, or
    /// a wildcard that covers one, however many labels that takes.
    fn covered_by(&self, name: &AltName) -> bool {
        match name {
            AltName::Dns(name) => self.0.iter().any(|own| match own {
                AltName::Dns(own) => dns_covers(name, own),
                _ => false,
            }),
            AltName::Ip(address) => self.0.contains(&AltName::Ip(address.to_canonical())),
            AltName::Email(_) | AltName::Uri(_) | AltName::Directory(_) => false,
        }
    }

    /// The same for a common name, which old clients take for the server's name.
    fn covered_by_text(&self, text: &str) -> bool {
        let text = folding::folded(text);
        let text = text.trim().trim_end_matches('.');
        if let Ok(address) = text.parse::<IpAddr>() {
            return self.covered_by(&AltName::Ip(address));
        }
        // As a DNS name if it is one, such that letter case and internationalised labels are of no account.
        let name = AltName::parse(AltNameType::Dns, text);
        self.covered_by(&name.unwrap_or_else(|_| AltName::Dns(text.to_owned())))
    }

    /// The first name of a certificate that is the server's own.
    fn first_in<'a>(&self, subject: &'a Name, alt_names: &'a [AltName]) -> Option<String> {
        let common_names = subject
            .iter()
            .filter(|attribute| attribute.label() == "CN")
            .filter_map(|attribute| Some(attribute.text()?.into_owned()));
        let in_subject = common_names.into_iter().find(|text| self.covered_by_text(text));
        in_subject.or_else(|| {
            let found = alt_names.iter().find(|name| self.covered_by(name));
            found.map(|name| crate::wire::AltNameText::from(name).value)
        })
    }
}

fn dns_covers(pattern: &str, name: &str) -> bool {
    // `*.example.com` covers whatever ends so, and `*` everything; `p*.example.com` is a wildcard to old clients.
    match (pattern.split_once('*'), pattern.rsplit_once('*')) {
        (Some((start, _)), Some((_, end))) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
        _ => pattern == name,
    }
}

impl Authority {
    /// Keeps the names of the authority's own server for itself, in place of those it had before.
    pub fn keep_own_names(&self, names: OwnNames) {
        *self
            .own_names
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = names;
    }

    /// Refuses names of the authority's own server to whoever asks from outside. Who runs the command on the data folder has
    /// the server's key anyway.
    pub(super) fn check_own_names(&self, prepared: &Prepared) -> Result<(), Refusal> {
        match prepared.principal() {
            Principal::Local(_) | Principal::Authority => return Ok(()),
            Principal::Token(_) | Principal::Certificate(_) | Principal::Function(_) | Principal::Aws(_) => {}
        }
        let own = self.own_names.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let template = prepared.template();
        match own.first_in(&template.subject, &template.alt_names) {
            Some(name) => Err(Refusal::OwnName { name }),
            None => Ok(()),
        }
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
    fn own_names_are_known_in_every_form() {
        let own = OwnNames::new([dns("ca.example.com"), dns("localhost"), ip("192.0.2.7"), ip("::1")]);
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
        assert!(!OwnNames::default().covered_by_text("localhost"));
    }
}
