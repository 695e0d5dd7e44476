//! The names in a certificate: its subject and its alternative names.

use chancery_x509::name::Subject;
use chancery_x509::san::{AltName, AltNameType};

use super::Refusal;
use crate::config::Config;
use crate::profile::Profile;
use crate::wire::{AltNameText, RequestedNames, budget};

/// The profile's fields before the request's, before the CSR's.
pub(super) fn subject(requested: &Subject, csr: Subject, profile: &Profile) -> Result<Subject, Refusal> {
    let subject = profile.subject().clone().or(requested.clone()).or(csr);
    if subject.common_name.as_deref().is_none_or(|name| name.trim().is_empty()) {
        return Err(Refusal::NoCommonName);
    }
    for field in profile.required_subject_fields() {
        if field.of(&subject).is_none_or(|value| value.trim().is_empty()) {
            return Err(Refusal::SubjectField {
                profile: profile.name().to_owned(),
                field: field.name(),
            });
        }
    }
    Ok(subject)
}

/// Refuses the slug of any CA, configured or existing: stores and trust tools that know certificates by their common
/// name would take the leaf for the CA.
pub(super) fn not_a_ca<'a>(
    common_name: &str,
    config: &'a Config,
    existing: impl Iterator<Item = &'a str>,
) -> Result<(), Refusal> {
    let name = common_name.trim();
    let mut slugs = config.cas().iter().map(|ca| ca.slug().as_str()).chain(existing);
    if slugs.any(|slug| slug.eq_ignore_ascii_case(name)) {
        return Err(Refusal::ReservedName {
            name: common_name.to_owned(),
        });
    }
    Ok(())
}

/// The alternative names: those asked for, or the common name if it is a domain; each within the profile.
pub(super) fn alt_names(
    requested: &RequestedNames,
    common_name: &str,
    profile: &Profile,
) -> Result<Vec<AltName>, Refusal> {
    let names = match requested {
        RequestedNames::Listed(names) => names.clone(),
        RequestedNames::FromCommonName => from_common_name(common_name, profile).into_iter().collect(),
    };
    check_alt_names(&names, profile)?;
    Ok(names)
}

/// Whether the profile allows these names, one by one.
pub(super) fn check_alt_names(names: &[AltName], profile: &Profile) -> Result<(), Refusal> {
    if names.len() > budget::ALT_NAMES {
        return Err(Refusal::TooManyAltNames {
            actual: names.len(),
            limit: budget::ALT_NAMES,
        });
    }
    if names.is_empty() && profile.alt_name_required() {
        return Err(Refusal::NoAltName {
            profile: profile.name().to_owned(),
        });
    }
    for name in names {
        if !profile.allows_alt_name(kind(name)) {
            let AltNameText { kind, value } = AltNameText::from(name);
            return Err(Refusal::AltNameNotAllowed {
                profile: profile.name().to_owned(),
                kind,
                value,
            });
        }
        if let AltName::Dns(value) = name
            && value.starts_with('*')
            && !profile.allows_wildcards()
        {
            return Err(Refusal::Wildcard {
                profile: profile.name().to_owned(),
                value: value.clone(),
            });
        }
    }
    Ok(())
}

/// A common name is a domain if it is a DNS name of at least two labels, no wildcard, whose last label is no number (an
/// IPv4 address is no domain).
fn from_common_name(common_name: &str, profile: &Profile) -> Option<AltName> {
    if !profile.alt_name_from_common_name() || !profile.allows_alt_name(AltNameType::Dns) {
        return None;
    }
    let (_, last) = common_name.rsplit_once('.')?;
    if common_name.starts_with('*') || last.is_empty() || last.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    AltName::parse(AltNameType::Dns, common_name).ok()
}

fn kind(name: &AltName) -> AltNameType {
    match name {
        AltName::Dns(_) => AltNameType::Dns,
        AltName::Ip(_) => AltNameType::Ip,
        AltName::Email(_) => AltNameType::Email,
        AltName::Uri(_) => AltNameType::Uri,
        AltName::Directory(_) => AltNameType::Directory,
    }
}
