//! Profiles: what certificates of one kind contain, and what a request may choose.
//!
//! [`ProfileFile`] is a profile as written in TOML; `docs/profiles.md` describes every key. [`Profile`] is the
//! validated form that issuance uses. The built-in profiles are TOML files too: `profile/*.toml`.

mod file;
mod powerful;
mod validate;

use std::collections::BTreeMap;

use chancery_x509::certificate::KeyUsage;
use chancery_x509::key::KeyKind;
use chancery_x509::key::policy::KeyClass;
use chancery_x509::name::Subject;
use chancery_x509::san::AltNameType;
use const_oid::ObjectIdentifier;

use crate::config::Config;
pub use file::{AltNameSource, ProfileFile, RequiredSubjectField, SubjectSource};

/// The profile for requests that name none: that of the drop-in contract, whose purposes come from the request.
pub const DEFAULT_PROFILE: &str = "tls";

/// The built-in profiles.
const BUILT_IN: [(&str, &str); 6] = [
    ("tls", include_str!("profile/tls.toml")),
    ("tls-server", include_str!("profile/tls-server.toml")),
    ("tls-client", include_str!("profile/tls-client.toml")),
    ("device", include_str!("profile/device.toml")),
    ("code-signing", include_str!("profile/code-signing.toml")),
    ("email", include_str!("profile/email.toml")),
];

/// All profiles by name.
#[derive(Clone, Debug)]
pub struct Profiles {
    by_name: BTreeMap<String, Profile>,
}

/// A validated profile.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "keys of a file, each on its own")]
pub struct Profile {
    name: String,
    description: String,
    issuing_ca: Option<String>,
    key_classes: Vec<KeyClass>,
    key_usage: KeyUsage,
    rsa_key_encipherment: bool,
    ec_key_encipherment: bool,
    basic_constraints: bool,
    extended_key_usages: Vec<ObjectIdentifier>,
    default_extended_key_usages: Vec<ObjectIdentifier>,
    allowed_extended_key_usages: AllowedUsages,
    default_lifetime_days: u32,
    max_lifetime_days: u32,
    backdate_seconds: u32,
    alt_name_types: Vec<AltNameType>,
    alt_name_required: bool,
    alt_name_from_common_name: bool,
    alt_names: AltNameSource,
    subject_from: SubjectSource,
    replace_common_name: bool,
    wildcards: bool,
    custom_extensions: bool,
    critical_custom_extensions: bool,
    subject: Subject,
    required_subject_fields: Vec<RequiredSubjectField>,
    policies: Vec<ObjectIdentifier>,
}

/// Extended key usages that requests may ask for in addition to those that the profile always sets.
#[derive(Clone, Debug, PartialEq, Eq)]
struct AllowedUsages {
    /// Allowed by name.
    listed: Vec<ObjectIdentifier>,
    /// Whether every other one is allowed too, except [the powerful ones](powerful::is_powerful).
    any_harmless: bool,
}

/// Why a profile is invalid: which profile, which key, what is wrong, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// An invalid profile name.
    #[error("{name:?} is no profile name; use 1 to 63 lower-case letters, digits and hyphens")]
    Name {
        /// As given.
        name: String,
    },
    /// Not TOML, an unknown key, or a value of the wrong type.
    #[error("profile {profile} cannot be read: {detail}")]
    Toml {
        /// The profile.
        profile: String,
        /// Line, column and what was expected there.
        detail: String,
    },
    /// A value that is not allowed for its key.
    #[error("profile {profile}, key `{key}`: {detail}")]
    Invalid {
        /// The profile.
        profile: String,
        /// The key.
        key: &'static str,
        /// What is wrong and what to write instead.
        detail: String,
    },
}

impl Profiles {
    /// The built-in ones: `tls`, `tls-server`, `tls-client`, `device`, `code-signing`, `email`.
    #[allow(
        clippy::missing_panics_doc,
        reason = "the texts are constants, and a test reads them"
    )]
    pub fn built_in() -> Self {
        let parse = |(name, text): (&str, &str)| {
            let profile = Profile::from_toml(name, text).expect("built-in profiles are valid, as their test shows");
            (name.to_owned(), profile)
        };
        Self {
            by_name: BUILT_IN.into_iter().map(parse).collect(),
        }
    }

    /// Adds a profile, or replaces the one of that name. The text is that of `profiles/NAME.toml`.
    pub fn with(mut self, name: &str, toml_text: &str) -> Result<Self, ProfileError> {
        let profile = Profile::from_toml(name, toml_text)?;
        self.by_name.insert(name.to_owned(), profile);
        Ok(self)
    }

    /// Removes the profile of that name: nothing is issued under it, not even under a built-in profile that it was to
    /// replace.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.by_name.remove(name);
        self
    }

    /// Sets keyEncipherment for EC keys in the default profile, as the former authority of the drop-in contract did.
    #[must_use]
    pub fn with_ec_key_encipherment(self) -> Self {
        self.with_default(Profile::with_ec_key_encipherment)
    }

    /// Lets requests under the default profile replace the common name of a CSR, as the former authority of the drop-in
    /// contract did.
    #[must_use]
    pub fn with_replaced_common_names(self) -> Self {
        self.with_default(Profile::with_replaced_common_names)
    }

    fn with_default(mut self, change: impl FnOnce(Profile) -> Profile) -> Self {
        if let Some(profile) = self.by_name.remove(DEFAULT_PROFILE) {
            self.by_name.insert(DEFAULT_PROFILE.to_owned(), change(profile));
        }
        self
    }

    /// The profile of that name.
    pub fn named(&self, name: &str) -> Option<&Profile> {
        self.by_name.get(name)
    }

    /// Every profile, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.by_name.values()
    }

    /// The names, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Checks the profiles against the configuration: a CA that a profile names must exist in it.
    pub fn check(&self, config: &Config) -> Result<(), ProfileError> {
        for profile in self.iter() {
            let Some(ca) = profile.issuing_ca() else { continue };
            if config.ca_named(ca).is_none() {
                return Err(ProfileError::Invalid {
                    profile: profile.name.clone(),
                    key: "issuing_ca",
                    detail: format!("the configuration has no CA named {ca:?}; name one of its [[ca]] tables"),
                });
            }
        }
        Ok(())
    }
}

