//! Interprets the names on the command line: as alternative names, and as a hint to the profile.

use std::net::IpAddr;

use anyhow::{Result, bail};
use chancery_api::issue::ListedAltName;
use chancery_authority::issue::TlsPurpose;
use chancery_contract::purpose_named;
use chancery_x509::san::{AltName, AltNameType, is_domain_name};

use crate::arguments::RequestArguments;
use crate::command::issue_request;

const SERVER: &str = "tls-server";
const CLIENT: &str = "tls-client";

/// The default profile, chosen by the names. `None` where the user selects one, or purposes.
pub(super) fn default_profile(request: &RequestArguments) -> Result<Option<&'static str>> {
    let asked = &request.certificate;
    if asked.profile.is_some() || !asked.purposes.is_empty() || !asked.extended_key_usages.is_empty() {
        return Ok(None);
    }
    let mut of_hosts = request.names.iter().any(|name| is_host(name));
    for san in &asked.sans {
        let (kind, _) = issue_request::typed(san, &format!("--san {san:?}"))?;
        of_hosts &= matches!(kind, AltNameType::Dns | AltNameType::Ip);
    }
    let of_others = request.names[1..]
        .iter()
        .any(|name| name.contains('@') || name.contains("://"));
    if of_hosts && !of_others {
        return Ok(Some(SERVER));
    }
    match probable_fault(&request.names[0]) {
        Some(hint) => bail!("{hint}; or say with --profile or --purpose what the certificate is for"),
        None => Ok(Some(CLIENT)),
    }
}

/// What is wrong with a name that was probably meant for a server: with a client's certificate the error would show
/// only when the server refuses to start.
fn probable_fault(name: &str) -> Option<String> {
    if is_host(name) {
        return None;
    }
    let scheme = ["https://", "http://"].into_iter().find(|scheme| {
        let head = name.get(..scheme.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(scheme))
    });
    let rest = &name[scheme.map_or(0, str::len)..];
    let (authority, is_page) = match rest.find(['/', '?', '#']) {
        Some(end) => (&rest[..end], true),
        None => (rest, scheme.is_some()),
    };
    // Before an at sign stands who logs in; without a scheme it is an email address.
    let authority = match authority.rsplit_once('@') {
        Some((_, host)) if scheme.is_some() => host,
        _ => authority,
    };
    let (host, has_port) = host_of(authority);
    let is_known = is_host(host);
    let give = if is_known {
        format!(": give {host:?}")
    } else {
        String::new()
    };
    if is_page && (is_known || scheme.is_some()) {
        return Some(format!(
            "{name:?} is the address of a page; a server's certificate is for its host{give}"
        ));
    }
    if has_port && (is_known || AltName::parse(AltNameType::Dns, host).is_ok()) {
        return Some(format!("{name:?} has a port, which no certificate has: give {host:?}"));
    }
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|octet| octet.is_ascii_digit());
    let is_dotted = name.split('.').count() == 4 && name.split('.').all(is_number);
    is_dotted.then(|| format!("{name:?} is no IPv4 address, which has four numbers of 0 to 255"))
}

/// The host of `HOST`, `HOST:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`, and whether there is a port.
fn host_of(authority: &str) -> (&str, bool) {
    if let Some((address, rest)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (address, rest.len() > 1);
    }
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => (host, !port.is_empty()),
        _ => (authority, false),
    }
}

/// Why a profile was chosen, and how to choose another.
pub(super) fn profile_hint(profile: &str) -> &'static str {
    if profile == SERVER {
        "the names are domains or addresses; --profile tls-client is for clients, and there are others"
    } else {
        "the names are not all domains or addresses; --profile tls-server is for servers, and there are others"
    }
}

/// All names, in the form of the contract; except a first one that can only be a common name: one with blanks, or a
/// single label where no other name is a host.
pub(super) fn alt_names(request: &RequestArguments) -> Result<Vec<ListedAltName>> {
    let mut sans = Vec::new();
    for (index, name) in request.names.iter().enumerate() {
        if index > 0 || is_alt_name(name, request) {
            let san = issue_request::alt_name(name, &format!("{name:?}"))?;
            if !sans.contains(&san) {
                sans.push(san);
            }
        }
    }
    Ok(sans)
}

/// Whether the first name is an alternative name, too.
fn is_alt_name(first: &str, request: &RequestArguments) -> bool {
    if is_host(first) || is_nearly_host(first) || request.no_common_name {
        return true;
    }
    if AltName::parse(AltNameType::Email, first).is_ok() || AltName::parse(AltNameType::Uri, first).is_ok() {
        return true;
    }
    // The contract does not count a server's single-label name as a domain, but it is the name that its clients will
    // verify.
    let beside_hosts = is_server(request) || request.names[1..].iter().any(|name| is_host(name));
    beside_hosts && AltName::parse(AltNameType::Dns, first).is_ok()
}

fn is_host(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok() || name.starts_with("*.") || is_domain_name(name)
}

/// A domain or an address except for an underscore, a dot at its end, or brackets: it is treated as one, so that the
/// user gets a precise error.
fn is_nearly_host(name: &str) -> bool {
    let mended = name
        .trim_start_matches('[')
        .trim_end_matches([']', '.'])
        .replace('_', "x");
    mended != name && is_host(&mended)
}

fn is_server(request: &RequestArguments) -> bool {
    request.certificate.profile.as_deref() == Some(SERVER)
        || request
            .certificate
            .purposes
            .iter()
            .any(|purpose| purpose_named(purpose) == Some(TlsPurpose::ServerAuth))
}
