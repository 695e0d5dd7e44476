//! Domain names, and the e-mail addresses that end in one.

use std::borrow::Cow;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};

/// Longest domain name in text form, in octets (RFC 1035 section 2.3.4: 255 octets on the wire).
const MAX_NAME: usize = 253;

/// Longest label, in octets.
const MAX_LABEL: usize = 63;

/// Longest text that is processed, in octets, as U-labels: bounds the work of IDNA.
const MAX_TEXT: usize = 1024;

/// Whether a common name is a domain name, which becomes the alternative name of a request without any.
///
/// As in the drop-in contract (`validators.domain`): at least two labels, the last of at least two characters and
/// ending with a letter, no wildcard. Names with underscores do not count, since a dNSName cannot contain them.
pub fn is_domain_name(text: &str) -> bool {
    let Some(name) = canonical(text) else { return false };
    let Some((_, top)) = name.rsplit_once('.') else {
        return false;
    };
    !name.starts_with("*.") && top.len() >= 2 && top.bytes().last().is_some_and(|octet| octet.is_ascii_alphabetic())
}

/// A dNSName in lower case and A-labels, if `text` is one.
pub(super) fn canonical(text: &str) -> Option<String> {
    match text.strip_prefix("*.") {
        Some(rest) => host(rest)
            .filter(|rest| rest.len() + 2 <= MAX_NAME && !is_public_suffix(rest))
            .map(|rest| format!("*.{rest}")),
        None => host(text).map(Cow::into_owned),
    }
}

/// Whether names directly below this one belong to many owners, so that no wildcard may cover them: a single label, as
/// every top-level domain is, and the public suffixes of several labels (ICANN's part of <https://publicsuffix.org>).
///
/// The list is that of the library's release, without newer suffixes. Its private part (`github.io`) is not used: for a
/// private authority such a domain has one owner.
pub fn is_public_suffix(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !name.contains('.')
        || psl::suffix(name.as_bytes())
            .is_some_and(|suffix| suffix.typ() == Some(psl::Type::Icann) && suffix.as_bytes() == name.as_bytes())
}

/// An rfc822Name, its domain in lower case and A-labels, if `text` is one.
pub(super) fn email_address(text: &str) -> Option<String> {
    let (local, domain) = text.rsplit_once('@')?;
    // RFC 5321 section 4.5.3.1.
    let bounded = local.len() <= 64 && domain.len() <= MAX_TEXT;
    if !bounded || !local.split('.').all(is_atom) {
        return None;
    }
    let address = format!("{local}@{}", host(domain)?);
    (address.len() <= 254).then_some(address)
}

/// Atom of RFC 5322 section 3.2.3.
fn is_atom(text: &str) -> bool {
    let is_atext = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&octet);
    !text.is_empty() && text.bytes().all(is_atext)
}

/// A domain name without wildcard, canonical.
fn host(text: &str) -> Option<Cow<'_, str>> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let lower = if text.bytes().any(|octet| octet.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    };
    let name = if lower.is_ascii() && !lower.contains("xn--") {
        lower
    } else {
        // A-labels are decoded in the process, so that one which does not result from any U-label is refused.
        let ascii = Uts46::new().to_ascii(
            lower.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        );
        Cow::Owned(ascii.ok()?.into_owned())
    };
    is_host(&name).then_some(name)
}

fn is_host(name: &str) -> bool {
    let top_is_numeric = name
        .rsplit('.')
        .next()
        .is_none_or(|top| top.bytes().all(|octet| octet.is_ascii_digit()));
    name.len() <= MAX_NAME && !top_is_numeric && name.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let is_ldh = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
    !label.is_empty()
        && label.len() <= MAX_LABEL
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(is_ldh)
}
