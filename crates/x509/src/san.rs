//! Subject alternative names (RFC 5280 section 4.2.1.6).

use std::net::IpAddr;

use crate::name::Name;

/// One alternative name, valid for its type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AltName {
    /// dNSName: LDH labels, A-labels for IDNs, an optional leftmost `*`.
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

/// Types of alternative names, as requests name them.
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

/// Why a text is no alternative name of its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AltNameError {
    /// Not valid for its type.
    #[error("{value:?} is no valid {kind}")]
    Invalid {
        /// The type in words: `DNS name`, `IP address`, `e-mail address`, `URL`, `distinguished name`.
        kind: &'static str,
        /// The value, shortened to 100 characters.
        value: String,
    },
}

impl AltNameType {
    /// The type of a request's name for it: `DNS_NAME`, `IP_ADDRESS`, `EMAIL_ADDRESS`, `URL`, `DN`;
    /// the command line's `dns`, `ip`, `email`, `uri`, `dn` too, in any case.
    pub fn from_name(_name: &str) -> Option<Self> {
        todo!("H2")
    }
}

impl AltName {
    /// Parses one value of that type. Unicode DNS names become A-labels (IDNA 2008, UTS 46).
    pub fn parse(_kind: AltNameType, _value: &str) -> Result<Self, AltNameError> {
        todo!("H2")
    }
}