impl Default for Profiles {
    fn default() -> Self {
        Self::built_in()
    }
}

impl Profile {
    /// Reads and validates a TOML text.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, ProfileError> {
        let file: ProfileFile = toml::from_str(text).map_err(|error| ProfileError::Toml {
            profile: name.to_owned(),
            detail: error.to_string().trim_end().to_owned(),
        })?;
        validate::validate(name, file)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A description for people.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Short name of the CA that issues it; `None`: the configuration's issuing CA.
    pub fn issuing_ca(&self) -> Option<&str> {
        self.issuing_ca.as_deref()
    }

    /// Kinds of keys it certifies; empty: every supported one.
    pub fn key_classes(&self) -> &[KeyClass] {
        &self.key_classes
    }

    /// The keyUsage bits of a certificate for that kind of key.
    pub fn key_usage(&self, kind: KeyKind) -> KeyUsage {
        let enciphers = match kind {
            KeyKind::Rsa { .. } => self.rsa_key_encipherment,
            KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => self.ec_key_encipherment,
            _ => false,
        };
        if enciphers {
            self.key_usage | KeyUsage::KEY_ENCIPHERMENT
        } else {
            self.key_usage
        }
    }

    /// Whether certificates for EC keys have keyEncipherment, which RFC 8813 section 3 forbids.
    pub fn ec_key_encipherment(&self) -> bool {
        self.ec_key_encipherment
    }

    /// Sets keyEncipherment for EC keys, whatever the profile's file contains.
    #[must_use]
    pub fn with_ec_key_encipherment(mut self) -> Self {
        self.ec_key_encipherment = true;
        self
    }

    /// Whether a request may replace the common name of a CSR that has one.
    pub fn replaces_common_names(&self) -> bool {
        self.replace_common_name
    }

    /// Lets requests replace common names, whatever the profile's file contains.
    #[must_use]
    pub fn with_replaced_common_names(mut self) -> Self {
        self.replace_common_name = true;
        self
    }

    /// Whether certificates have basicConstraints, with `cA` FALSE.
    pub fn basic_constraints(&self) -> bool {
        self.basic_constraints
    }

    /// The extended key usages that every certificate has, in order.
    pub fn extended_key_usages(&self) -> &[ObjectIdentifier] {
        &self.extended_key_usages
    }

    /// Those added where a request names no purpose.
    pub fn default_extended_key_usages(&self) -> &[ObjectIdentifier] {
        &self.default_extended_key_usages
    }

    /// Whether a certificate may have that extended key usage.
    pub fn allows_extended_key_usage(&self, usage: &ObjectIdentifier) -> bool {
        self.extended_key_usages.contains(usage)
            || self.default_extended_key_usages.contains(usage)
            || self.allowed_extended_key_usages.listed.contains(usage)
            || (self.allowed_extended_key_usages.any_harmless && !powerful::is_powerful(usage))
    }

    /// The lifetime in days where the request gives none.
    pub fn default_lifetime_days(&self) -> u32 {
        self.default_lifetime_days
    }

    /// The longest lifetime in days; the configuration's `max_cert_lifetime` applies too.
    pub fn max_lifetime_days(&self) -> u32 {
        self.max_lifetime_days
    }

    /// Seconds by which notBefore precedes issuance, for peers whose clock is slow.
    pub fn backdate_seconds(&self) -> i64 {
        i64::from(self.backdate_seconds)
    }

    /// Whether certificates may have alternative names of that type.
    pub fn allows_alt_name(&self, kind: AltNameType) -> bool {
        self.alt_name_types.contains(&kind)
    }

    /// Whether a certificate without alternative names is refused.
    pub fn alt_name_required(&self) -> bool {
        self.alt_name_required
    }

    /// Whether a common name that is a domain becomes the alternative name of a request without any.
    pub fn alt_name_from_common_name(&self) -> bool {
        self.alt_name_from_common_name
    }

    /// Whether the names in a CSR are taken without the request asking for it.
    pub fn alt_names(&self) -> AltNameSource {
        self.alt_names
    }

    /// What a certificate's subject is composed of.
    pub fn subject_from(&self) -> SubjectSource {
        self.subject_from
    }

    /// Whether DNS names may be wildcards.
    pub fn allows_wildcards(&self) -> bool {
        self.wildcards
    }

    /// Whether requests may set custom extensions (those on the configuration's allowlist).
    pub fn allows_custom_extensions(&self) -> bool {
        self.custom_extensions
    }

    /// Whether custom extensions may be critical.
    pub fn allows_critical_custom_extensions(&self) -> bool {
        self.critical_custom_extensions
    }

    /// Subject fields that every certificate has, whatever the request contains.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Subject fields without which a request is refused.
    pub fn required_subject_fields(&self) -> &[RequiredSubjectField] {
        &self.required_subject_fields
    }

    /// Policy OIDs of every certificate.
    pub fn policies(&self) -> &[ObjectIdentifier] {
        &self.policies
    }
}

#[cfg(test)]
mod tests;
