//! The alternative names in a certificate.

use chancery_x509::csr::RequestedName;
use chancery_x509::san::{AltName, AltNameType};

use super::request::Request;
use super::requested_names::RequestedNames;
use super::{Refusal, budget};
use crate::profile::{AltNameSource, Profile};

/// The alternative names: those of the request, or the common name if it is a domain; then, where request or profile
/// want it, those of the CSR. Each must be allowed by the profile. Names in the CSR that are not taken are reported as
/// warnings.
pub(super) fn decide(
    request: &Request,
    common_name: Option<&str>,
    profile: &Profile,
    warnings: &mut Vec<String>,
) -> Result<Vec<AltName>, Refusal> {
    let mut names = match &request.alt_names {
        RequestedNames::Listed(names) => names.clone(),
        RequestedNames::FromCommonName => common_name
            .and_then(|name| from_common_name(name, profile))
            .into_iter()
            .collect(),
    };
    let take = request.alt_names_from_csr || profile.alt_names() == AltNameSource::Csr;
    match request.csr.verified().requested_names() {
        Ok(requested) if take => take_all(requested, &mut names, warnings),
        Ok(requested) => warn_of_unused(&requested, &names, warnings),
        Err(error) if take => return Err(error.into()),
        Err(_) => warnings.push("the alternative names of the CSR cannot be read, and were left out".to_owned()),
    }
    check(&names, profile)?;
    Ok(names)
}

/// Adds those of the CSR as if the request had listed them; a value that is invalid for its type is left out with a
/// warning.
fn take_all(requested: Vec<RequestedName>, names: &mut Vec<AltName>, warnings: &mut Vec<String>) {
    for each in requested {
        match each {
            RequestedName::Known(asked) => match AltName::parse(asked.kind(), &asked.to_string()) {
                Ok(name) if names.contains(&name) => {}
                Ok(name) => names.push(name),
                Err(error) => warnings.push(format!("alternative name {error}; it was left out")),
            },
            RequestedName::Other { kind } => warnings.push(format!(
                "an alternative name of the CSR was left out: names of type {kind} cannot be granted"
            )),
        }
    }
}

fn warn_of_unused(requested: &[RequestedName], names: &[AltName], warnings: &mut Vec<String>) {
    for each in requested {
        let name = match each {
            RequestedName::Known(asked) => {
                let canonical = AltName::parse(asked.kind(), &asked.to_string());
                if names.contains(asked) || canonical.is_ok_and(|name| names.contains(&name)) {
                    continue;
                }
                let value: String = asked.to_string().chars().take(100).collect();
                format!("{} {value:?}", asked.kind().name())
            }
            RequestedName::Other { kind } => format!("of type {kind}"),
        };
        warnings.push(format!(
            "the CSR's alternative name {name} is not in the certificate: names of a CSR are taken only where the request \
             (sans_from_csr, --san-from-csr) or the profile says so"
        ));
    }
}

/// Checks each name against the profile.
pub(super) fn check(names: &[AltName], profile: &Profile) -> Result<(), Refusal> {
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
        // A certificate that was issued before this rule may have such a name.
        AltName::parse(name.kind(), &name.to_string()).map_err(Refusal::AltName)?;
        if !profile.allows_alt_name(name.kind()) {
            return Err(Refusal::AltNameNotAllowed {
                profile: profile.name().to_owned(),
                kind: name.kind().name(),
                value: name.to_string(),
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

/// A common name is a domain if it is a DNS name of at least two labels, no wildcard, whose last label is not a number
/// (an IPv4 address is not a domain).
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
