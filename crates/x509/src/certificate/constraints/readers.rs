//! Common names as verifiers interpret them.
//!
//! RFC 5280 section 4.2.1.10 constrains alternative names, and the subject as a distinguished name. Verifiers also
//! check common names against the constraints where a certificate lacks suitable alternative names. A certificate that
//! they would refuse should not be issued:
//!
//! - OpenSSL, if there is no dNSName: every common name of two labels or more, of letters, digits, `-` and `_`,
//!   including addresses (`cn2dnsid` in `v3_ncons.c`).
//! - GnuTLS, if there is no dNSName, in certificates for servers: every common name.
//! - Java, if there is neither dNSName nor iPAddress: whatever parses as a DNS name, including single labels and
//!   addresses (`sun.security.x509.NameConstraintsExtension`).

use std::borrow::Cow;
use std::net::IpAddr;

use crate::name::Name;
use crate::san::{AltName, AltNameType};

/// The common names that at least one of these verifiers checks against DNS subtrees.
pub(super) fn as_hosts<'a>(
    subject: &'a Name,
    alt_names: &[AltName],
    server: bool,
) -> impl Iterator<Item = Cow<'a, str>> {
    let has_dns_name = alt_names.iter().any(|name| matches!(name, AltName::Dns(_)));
    let has_address = alt_names.iter().any(|name| matches!(name, AltName::Ip(_)));
    subject.common_names().flatten().filter_map(move |text| {
        if has_dns_name {
            return None;
        }
        if let Some(name) = canonical(&text) {
            return Some(Cow::Owned(name));
        }
        let read = server || is_host_to_openssl(&text) || (!has_address && is_host_to_java(&text));
        read.then_some(text)
    })
}

/// The common names that are addresses, if no alternative name identifies a host.
pub(super) fn as_addresses(subject: &Name, alt_names: &[AltName]) -> impl Iterator<Item = IpAddr> {
    let has_host = alt_names
        .iter()
        .any(|name| matches!(name, AltName::Dns(_) | AltName::Ip(_)));
    let common_names = subject.common_names().flatten().filter(move |_| !has_host);
    common_names.filter_map(|text| text.parse::<IpAddr>().ok().map(|address| address.to_canonical()))
}

/// A domain of two labels or more, in A-labels, wildcards included.
fn canonical(text: &str) -> Option<String> {
    let name = AltName::parse(AltNameType::Dns, text).ok()?.to_string();
    name.contains('.').then_some(name)
}

fn is_host_to_openssl(text: &str) -> bool {
    let is_label = |label: &str| {
        let octets = label.bytes();
        !label.is_empty()
            && octets
                .clone()
                .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
    };
    text.contains('.') && text.split('.').all(is_label)
}

fn is_host_to_java(text: &str) -> bool {
    let is_label = |label: &str| {
        label.starts_with(|first: char| first.is_ascii_alphanumeric())
            && label
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
    };
    text.split('.').all(is_label)
}
