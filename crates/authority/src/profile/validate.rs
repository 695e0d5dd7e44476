//! Validates a [`ProfileFile`] into a [`Profile`].

use chancery_x509::certificate::KeyUsage;
use chancery_x509::extension::extended_key_usage;
use chancery_x509::key::policy::KeyClass;
use chancery_x509::name::Subject;
use chancery_x509::san::AltNameType;
use const_oid::ObjectIdentifier;

use super::{AllowedUsages, Profile, ProfileError, ProfileFile};
use crate::ca_name::CaName;
use crate::config::SubjectFile;

/// A hundred years, as in the configuration.
const MAX_LIFETIME_DAYS: u32 = 36_500;
/// A day: more would be backdating, not clock skew.
const MAX_BACKDATE_SECONDS: u32 = 86_400;

pub(super) fn validate(name: &str, file: ProfileFile) -> Result<Profile, ProfileError> {
    // A profile's name is a file name and a JSON value, with the same form as a CA name.
    CaName::new(name).map_err(|_| ProfileError::Name {
        name: name.chars().take(80).collect(),
    })?;
    let of = ProfileCheck(name);
    let max_lifetime_days = of.range("max_lifetime_days", file.max_lifetime_days, 1, MAX_LIFETIME_DAYS)?;
    let extended_key_usages = of.usages("extended_key_usages", &file.extended_key_usages)?;
    let default_extended_key_usages = of.usages("default_extended_key_usages", &file.default_extended_key_usages)?;
    // Without the extension a certificate is valid for every purpose: a profile must name at least one.
    if extended_key_usages.is_empty() && default_extended_key_usages.is_empty() {
        return Err(of.invalid(
            "extended_key_usages",
            "write at least one usage here or under default_extended_key_usages; a certificate without any is good for \
             everything",
        ));
    }
    let alt_name_types = of.alt_name_types(&file.san_types)?;
    if file.san_required && alt_name_types.is_empty() {
        return Err(of.invalid(
            "san_types",
            "alternative names are required, so allow at least one type",
        ));
    }
    Ok(Profile {
        name: name.to_owned(),
        description: file.description,
        issuing_ca: file.issuing_ca,
        key_classes: of.key_classes(&file.key_types)?,
        key_usage: of.key_usage(&file.key_usages)?,
        rsa_key_encipherment: file.rsa_key_encipherment,
        ec_key_encipherment: file.ec_key_encipherment,
        basic_constraints: file.basic_constraints,
        extended_key_usages,
        default_extended_key_usages,
        allowed_extended_key_usages: of.allowed(file.allowed_extended_key_usages)?,
        default_lifetime_days: of.range(
            "default_lifetime_days",
            file.default_lifetime_days,
            1,
            max_lifetime_days,
        )?,
        max_lifetime_days,
        backdate_seconds: of.range("backdate_seconds", file.backdate_seconds, 0, MAX_BACKDATE_SECONDS)?,
        alt_name_types,
        alt_name_required: file.san_required,
        alt_name_from_common_name: file.san_from_common_name,
        alt_names: file.alt_names,
        subject_from: file.subject_from,
        replace_common_name: file.replace_common_name,
        wildcards: file.wildcards,
        custom_extensions: file.custom_extensions,
        critical_custom_extensions: file.critical_custom_extensions,
        subject: of.subject(file.subject)?,
        required_subject_fields: file.required_subject_fields,
        policies: of.policies(&file.policies)?,
    })
}

/// Checks values of the profile of that name.
struct ProfileCheck<'a>(&'a str);

impl ProfileCheck<'_> {
    fn invalid(&self, key: &'static str, detail: impl Into<String>) -> ProfileError {
        ProfileError::Invalid {
            profile: self.0.to_owned(),
            key,
            detail: detail.into(),
        }
    }

    fn range(&self, key: &'static str, value: u32, least: u32, most: u32) -> Result<u32, ProfileError> {
        if (least..=most).contains(&value) {
            return Ok(value);
        }
        let detail = format!("{value} is out of range; write a number from {least} to {most}");
        Err(self.invalid(key, detail))
    }

    /// Parses each text; `wanted` ends the error message for one that cannot be parsed.
    fn each<T>(
        &self,
        key: &'static str,
        texts: &[String],
        parse: impl Fn(&str) -> Option<T>,
        wanted: &str,
    ) -> Result<Vec<T>, ProfileError> {
        let parse = |text: &String| parse(text).ok_or_else(|| self.invalid(key, format!("{text:?} is no {wanted}")));
        texts.iter().map(parse).collect()
    }

    fn usages(&self, key: &'static str, names: &[String]) -> Result<Vec<ObjectIdentifier>, ProfileError> {
        let wanted = "extended key usage; write a name such as CODE_SIGNING, or an OID";
        self.each(key, names, extended_key_usage, wanted)
    }

    fn allowed(&self, names: Vec<String>) -> Result<AllowedUsages, ProfileError> {
        let (stars, listed): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| name.as_str() == "*");
        Ok(AllowedUsages {
            listed: self.usages("allowed_extended_key_usages", &listed)?,
            any_harmless: !stars.is_empty(),
        })
    }

    fn key_classes(&self, texts: &[String]) -> Result<Vec<KeyClass>, ProfileError> {
        let wanted = "kind of key; use some of rsa, p256, p384, p521, ed25519, ml-dsa, or none for all";
        self.each("key_types", texts, KeyClass::from_name, wanted)
    }

    fn key_usage(&self, texts: &[String]) -> Result<KeyUsage, ProfileError> {
        if texts.is_empty() {
            return Err(self.invalid("key_usages", "write at least one, e.g. digital_signature"));
        }
        let wanted = "key usage of end entities; use some of digital_signature, content_commitment, key_encipherment, \
                      data_encipherment, key_agreement";
        let bits = self.each("key_usages", texts, key_usage_bit, wanted)?;
        Ok(bits.into_iter().fold(KeyUsage::default(), |all, bit| all | bit))
    }

    fn alt_name_types(&self, texts: &[String]) -> Result<Vec<AltNameType>, ProfileError> {
        let wanted = "type of alternative name; use some of DNS_NAME, IP_ADDRESS, EMAIL_ADDRESS, URL, DN";
        self.each("san_types", texts, AltNameType::from_name, wanted)
    }

    /// Checks that fixed subject fields can be encoded, so that a mistake is reported when the profile is read, not at
    /// each request.
    fn subject(&self, file: SubjectFile) -> Result<Subject, ProfileError> {
        let subject = Subject::from(file);
        if subject.common_name.is_some() {
            let detail = "a common name is the request's own; leave common_name out";
            return Err(self.invalid("subject", detail));
        }
        if subject != Subject::default() {
            let encoded = subject.to_name();
            encoded.map_err(|error| self.invalid("subject", error.to_string()))?;
        }
        Ok(subject)
    }

    fn policies(&self, texts: &[String]) -> Result<Vec<ObjectIdentifier>, ProfileError> {
        let parse = |text: &str| ObjectIdentifier::new(text).ok();
        let policies = self.each("policies", texts, parse, "object identifier")?;
        // RFC 5280 section 4.2.1.4 forbids duplicate policies.
        let twice = policies
            .iter()
            .enumerate()
            .find(|(at, oid)| policies[..*at].contains(oid));
        match twice {
            None => Ok(policies),
            Some((_, oid)) => Err(self.invalid("policies", format!("{oid} is listed twice; list it once"))),
        }
    }
}

/// Bits for leaves only: certificate and CRL signing are for CAs.
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
