//! Name constraints (RFC 5280 section 4.2.1.10): their types, to and from DER, and which names are within them.

mod matching;
mod readers;

use std::fmt;
use std::net::IpAddr;

use super::CertificateError;
use super::parse::malformed;
use crate::name::Name;
use crate::san;
use crate::tlv::{NotDer, Reader, Tlv, Writer, tag};

pub(super) use matching::check;

/// Name constraints of a CA (RFC 5280 section 4.2.1.10).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameConstraints {
    /// permittedSubtrees.
    pub permitted: Vec<Subtree>,
    /// excludedSubtrees.
    pub excluded: Vec<Subtree>,
}

/// A subtree of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subtree {
    /// A domain and everything below it; a leading dot leaves out the domain itself.
    Dns(String),
    /// An address block in CIDR notation.
    Ip {
        /// The network's address.
        address: IpAddr,
        /// Bits of the prefix.
        prefix: u8,
    },
    /// An address, a host, or with a leading dot a domain.
    Email(String),
    /// A host, or with a leading dot a domain.
    Uri(String),
    /// Names that start with these RDNs.
    Directory(Name),
}

impl fmt::Display for Subtree {
    /// Describes the subtree, to name the constraint that a name violates.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(base) => write!(f, "the DNS names of {base:?}"),
            Self::Ip { address, prefix } => write!(f, "the addresses of {address}/{prefix}"),
            Self::Email(base) => write!(f, "the e-mail addresses of {base:?}"),
            Self::Uri(base) => write!(f, "the URLs of {base:?}"),
            Self::Directory(name) => write!(f, "the distinguished names under {name}"),
        }
    }
}

const EMAIL: u8 = tag::context(1);
const DNS: u8 = tag::context(2);
const DIRECTORY: u8 = tag::context_constructed(4);
const URI: u8 = tag::context(6);
const IP: u8 = tag::context(7);

/// Whether constraints can be encoded.
pub(super) fn check_own(constraints: &NameConstraints) -> Result<(), &'static str> {
    if constraints.permitted.is_empty() && constraints.excluded.is_empty() {
        return Err("they permit nothing and exclude nothing");
    }
    for subtree in constraints.permitted.iter().chain(&constraints.excluded) {
        match subtree {
            Subtree::Dns(text) | Subtree::Email(text) | Subtree::Uri(text) if !text.is_ascii() => {
                return Err("a subtree is not ASCII");
            }
            Subtree::Ip { address, prefix } if *prefix > bits(*address) => {
                return Err("a prefix is longer than its address");
            }
            _ => {}
        }
    }
    Ok(())
}

/// Writes the extension's value.
pub(super) fn write(writer: &mut Writer, constraints: &NameConstraints) {
    writer.nested(tag::SEQUENCE, |fields| {
        for (number, subtrees) in [(0, &constraints.permitted), (1, &constraints.excluded)] {
            if subtrees.is_empty() {
                continue;
            }
            fields.nested(tag::context_constructed(number), |list| {
                for subtree in subtrees {
                    // minimum is 0 by default and maximum absent, as RFC 5280 requires.
                    list.nested(tag::SEQUENCE, |fields| write_base(fields, subtree));
                }
            });
        }
    });
}

fn write_base(writer: &mut Writer, subtree: &Subtree) {
    match subtree {
        Subtree::Dns(text) => writer.value(DNS, text.as_bytes()),
        Subtree::Email(text) => writer.value(EMAIL, text.as_bytes()),
        Subtree::Uri(text) => writer.value(URI, text.as_bytes()),
        Subtree::Directory(name) => writer.value(DIRECTORY, name.as_der()),
        // The address's bits after the prefix are cleared.
        Subtree::Ip { address, prefix } => {
            let mut octets = match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            let mask = mask_octets(*address, *prefix);
            octets.iter_mut().zip(&mask).for_each(|(octet, mask)| *octet &= mask);
            octets.extend(mask);
            writer.value(IP, &octets);
        }
    }
}

/// Parses the extension's value, leaving out subtrees of unsupported types (otherName, x400Address, …).
pub(super) fn from_der(value: &[u8]) -> Result<NameConstraints, CertificateError> {
    let read = || {
        let mut fields = Reader::only(value, tag::SEQUENCE)?;
        let permitted = subtrees(fields.optional(tag::context_constructed(0))?)?;
        let excluded = subtrees(fields.optional(tag::context_constructed(1))?)?;
        fields.finish()?;
        Ok(NameConstraints { permitted, excluded })
    };
    read().map_err(|_: NotDer| malformed("its nameConstraints are not well-formed"))
}

fn subtrees(list: Option<Tlv<'_>>) -> Result<Vec<Subtree>, NotDer> {
    let Some(list) = list else { return Ok(Vec::new()) };
    let mut reader = list.reader();
    let mut subtrees = Vec::new();
    while !reader.is_empty() {
        let mut fields = reader.expect(tag::SEQUENCE)?.reader();
        let base = fields.read()?;
        // An explicit minimum of 0 is the encoded default; any other minimum or a maximum is not allowed.
        if let Some(minimum) = fields.optional(tag::context(0))?
            && minimum.content != [0]
        {
            return Err(NotDer::Unexpected);
        }
        fields.finish()?;
        subtrees.extend(subtree(&base)?);
    }
    Ok(subtrees)
}

fn subtree(base: &Tlv<'_>) -> Result<Option<Subtree>, NotDer> {
    Ok(match base.tag {
        DNS => Some(Subtree::Dns(san::text(base.content)?)),
        EMAIL => Some(Subtree::Email(san::text(base.content)?)),
        URI => Some(Subtree::Uri(san::text(base.content)?)),
        DIRECTORY => Some(Subtree::Directory(
            Name::from_der(base.content).map_err(|_| NotDer::Unexpected)?,
        )),
        IP => Some(block(base.content)?),
        _ => None,
    })
}

/// Parses an address and its mask, whose ones must be its highest bits.
fn block(octets: &[u8]) -> Result<Subtree, NotDer> {
    let (address, mask) = octets.split_at_checked(octets.len() / 2).ok_or(NotDer::Unexpected)?;
    let address = if let Ok(address) = <[u8; 4]>::try_from(address) {
        IpAddr::from(address)
    } else {
        IpAddr::from(<[u8; 16]>::try_from(address).map_err(|_| NotDer::Unexpected)?)
    };
    let ones = mask.iter().take_while(|octet| **octet == 0xff).count();
    let bits_behind = mask.get(ones).map_or(0, |octet| octet.leading_ones());
    let prefix = u8::try_from(8 * ones).map_err(|_| NotDer::Unexpected)?
        + u8::try_from(bits_behind).map_err(|_| NotDer::Unexpected)?;
    let subtree = Subtree::Ip { address, prefix };
    if mask == mask_octets(address, prefix) {
        Ok(subtree)
    } else {
        Err(NotDer::Unexpected)
    }
}

fn mask_octets(address: IpAddr, prefix: u8) -> Vec<u8> {
    match address {
        IpAddr::V4(_) => matching::mask_v4(prefix).to_be_bytes().to_vec(),
        IpAddr::V6(_) => matching::mask_v6(prefix).to_be_bytes().to_vec(),
    }
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

#[cfg(test)]
mod tests;
