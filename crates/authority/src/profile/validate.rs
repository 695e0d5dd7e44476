//! From the open form to the validated one.

use chancery_x509::certificate::KeyUsage;
use chancery_x509::extension::extended_key_usage;
use chancery_x509::key::policy::KeyClass;
use chancery_x509::name::Subject;
use chancery_x509::san::AltNameType;
use const_oid::ObjectIdentifier;

use super::{AllowedUsages, Profile, ProfileError, ProfileFile};
use crate::slug::Slug;

/// As in the configuration: a hundred years.
const MAX_LIFETIME_DAYS: u32 = 36_500;
/// A day: more would be dating back, not clock skew.
const MAX_BACKDATE_SECONDS: u32 = 86_400;

pub(super) fn validate(name: &str, file: ProfileFile) -> Result<Profile, ProfileError> {
    // A profile's name has a slug's form, and is a file's name and a JSON value likewise.
    Slug::new(name).map_err(|_| ProfileError::Name {
        name: name.chars().take(80).collect(),
    })?;
    let invalid = |key: &'static str, detail: String| ProfileError::Invalid {
        profile: name.to_owned(),
        key,
        detail,
    };
    let range = |key: &'static str, value: u32, least: u32, most: u32| {
        let fits = (least..=most).contains(&value);
        fits.then_some(value).ok_or_else(|| {
            invalid(
                key,
                format!("{value} is out of range; write a number from {least} to {most}"),
            )
        })
    };
    let usages = |key: &'static str, names: &[String]| -> Result<Vec<ObjectIdentifier>, ProfileError> {
        let parse = |name: &String| {
            extended_key_usage(name).ok_or_else(|| {
                invalid(
                    key,
                    format!("{name:?} is no extended key usage; write a name such as CODE_SIGNING, or an OID"),
                )
            })
        };
        names.iter().map(parse).collect()
    };

    let max_lifetime_days = range("max_lifetime_days", file.max_lifetime_days, 1, MAX_LIFETIME_DAYS)?;
    let default_lifetime_days = range(
        "default_lifetime_days",
        file.default_lifetime_days,
        1,
        max_lifetime_days,
    )?;
    let backdate_seconds = range("backdate_seconds", file.backdate_seconds, 0, MAX_BACKDATE_SECONDS)?;
    let extended_key_usages = usages("extended_key_usages", &file.extended_key_usages)?;
    let default_extended_key_usages = usages("default_extended_key_usages", &file.default_extended_key_usages)?;
    // Without the extension a certificate is good for everything: a profile must say what for.
    if extended_key_usages.is_empty() && default_extended_key_usages.is_empty() {
        return Err(invalid(
            "extended_key_usages",
            "write at least one usage here or under default_extended_key_usages; a certificate without any is good for \
             everything"
                .into(),
        ));
    }
    let (stars, listed): (Vec<_>, Vec<_>) = file
        .allowed_extended_key_usages
        .into_iter()
        .partition(|name| name.as_str() == "*");
    let allowed_extended_key_usages = AllowedUsages {
        listed: usages("allowed_extended_key_usages", &listed)?,
        any_harmless: !stars.is_empty(),
    };
    let key_classes = file
        .key_types
        .iter()
        .map(|text| {
            key_class(text).ok_or_else(|| {
                let known = "rsa, p256, p384, p521, ed25519, ml-dsa";
                invalid(
                    "key_types",
                    format!("{text:?} is no kind of key; use some of {known}, or none for all"),
                )
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let key_usage = file.key_usages.iter().try_fold(KeyUsage::default(), |bits, text| {
        let bit = key_usage_bit(text).ok_or_else(|| {
            let known = "digital_signature, content_commitment, key_encipherment, data_encipherment, key_agreement";
            invalid(
                "key_usages",
                format!("{text:?} is no key usage of end entities; use some of {known}"),
            )
        })?;
        Ok(bits | bit)
    })?;
    if key_usage == KeyUsage::default() {
        return Err(invalid(
            "key_usages",
            "write at least one, e.g. digital_signature".into(),
        ));
    }
    let alt_name_types = file
        .san_types
        .iter()
        .map(|text| {
            AltNameType::from_name(text).ok_or_else(|| {
                let known = "DNS_NAME, IP_ADDRESS, EMAIL_ADDRESS, URL, DN";
                invalid(
                    "san_types",
                    format!("{text:?} is no type of alternative name; use some of {known}"),
                )
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    if file.san_required && alt_name_types.is_empty() {
        return Err(invalid(
            "san_types",
            "alternative names are required, so allow at least one type".into(),
        ));
    }
    let subject = Subject::from(file.subject);
    if subject.common_name.is_some() {
        return Err(invalid(
            "subject",
            "a common name is the request's own; leave common_name out".into(),
        ));
    }
    check_subject(&subject).map_err(|detail| invalid("subject", detail))?;
    let policies = file
        .policies
        .iter()
        .map(|text| {
            ObjectIdentifier::new(text).map_err(|_| invalid("policies", format!("{text:?} is no object identifier")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(twice) = policies
        .iter()
        .enumerate()
        .find(|(at, oid)| policies[..*at].contains(oid))
    {
        return Err(invalid(
            "policies",
            format!("{} stands there twice; write it once", twice.1),
        ));
    }
    Ok(Profile {
        name: name.to_owned(),
        description: file.description,
        issuing_ca: file.issuing_ca,
        key_classes,
        key_usage,
        rsa_key_encipherment: file.rsa_key_encipherment,
        extended_key_usages,
        default_extended_key_usages,
        allowed_extended_key_usages,
        default_lifetime_days,
        max_lifetime_days,
        backdate_seconds,
        alt_name_types,
        alt_name_required: file.san_required,
        alt_name_from_common_name: file.san_from_common_name,
        wildcards: file.wildcards,
        custom_extensions: file.custom_extensions,
        critical_custom_extensions: file.critical_custom_extensions,
        subject,
        required_subject_fields: file.required_subject_fields,
        policies,
    })
}

/// Fixed subject fields are encodable, so that a mistake shows when the profile is read and not at every request.
fn check_subject(fixed: &Subject) -> Result<(), String> {
    if *fixed == Subject::default() {
        return Ok(());
    }
    fixed.to_name().map(drop).map_err(|error| error.to_string())
}

fn key_class(text: &str) -> Option<KeyClass> {
    Some(match text {
        "rsa" => KeyClass::Rsa,
        "p256" => KeyClass::P256,
        "p384" => KeyClass::P384,
        "p521" => KeyClass::P521,
        "ed25519" => KeyClass::Ed25519,
        "ml-dsa" => KeyClass::MlDsa,
        _ => return None,
    })
}

/// Bits of end entities only: certificate and CRL signing are for CAs.
fn key_usage_bit(text: &str) -> Option<KeyUsage> {
    Some(match text {
        "digital_signature" => KeyUsage::DIGITAL_SIGNATURE,
        "content_commitment" => KeyUsage::CONTENT_COMMITMENT,
        "key_encipherment" => KeyUsage::KEY_ENCIPHERMENT,
        "data_encipherment" => KeyUsage::DATA_ENCIPHERMENT,
        "key_agreement" => KeyUsage::KEY_AGREEMENT,
        _ => return None,
    })
}
