//! A profile as written, before validation: every key optional, unknown keys refused. `docs/profiles.md` explains each.

use chancery_x509::name::Subject;
use serde::Deserialize;

use crate::config::SubjectFile;

/// The whole file. The defaults alone have no extended key usage, which validation refuses.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools, reason = "keys of a file, each on its own")]
pub struct ProfileFile {
    /// A description for people.
    pub description: String,
    /// Short name of the CA that issues it.
    pub issuing_ca: Option<String>,
    /// Kinds of keys: `rsa`, `p256`, `p384`, `p521`, `ed25519`, `ml-dsa`; empty for all.
    pub key_types: Vec<String>,
    /// keyUsage bits: `digital_signature`, `content_commitment`, `key_encipherment`, `data_encipherment`,
    /// `key_agreement`.
    pub key_usages: Vec<String>,
    /// Adds keyEncipherment for RSA keys (TLS with RSA key exchange, S/MIME).
    pub rsa_key_encipherment: bool,
    /// Adds keyEncipherment for EC keys, against RFC 8813 section 3: for relying parties that demand it.
    pub ec_key_encipherment: bool,
    /// Adds basicConstraints with `cA` FALSE, which is otherwise left out (RFC 5280 section 4.2.1.9 allows both).
    pub basic_constraints: bool,
    /// Extended key usages of every certificate, by the contract's names or OID.
    pub extended_key_usages: Vec<String>,
    /// Usages added where a request names no purpose.
    pub default_extended_key_usages: Vec<String>,
    /// Usages that a request may ask for; `*` for any except the powerful ones (`OCSP_SIGNING`, `ANY`, and those that
    /// `docs/profiles.md` lists).
    pub allowed_extended_key_usages: Vec<String>,
    /// Lifetime in days where the request gives none.
    pub default_lifetime_days: u32,
    /// Longest lifetime in days.
    pub max_lifetime_days: u32,
    /// Seconds by which notBefore precedes issuance.
    pub backdate_seconds: u32,
    /// Types of alternative names: `DNS_NAME`, `IP_ADDRESS`, `EMAIL_ADDRESS`, `URL`, `DN`.
    pub san_types: Vec<String>,
    /// Whether to refuse certificates without alternative names.
    pub san_required: bool,
    /// Whether a common name that is a domain becomes the alternative name of a request without any.
    pub san_from_common_name: bool,
    /// Where alternative names come from: `request`, or `csr` to include those in the CSR.
    pub alt_names: AltNameSource,
    /// What the subject is composed of: `csr`, all attributes of permitted types in the CSR's order; `fields`, the
    /// seven of the drop-in contract in its order, one value each.
    pub subject_from: SubjectSource,
    /// Allows a request to replace the common name of a CSR that has one.
    pub replace_common_name: bool,
    /// Allows `*.example.com`.
    pub wildcards: bool,
    /// Allows custom extensions on the configuration's allowlist.
    pub custom_extensions: bool,
    /// Allows custom extensions to be critical.
    pub critical_custom_extensions: bool,
    /// Subject fields that every certificate has, whatever the request contains.
    pub subject: SubjectFile,
    /// Subject fields without which a request is refused.
    pub required_subject_fields: Vec<RequiredSubjectField>,
    /// Policy OIDs.
    pub policies: Vec<String>,
}

/// Where the alternative names of certificates come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AltNameSource {
    /// The request alone; those of the CSR only where the request asks for them.
    Request,
    /// The request and the CSR.
    Csr,
}

/// What the subjects of certificates are composed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SubjectSource {
    /// Every attribute of a permitted type in the CSR's subject, in its order and multiplicity.
    Csr,
    /// The seven attributes of the drop-in contract, in its order, one value each.
    Fields,
}

/// A subject field that a profile can require. A common name is not among them: requests need one unless they set
/// `no_common_name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RequiredSubjectField {
    /// C.
    Country,
    /// ST.
    State,
    /// L.
    Locality,
    /// O.
    Organization,
    /// OU.
    OrganizationalUnit,
    /// emailAddress.
    EmailAddress,
}

impl RequiredSubjectField {
    /// Every field.
    pub const ALL: [Self; 6] = [
        Self::Country,
        Self::State,
        Self::Locality,
        Self::Organization,
        Self::OrganizationalUnit,
        Self::EmailAddress,
    ];

    /// The field's name in requests and profiles.
    pub fn name(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::State => "state",
            Self::Locality => "locality",
            Self::Organization => "organization",
            Self::OrganizationalUnit => "organizational_unit",
            Self::EmailAddress => "email_address",
        }
    }

    /// Its value in a subject.
    pub fn of(self, subject: &Subject) -> Option<&str> {
        match self {
            Self::Country => &subject.country,
            Self::State => &subject.state,
            Self::Locality => &subject.locality,
            Self::Organization => &subject.organization,
            Self::OrganizationalUnit => &subject.organizational_unit,
            Self::EmailAddress => &subject.email_address,
        }
        .as_deref()
    }
}

impl Default for ProfileFile {
    fn default() -> Self {
        Self {
            description: String::new(),
            issuing_ca: None,
            key_types: Vec::new(),
            key_usages: vec!["digital_signature".into()],
            rsa_key_encipherment: false,
            ec_key_encipherment: false,
            basic_constraints: false,
            extended_key_usages: Vec::new(),
            default_extended_key_usages: Vec::new(),
            allowed_extended_key_usages: Vec::new(),
            default_lifetime_days: 30,
            max_lifetime_days: 36_500,
            backdate_seconds: 300,
            san_types: ["DNS_NAME", "IP_ADDRESS", "EMAIL_ADDRESS", "URL", "DN"]
                .map(String::from)
                .into(),
            san_required: false,
            san_from_common_name: true,
            alt_names: AltNameSource::Request,
            subject_from: SubjectSource::Csr,
            replace_common_name: false,
            wildcards: false,
            custom_extensions: false,
            critical_custom_extensions: false,
            subject: SubjectFile::default(),
            required_subject_fields: Vec::new(),
            policies: Vec::new(),
        }
    }
}
