//! Subject alternative names (RFC 5280 section 4.2.1.6).

mod domain;
mod fault;
mod general_name;
mod uri;

use std::fmt;
use std::net::IpAddr;

pub use domain::{is_domain_name, is_public_suffix};
pub use general_name::RequestedName;
pub(crate) use general_name::{all_from_der, from_der, text, write_all, write_uri};
pub(crate) use uri::{host as uri_host, is_absolute as is_absolute_uri};

use crate::name::Name;

/// One alternative name: valid for its type if it was parsed from a request, unchecked if it was read from a
/// certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AltName {
    /// dNSName: LDH labels in lower case, A-labels for IDNs, an optional leftmost `*`.
    Dns(String),
    /// iPAddress.
    Ip(IpAddr),
    /// rfc822Name.
    Email(String),
    /// uniformResourceIdentifier: absolute, ASCII.
    Uri(String),
    /// directoryName.
    Directory(Name),
}

/// Types of alternative names, with their names in requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AltNameType {
    /// `DNS_NAME`
    Dns,
    /// `IP_ADDRESS`
    Ip,
    /// `EMAIL_ADDRESS`
    Email,
    /// `URL`
    Uri,
    /// `DN`, an RFC 4514 text
    Directory,
}

/// Why a text is not a valid alternative name of its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AltNameError {
    /// Not valid for its type.
    #[error("{value:?} is no valid {kind}: {detail}")]
    Invalid {
        /// The type as text: `DNS name`, `IP address`, `e-mail address`, `URL`, `distinguished name`.
        kind: &'static str,
        /// The value, shortened to 100 characters.
        value: String,
        /// What is wrong.
        detail: &'static str,
    },
}

impl AltNameType {
    /// The type for a name in requests, `DNS_NAME`, `IP_ADDRESS`, `EMAIL_ADDRESS`, `URL`, `DN`; or on the command line,
    /// `dns`, `ip`, `email`, `uri`, `dn`, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        const NAMES: [(&str, AltNameType); 9] = [
            ("DNS_NAME", AltNameType::Dns),
            ("IP_ADDRESS", AltNameType::Ip),
            ("EMAIL_ADDRESS", AltNameType::Email),
            ("URL", AltNameType::Uri),
            ("DN", AltNameType::Directory),
            ("DNS", AltNameType::Dns),
            ("IP", AltNameType::Ip),
            ("EMAIL", AltNameType::Email),
            ("URI", AltNameType::Uri),
        ];
        NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, kind)| *kind)
    }

    /// The type's name in requests, as in the drop-in contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dns => "DNS_NAME",
            Self::Ip => "IP_ADDRESS",
            Self::Email => "EMAIL_ADDRESS",
            Self::Uri => "URL",
            Self::Directory => "DN",
        }
    }

    /// The type as text for messages.
    pub fn words(self) -> &'static str {
        match self {
            Self::Dns => "DNS name",
            Self::Ip => "IP address",
            Self::Email => "e-mail address",
            Self::Uri => "URL",
            Self::Directory => "distinguished name",
        }
    }
}

impl AltName {
    /// Parses one value of that type. Unicode DNS names become A-labels (IDNA 2008, UTS 46).
    ///
    /// - DNS names: letters, digits and hyphens, labels up to 63 octets, 253 in all, the leftmost label may be `*`; one
    ///   label is enough; the last one has a letter, since otherwise it would be read as an IPv4 address. No `*`
    ///   directly under a public suffix (`*.com`, `*.co.uk`): it would match names of many owners.
    /// - IP addresses: one address; IPv4-mapped IPv6 addresses (`::ffff:0:0/96`) are refused, since verifiers do not
    ///   check them against IPv4 name constraints.
    /// - E-mail addresses: a dot-string, `@`, a DNS name without `*` (RFC 5321 section 4.1.2).
    /// - URLs: RFC 3986 characters, a scheme, and a host if there is an authority (always for http and https).
    pub fn parse(kind: AltNameType, value: &str) -> Result<Self, AltNameError> {
        let parsed = match kind {
            AltNameType::Dns => domain::canonical(value).map(Self::Dns),
            AltNameType::Ip => value
                .parse()
                .ok()
                .filter(|address: &IpAddr| address.to_canonical() == *address)
                .map(Self::Ip),
            AltNameType::Email => domain::email_address(value).map(Self::Email),
            AltNameType::Uri => uri::is_absolute(value).then(|| Self::Uri(value.to_owned())),
            AltNameType::Directory => Name::from_rfc4514(value)
                .ok()
                .filter(|name| !name.is_empty() && !name.has_invisible_text())
                .map(Self::Directory),
        };
        parsed.ok_or_else(|| AltNameError::Invalid {
            kind: kind.words(),
            value: value.chars().take(100).collect(),
            detail: fault::of(kind, value),
        })
    }

    /// Its type.
    pub fn kind(&self) -> AltNameType {
        match self {
            Self::Dns(_) => AltNameType::Dns,
            Self::Ip(_) => AltNameType::Ip,
            Self::Email(_) => AltNameType::Email,
            Self::Uri(_) => AltNameType::Uri,
            Self::Directory(_) => AltNameType::Directory,
        }
    }
}

impl fmt::Display for AltName {
    /// The value as text, without its type.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(text) | Self::Email(text) | Self::Uri(text) => f.write_str(text),
            Self::Ip(address) => address.fmt(f),
            Self::Directory(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
