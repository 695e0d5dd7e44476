//! The configuration as written, before validation: most keys are optional, unknown keys are refused.

use chancery_x509::name::Subject;
use serde::Deserialize;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// First part of every CA name and file name.
    pub project: String,
    /// The environment, e.g. `prd`.
    pub environment: String,
    /// Environments that add no suffix to names.
    pub prod_environments: Vec<String>,
    /// Where CRLs and CA certificates are served.
    pub public_url: Option<String>,
    /// The longest lifetime of a leaf certificate, in days.
    pub max_cert_lifetime: u32,
    /// OIDs of the custom extensions that requests may set.
    pub custom_extension_allowlist: Vec<String>,
    /// Keys that are never certified, each as the SHA-256 of its SubjectPublicKeyInfo in hexadecimal.
    pub blocked_keys: Vec<String>,
    /// Days before expiry at which reminders are sent.
    pub expiry_reminders: Vec<u32>,
    /// Seconds after which an open intent counts as abandoned.
    pub intent_grace_seconds: u32,
    /// Denominator of the last part of a certificate's lifetime in which its holder may renew it.
    pub renewal_window_divisor: u32,
    /// Whether this authority never split CRLs and never will, so that a ledger that has shards is wrong. Not a key of
    /// the file: a deployment on AWS sets it.
    #[serde(skip)]
    pub never_sharded: bool,
    /// Short name of the CA that issues where a profile names no other; by default the last.
    pub issuing_ca: Option<String>,
    /// The CAs, parents before children.
    pub ca: Vec<CaFile>,
}

/// One `[[ca]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaFile {
    /// Short name: `issuing-ca`.
    pub name: String,
    /// Short name of the CA above; none for a root.
    #[serde(default)]
    pub parent: Option<String>,
    /// Name of the key's algorithm; by default P-384 for a root, P-256 below.
    #[serde(default)]
    pub algorithm: Option<String>,
    /// The key's name in the key store; by default the CA's name. An existing key of that name is used.
    #[serde(default)]
    pub key: Option<String>,
    /// The lifetime of its certificate, in days; by default 7300 for a root, 3650 below.
    #[serde(default)]
    pub lifetime_days: Option<u32>,
    /// pathLenConstraint; by default none for a root, 0 for a CA without CAs below it, and otherwise one less than the
    /// parent's, or none where the parent has none.
    #[serde(default)]
    pub path_len: Option<PathLen>,
    /// Its certificate's subject; by default the common name is composed of project and name.
    #[serde(default)]
    pub subject: SubjectFile,
    /// Its certificate's name constraints.
    #[serde(default)]
    pub name_constraints: Option<NameConstraintsFile>,
    /// Its CRLs.
    #[serde(default)]
    pub crl: CrlFile,
}

/// A path length: a number, or `"none"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a number from 0 to 255, or \"none\"")]
pub enum PathLen {
    /// At most this many CAs may follow below.
    Limit(u8),
    /// A text; only `none` is valid.
    Word(String),
}

/// `[ca.subject]`, with the names of requests (`common_name`) or of the drop-in contract's CAs (`commonName`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubjectFile {
    /// CN.
    #[serde(alias = "commonName")]
    pub common_name: Option<String>,
    /// C.
    pub country: Option<String>,
    /// ST.
    pub state: Option<String>,
    /// L.
    pub locality: Option<String>,
    /// O.
    pub organization: Option<String>,
    /// OU.
    #[serde(alias = "organizationalUnit")]
    pub organizational_unit: Option<String>,
    /// emailAddress.
    #[serde(alias = "emailAddress")]
    pub email_address: Option<String>,
}

/// `[ca.name_constraints]`: names with their type before a colon, e.g. `dns:example.com`, `ip:10.0.0.0/8`,
/// `email:example.com`, `uri:.example.com`, `dn:O=Example`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NameConstraintsFile {
    /// permittedSubtrees.
    pub permitted: Vec<String>,
    /// excludedSubtrees.
    pub excluded: Vec<String>,
}

/// `[ca.crl]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CrlFile {
    /// Hours from thisUpdate to nextUpdate.
    pub lifetime_hours: u32,
    /// Seconds in addition to `lifetime_hours`.
    pub lifetime_seconds: u32,
    /// Hours between two CRLs.
    pub interval_hours: u32,
    /// Number of shards; 0 for one full CRL.
    pub shards: u16,
    /// Whether a revocation publishes a CRL at once.
    pub publish_on_revocation: bool,
}

impl Default for ConfigFile {
    fn default() -> Self {
        Self {
            project: "chancery".into(),
            environment: "prd".into(),
            prod_environments: vec!["prd".into(), "prod".into()],
            public_url: None,
            max_cert_lifetime: 365,
            custom_extension_allowlist: Vec::new(),
            blocked_keys: Vec::new(),
            expiry_reminders: vec![30, 15, 7, 1],
            intent_grace_seconds: 60,
            renewal_window_divisor: 3,
            never_sharded: false,
            issuing_ca: None,
            ca: vec![
                CaFile::named("root-ca", None),
                CaFile::named("issuing-ca", Some("root-ca")),
            ],
        }
    }
}

impl CaFile {
    /// A CA with default values below `parent`, or a root if there is none.
    pub fn named(name: &str, parent: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            parent: parent.map(str::to_owned),
            algorithm: None,
            key: None,
            lifetime_days: None,
            path_len: None,
            subject: SubjectFile::default(),
            name_constraints: None,
            crl: CrlFile::default(),
        }
    }
}

impl Default for CrlFile {
    /// A lifetime of a week, renewed daily: leaves six days to notice and repair a failed publication.
    fn default() -> Self {
        Self {
            lifetime_hours: 7 * 24,
            lifetime_seconds: 0,
            interval_hours: 24,
            shards: 0,
            publish_on_revocation: true,
        }
    }
}

impl From<SubjectFile> for Subject {
    fn from(file: SubjectFile) -> Self {
        Self {
            common_name: file.common_name,
            country: file.country,
            email_address: file.email_address,
            locality: file.locality,
            organization: file.organization,
            organizational_unit: file.organizational_unit,
            state: file.state,
        }
    }
}
