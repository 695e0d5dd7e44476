//! The subject of a certificate, and the name that it is recorded under.

use chancery_x509::name::{Name, Subject};
use chancery_x509::san::{AltName, is_public_suffix};

use super::{Refusal, folding};
use crate::config::Config;
use crate::profile::{DEFAULT_PROFILE, Profile, RequiredSubjectField, SubjectSource};

/// The recorded name of a certificate without a common name, for databases that do not allow an empty key.
const NAMELESS: &str = "(none)";

/// A certificate's subject, fully decided.
pub(super) struct DecidedSubject {
    pub(super) name: Name,
    /// The first common name, if there is one.
    pub(super) common_name: Option<String>,
}

/// Takes each field from the profile, else the request, else the CSR; the profile decides whether further attributes of
/// the CSR are included.
pub(super) fn subject(
    (asked, no_common_name): (&Subject, bool),
    csr: &Name,
    profile: &Profile,
    warnings: &mut Vec<String>,
) -> Result<DecidedSubject, Refusal> {
    let mut fixed = profile.subject().clone().or(asked.clone());
    if fixed.common_name.as_deref().is_some_and(|name| name.trim().is_empty()) {
        return Err(Refusal::NoCommonName);
    }
    let with_common_name = !no_common_name;
    if !with_common_name {
        fixed.common_name = None;
    }
    let composed = match profile.subject_from() {
        SubjectSource::Csr => csr.compose(&fixed, with_common_name)?,
        SubjectSource::Fields => csr.compose_fields(&fixed, with_common_name)?,
    };
    warnings.extend(composed.left_out.iter().map(ToString::to_string));
    let subject = composed.name.attributes();
    if with_common_name && subject.common_name.is_none() {
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
    Ok(DecidedSubject {
        name: composed.name,
        common_name: subject.common_name,
    })
}

/// The name that a certificate is recorded under: its common name, else its first alternative name, else its whole
/// subject.
pub(super) fn recorded_name(subject: &DecidedSubject, alt_names: &[AltName]) -> Result<String, Refusal> {
    if subject.name.is_empty() && alt_names.is_empty() {
        return Err(Refusal::NoNameAtAll);
    }
    Ok(recorded_name_of(&subject.name, alt_names))
}

/// The same for an existing certificate.
pub(crate) fn recorded_name_of(subject: &Name, alt_names: &[AltName]) -> String {
    if let Some(common_name) = subject.attributes().common_name {
        return common_name;
    }
    let name = alt_names
        .first()
        .map_or_else(|| subject.to_rfc4514(), ToString::to_string);
    name.chars().take(RECORDED_NAME).collect()
}

/// Longest recorded name, in characters, of a certificate without a common name.
pub(super) const RECORDED_NAME: usize = 255;

/// Whether the subject of a certificate to be renewed is what its profile would produce now: a renewal does not change
/// a subject.
pub(super) fn check_again(subject: &Name, profile: &Profile) -> Result<(), Refusal> {
    let has = subject.attributes();
    for field in profile.required_subject_fields() {
        if field.of(&has).is_none_or(|value| value.trim().is_empty()) {
            return Err(Refusal::SubjectField {
                profile: profile.name().to_owned(),
                field: field.name(),
            });
        }
    }
    for field in RequiredSubjectField::ALL {
        match field.of(profile.subject()) {
            Some(fixed) if field.of(&has) != Some(fixed) => {
                return Err(Refusal::SubjectChanged {
                    profile: profile.name().to_owned(),
                    field: field.name(),
                    value: fixed.to_owned(),
                });
            }
            Some(_) | None => {}
        }
    }
    Ok(())
}

/// Refuses the name of any CA, configured or existing: trust stores and tools that identify certificates by common name
/// would mistake the leaf for the CA.
pub(super) fn not_a_ca<'a>(
    common_name: &str,
    config: &'a Config,
    existing: impl Iterator<Item = &'a str>,
) -> Result<(), Refusal> {
    let name = folding::compared(common_name);
    let ca_names = config.cas().iter().map(|ca| ca.name().as_str()).chain(existing);
    if ca_names
        .chain([NAMELESS])
        .any(|reserved| folding::compared(reserved) == name)
    {
        return Err(Refusal::ReservedName {
            name: common_name.to_owned(),
        });
    }
    Ok(())
}

/// Refuses a wildcard that covers names of many owners: verifiers that fall back to the common name would accept it for
/// all of them. The drop-in contract does not restrict common names, so the default profile only warns.
pub(super) fn check_width(common_name: &str, profile: &Profile, warnings: &mut Vec<String>) -> Result<(), Refusal> {
    if !is_wide(common_name) {
        return Ok(());
    }
    if profile.name() != DEFAULT_PROFILE {
        return Err(Refusal::WideCommonName {
            name: common_name.to_owned(),
        });
    }
    warnings.push(format!(
        "the common name {common_name:?} is a wildcard for names of many owners, for clients that match it as a host name; it \
         is not added as an alternative name"
    ));
    Ok(())
}

/// Whether a common name has a `*`, as a whole label or part of one, without a domain of one owner below it: in the
/// last label, or directly under a public suffix. A text with inner whitespace is not a host name.
fn is_wide(common_name: &str) -> bool {
    let host = folding::as_host(common_name);
    if host.contains(char::is_whitespace) {
        return false;
    }
    let Some((_, end)) = host.rsplit_once('*') else {
        return false;
    };
    end.split_once('.').is_none_or(|(_, domain)| is_public_suffix(domain))
}

#[cfg(test)]
mod tests {
    use super::is_wide;

    #[test]
    fn wildcards_for_many_owners_are_known_in_every_form() {
        for wide in [
            "*.com",
            "*.COM.",
            " *.com ",
            "*.co.uk",
            "f*.com",
            "*f.com",
            "f*o.co.uk",
            "**.com",
            "*.*.com",
            "www.*.com",
            "*.*",
            "*",
            "www.example.*",
            "\u{ff0a}.com",
            "\u{fe61}.com",
            "*\u{ff0e}com",
            "*\u{3002}com",
            "*\u{ff61}com",
            "*\u{2024}com",
            "*..com",
            "*.\u{ff43}om",
            "*.\u{440}\u{444}",
            "*.xn--p1ai",
            "*.\u{516c}\u{53f8}.cn",
        ] {
            assert!(is_wide(wide), "{wide:?}");
        }
        for narrow in [
            "*.example.com",
            "f*.example.com",
            "*.*.example.com",
            "*.example.co.uk",
            "*.github.io",
            "*.b\u{fc}cher.example",
            "www.example.com",
            "com",
            "Team * Berlin",
            "",
        ] {
            assert!(!is_wide(narrow), "{narrow:?}");
        }
    }
}
