//! Which names are within a subtree.
//!
//! Where RFC 5280 is ambiguous, the stricter interpretation applies: a name that cannot be parsed is within every
//! excluded subtree of its type and within no permitted one.

use std::borrow::Cow;
use std::net::IpAddr;

use super::{NameConstraints, Subtree, readers};
use crate::name::{Attribute, Name};
use crate::san::{self, AltName};

/// A name outside of constraints, as text.
pub(in crate::certificate) struct Outside {
    pub(in crate::certificate) name: String,
    /// The violated constraint.
    pub(in crate::certificate) constraint: String,
}

/// A name in the form that constraints apply to.
enum Candidate<'a> {
    Dns(Cow<'a, str>),
    /// A common name that verifiers treat as a DNS name, or as an address.
    CommonName(Cow<'a, str>),
    Ip(IpAddr),
    /// `None`: a value that is not text.
    Email(Option<Cow<'a, str>>),
    Uri(&'a str),
    Directory(&'a Name),
}

/// Checks every name of a certificate; `server`: whether it is one for servers.
pub(in crate::certificate) fn check(
    constraints: &NameConstraints,
    subject: &Name,
    alt_names: &[AltName],
    server: bool,
) -> Result<(), Outside> {
    let of_subject = (!subject.is_empty())
        .then_some(Candidate::Directory(subject))
        .into_iter();
    let of_email_addresses = subject.email_addresses().map(Candidate::Email);
    let of_common_names = readers::as_hosts(subject, alt_names, server).map(Candidate::CommonName);
    let of_addresses = readers::as_addresses(subject, alt_names).map(Candidate::Ip);
    // An IPv4-mapped IPv6 address is checked against the subtrees of both families.
    let of_mapped = alt_names.iter().filter_map(|name| match name {
        AltName::Ip(address) if address.to_canonical() != *address => Some(Candidate::Ip(address.to_canonical())),
        _ => None,
    });
    let of_alt_names = alt_names.iter().map(|name| match name {
        AltName::Dns(text) => Candidate::Dns(Cow::Borrowed(text)),
        AltName::Ip(address) => Candidate::Ip(*address),
        AltName::Email(text) => Candidate::Email(Some(Cow::Borrowed(text))),
        AltName::Uri(text) => Candidate::Uri(text),
        AltName::Directory(name) => Candidate::Directory(name),
    });
    of_subject
        .chain(of_email_addresses)
        .chain(of_alt_names)
        .chain(of_mapped)
        .chain(of_common_names)
        .chain(of_addresses)
        .try_for_each(|candidate| match candidate.broken(constraints) {
            None => Ok(()),
            Some(constraint) => Err(Outside {
                name: candidate.description(),
                constraint,
            }),
        })
}

impl Candidate<'_> {
    /// The constraint that the name violates: it must be in no excluded subtree and, if there are permitted ones of its
    /// type, in one of those.
    fn broken(&self, constraints: &NameConstraints) -> Option<String> {
        let mut excluded = constraints.excluded.iter();
        if let Some(subtree) = excluded.find(|subtree| self.may_be_in(subtree) == Some(true)) {
            return Some(format!("they exclude {subtree}"));
        }
        let of_this_type = || {
            let permitted = constraints.permitted.iter();
            permitted.filter_map(|subtree| Some((subtree, self.is_in(subtree)?)))
        };
        if of_this_type().next().is_none() || of_this_type().any(|(_, within)| within) {
            return None;
        }
        let names: Vec<String> = of_this_type().take(5).map(|(subtree, _)| subtree.to_string()).collect();
        let more = if of_this_type().count() > 5 { ", …" } else { "" };
        Some(format!("they permit only {}{more}", names.join(", ")))
    }

    /// Whether the whole name is within a subtree; `None` for a subtree of another type.
    fn is_in(&self, subtree: &Subtree) -> Option<bool> {
        match (self, subtree) {
            (Self::Dns(name) | Self::CommonName(name), Subtree::Dns(base)) => Some(dns_is_in(name, base)),
            (
                Self::Ip(address),
                Subtree::Ip {
                    address: network,
                    prefix,
                },
            ) => Some(ip_is_in(*address, *network, *prefix)),
            (Self::Email(address), Subtree::Email(base)) => Some(
                address
                    .as_deref()
                    .and_then(|address| email_is_in(address, base))
                    .unwrap_or(false),
            ),
            (Self::Uri(uri), Subtree::Uri(base)) => Some(uri_is_in(uri, base).unwrap_or(false)),
            (Self::Directory(name), Subtree::Directory(base)) => Some(name_is_in(name, base)),
            _ => None,
        }
    }

    /// Whether some part of the name may be within a subtree; `None` for a subtree of another type.
    fn may_be_in(&self, subtree: &Subtree) -> Option<bool> {
        match (self, subtree) {
            (Self::Dns(name) | Self::CommonName(name), Subtree::Dns(base)) => {
                Some(dns_is_in(name, base) || wildcard_reaches(name, base))
            }
            (Self::Email(address), Subtree::Email(base)) => Some(
                address
                    .as_deref()
                    .and_then(|address| email_is_in(address, base))
                    .unwrap_or(true),
            ),
            (Self::Uri(uri), Subtree::Uri(base)) => Some(uri_is_in(uri, base).unwrap_or(true)),
            _ => self.is_in(subtree),
        }
    }

    fn description(&self) -> String {
        match self {
            Self::Dns(name) => format!("the DNS name {name}"),
            Self::CommonName(name) => {
                format!(
                    "the common name {name}, which verifiers read as a DNS name where no alternative name is one (--no-common-name leaves it out),"
                )
            }
            Self::Ip(address) => format!("the IP address {address}"),
            Self::Email(Some(address)) => format!("the e-mail address {address}"),
            Self::Email(None) => "an e-mail address that is no text".to_owned(),
            Self::Uri(uri) => format!("the URL {uri}"),
            Self::Directory(name) => format!("the distinguished name {name}"),
        }
    }
}

/// The base itself or any name below; only names below where the base has a leading dot; every name where it is empty.
/// A wildcard is below if the rest of it is the base or below.
fn dns_is_in(name: &str, base: &str) -> bool {
    match base.strip_prefix('.') {
        Some(parent) => is_below(name, parent),
        None => base.is_empty() || name.eq_ignore_ascii_case(base) || is_below(name, base),
    }
}

/// Whether a wildcard matches the base itself: it does if the base is one label below the wildcard's parent.
fn wildcard_reaches(name: &str, base: &str) -> bool {
    let Some(parent) = name.strip_prefix("*.") else {
        return false;
    };
    base.split_once('.')
        .is_some_and(|(_, base_parent)| base_parent.eq_ignore_ascii_case(parent))
}

/// Whether a name is one or more labels, a dot, and that parent.
fn is_below(name: &str, parent: &str) -> bool {
    let Some(at) = name.len().checked_sub(parent.len()) else {
        return false;
    };
    let Some((head, tail)) = name.split_at_checked(at) else {
        return false;
    };
    head.len() > 1 && head.ends_with('.') && tail.eq_ignore_ascii_case(parent)
}

fn host_is_in(host: &str, base: &str) -> bool {
    match base.strip_prefix('.') {
        Some(parent) => is_below(host, parent),
        None => base.is_empty() || host.eq_ignore_ascii_case(base),
    }
}

/// `None` where the address is invalid.
fn email_is_in(address: &str, base: &str) -> Option<bool> {
    let (local, host) = address
        .rsplit_once('@')
        .filter(|(local, host)| !local.is_empty() && !host.is_empty())?;
    Some(match base.rsplit_once('@') {
        // Only the host is case-insensitive (RFC 5280 section 7.5).
        Some((base_local, base_host)) => local == base_local && host.eq_ignore_ascii_case(base_host),
        None => host_is_in(host, base),
    })
}

/// `None` where the URI's host is not a domain name, as section 4.2.1.10 requires.
fn uri_is_in(uri: &str, base: &str) -> Option<bool> {
    let host = san::uri_host(uri).filter(|host| !host.is_empty())?;
    let is_address = host.starts_with('[') || host.parse::<IpAddr>().is_ok();
    (!is_address).then(|| host_is_in(host, base))
}

fn ip_is_in(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => (u32::from(address) ^ u32::from(network)) & mask_v4(prefix) == 0,
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            (u128::from(address) ^ u128::from(network)) & mask_v6(prefix) == 0
        }
        _ => false,
    }
}

/// A mask with that many ones, at most 32.
pub(super) fn mask_v4(prefix: u8) -> u32 {
    !u32::MAX.checked_shr(prefix.into()).unwrap_or(0)
}

/// A mask with that many ones, at most 128.
pub(super) fn mask_v6(prefix: u8) -> u128 {
    !u128::MAX.checked_shr(prefix.into()).unwrap_or(0)
}

/// Whether a name starts with the base's RDNs.
fn name_is_in(name: &Name, base: &Name) -> bool {
    let mut rdns = name.rdns();
    base.rdns().all(|base_rdn| {
        let base_rdn: Vec<_> = base_rdn.collect();
        rdns.next()
            .is_some_and(|rdn| is_same_rdn(&rdn.collect::<Vec<_>>(), &base_rdn))
    })
}

/// Whether two sets hold the same attributes (section 7.1).
fn is_same_rdn(one: &[Attribute<'_>], other: &[Attribute<'_>]) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .all(|each| other.iter().any(|candidate| is_same_attribute(each, candidate)))
}

fn is_same_attribute(one: &Attribute<'_>, other: &Attribute<'_>) -> bool {
    if one.oid != other.oid {
        return false;
    }
    match (one.text(), other.text()) {
        (Some(one), Some(other)) => prepared(&one).eq(prepared(&other)),
        _ => one.value_der() == other.value_der(),
    }
}

/// A text in lower case, with one space between words and no leading or trailing ones, which is the effect of section
/// 7.1's string preparation.
fn prepared(text: &str) -> impl Iterator<Item = char> {
    let words = text.split_whitespace().enumerate();
    words.flat_map(|(at, word)| {
        let space = (at > 0).then_some(' ');
        space.into_iter().chain(word.chars().flat_map(char::to_lowercase))
    })
}
