//! The settings of the functions of an authority: all but `notify`.

use std::collections::BTreeMap;

use chancery_authority::CaName;
use chancery_authority::config::{CaConfig, CaFile, Config, ConfigFile, CrlFile, PathLen, SubjectFile};
use chancery_authority::profile::Profiles;
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::extension::RESERVED;
use const_oid::ObjectIdentifier;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{SettingsError, Variable, invalid, json, number, required, text};

/// A CA's role in the two-level hierarchy. Each has functions of its own, which serve all CAs of that role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaRole {
    /// The root CA.
    Root,
    /// A CA below it, which issues leaf certificates: the contract's, or one of `ISSUING_CAS`.
    Issuing,
}

/// The settings of an authority and its deployment.
#[derive(Clone, Debug)]
pub struct AuthoritySettings {
    /// `PROJECT`: the first part of every name.
    pub project: String,
    /// `ENVIRONMENT_NAME`: the last part of every name.
    pub environment: String,
    /// `PROD_ENVIRONMENTS`: environments that CA names omit.
    pub prod_environments: Vec<String>,
    /// `EXTERNAL_S3_BUCKET`: the bucket of published files.
    pub external_bucket: String,
    /// `INTERNAL_S3_BUCKET`: the bucket of operators' files.
    pub internal_bucket: String,
    /// `SNS_TOPIC_ARN`; without it, notices are dropped.
    pub topic_arn: Option<String>,
    /// `CERTIFICATE_TABLE`; by default the name follows from project and environment.
    pub certificate_table: Option<String>,
    /// `JOURNAL_TABLE`; by default the name follows that of the certificate table.
    pub journal_table: Option<String>,
    /// Warnings for the log: values that were ignored, as text.
    pub warnings: Vec<String>,
    compatibility: Compatibility,
    /// `REPLACE_COMMON_NAME`: whether a request's common name may replace the one in its CSR.
    replace_common_name: bool,
    file: ConfigFile,
}

/// `COMPATIBILITY`: deviations from standards for relying parties that demand them, each off by default.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Compatibility {
    /// keyEncipherment for EC keys, which RFC 8813 section 3 forbids and the Python CA set.
    ec_key_encipherment: bool,
}

/// A value of `ISSUING_CAS`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FurtherCa {
    info: CaInfo,
    crl_days: Option<u64>,
    crl_seconds: Option<u32>,
}

/// `ROOT_CA_INFO` and `ISSUING_CA_INFO`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct CaInfo {
    common_name: Option<String>,
    country: Option<String>,
    state: Option<String>,
    locality: Option<String>,
    organization: Option<String>,
    organizational_unit: Option<String>,
    email_address: Option<String>,
    lifetime: Value,
    path_length_constraint: Value,
}

/// Shortest lifetime of a CRL, in seconds: the next CRL must be published within half of it.
const SHORTEST_CRL: u64 = 2 * 3600;

/// Longest `…_CRL_DAYS`.
const LONGEST_CRL_DAYS: u64 = 3650;

/// `…_CRL_DAYS` and `…_CRL_SECONDS` where they are not set.
const CRL_DAYS: u64 = 1;
const CRL_SECONDS: u32 = 600;

/// Short names of the contract's CAs.
const ROOT_CA: &str = "root-ca";
const ISSUING_CA: &str = "issuing-ca";

/// The variable of the issuing CAs besides the contract's.
const ISSUING_CAS: &str = "ISSUING_CAS";

impl AuthoritySettings {
    /// Reads the environment. A value that can be ignored only adds a warning; any other mistake is an error.
    pub fn from_environment(variable: Variable<'_>) -> Result<Self, SettingsError> {
        let mut warnings = Vec::new();
        let defaults = ConfigFile::default();
        let file = ConfigFile {
            project: required(variable, "PROJECT")?,
            environment: required(variable, "ENVIRONMENT_NAME")?,
            prod_environments: json(variable, "PROD_ENVIRONMENTS", defaults.prod_environments.clone())?,
            public_url: public_url(variable)?,
            max_cert_lifetime: number(variable, "MAX_CERT_LIFETIME", defaults.max_cert_lifetime)?,
            custom_extension_allowlist: allowlist(variable, &mut warnings)?,
            expiry_reminders: json(variable, "EXPIRY_REMINDERS", defaults.expiry_reminders.clone())?,
            never_sharded: true,
            // Whether or not there are others, until one of them is activated.
            issuing_ca: Some(ISSUING_CA.to_owned()),
            ca: cas(variable, &mut warnings)?,
            ..defaults
        };
        let settings = Self {
            project: file.project.clone(),
            environment: file.environment.clone(),
            prod_environments: file.prod_environments.clone(),
            external_bucket: required(variable, "EXTERNAL_S3_BUCKET")?,
            internal_bucket: required(variable, "INTERNAL_S3_BUCKET")?,
            topic_arn: text(variable, "SNS_TOPIC_ARN"),
            certificate_table: text(variable, "CERTIFICATE_TABLE"),
            journal_table: text(variable, "JOURNAL_TABLE"),
            warnings,
            compatibility: json(variable, "COMPATIBILITY", Compatibility::default())?,
            // The Python CA took every name from the request, whatever the CSR contained.
            replace_common_name: json(variable, "REPLACE_COMMON_NAME", true)?,
            file,
        };
        // Check everything now, so that a mistake shows at the first invocation of any function.
        let config = settings.config()?;
        distinct_subjects(&config)?;
        Ok(settings)
    }

    /// The authority's configuration. The environment does not contain the algorithms of the CA keys: this has the
    /// default ones. Only creating a CA needs the real ones, from [`config_for`](Self::config_for).
    pub fn config(&self) -> Result<Config, SettingsError> {
        config(self.file.clone())
    }

    /// The built-in profiles, with the changes that the environment makes.
    pub fn profiles(&self) -> Profiles {
        let mut profiles = Profiles::built_in();
        if self.compatibility.ec_key_encipherment {
            profiles = profiles.with_ec_key_encipherment();
        }
        if self.replace_common_name {
            profiles = profiles.with_replaced_common_names();
        }
        profiles
    }

    /// The configuration with the algorithm that a CA's key really has.
    pub fn config_for(&self, ca_name: &CaName, algorithm: CaKeyAlgorithm) -> Result<Config, SettingsError> {
        let mut file = self.file.clone();
        let named = self.config()?;
        for (ca, configured) in file.ca.iter_mut().zip(named.cas()) {
            if configured.name() == ca_name {
                ca.algorithm = Some(algorithm.name().to_owned());
            }
        }
        config(file)
    }
}

impl CaRole {
    /// The role of a CA with that CA above it.
    pub fn with_parent(parent: Option<&CaName>) -> Self {
        match parent {
            None => Self::Root,
            Some(_) => Self::Issuing,
        }
    }

    /// The CAs of that role in the configuration, the contract's first.
    pub fn configured(self, config: &Config) -> impl Iterator<Item = &CaConfig> {
        config
            .cas()
            .iter()
            .filter(move |ca| Self::with_parent(ca.parent()) == self)
    }
}

/// Verifiers take a CRL by its issuer's name: a further CA has a name of its own.
fn distinct_subjects(config: &Config) -> Result<(), SettingsError> {
    let further = CaRole::Issuing.configured(config).skip(1);
    for ca in further {
        let same = |other: &&CaConfig| other.name() != ca.name() && other.subject() == ca.subject();
        if let Some(other) = config.cas().iter().find(same) {
            let detail = format!("{} and {} have the same subject", ca.short_name(), other.short_name());
            return Err(invalid(ISSUING_CAS, detail));
        }
    }
    Ok(())
}

fn config(file: ConfigFile) -> Result<Config, SettingsError> {
    Config::new(file).map_err(|error| SettingsError::Config {
        detail: error.to_string(),
    })
}

/// The URL in certificates, which name CRLs only if they are served publicly.
fn public_url(variable: Variable<'_>) -> Result<Option<String>, SettingsError> {
    match text(variable, "PUBLIC_CRL").as_deref() {
        Some("enabled") => Ok(Some(format!("http://{}", domain(&required(variable, "DOMAIN")?)?))),
        None | Some("disabled") => Ok(None),
        Some(other) => Err(invalid(
            "PUBLIC_CRL",
            format!("{other:?} is neither enabled nor disabled"),
        )),
    }
}

/// Checks that the text is a bare domain: with a scheme, certificates would contain `http://http://…` for their whole
/// life.
fn domain(text: &str) -> Result<String, SettingsError> {
    let trimmed = text.trim().trim_end_matches('.');
    let labels = || trimmed.split('.');
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if trimmed.len() <= 253 && labels().all(is_label) {
        return Ok(trimmed.to_owned());
    }
    Err(invalid(
        "DOMAIN",
        format!(
            "{text:?} is no domain: write the domain that CRLs are served at alone, such as ca.example.com, without http:// \
             before it and without a path (hosted_zone_domain in Terraform)"
        ),
    ))
}

/// Leaves out entries that can never be granted, with a warning: requests for them are refused with an error of their
/// own.
fn allowlist(variable: Variable<'_>, warnings: &mut Vec<String>) -> Result<Vec<String>, SettingsError> {
    let mut oids: Vec<String> = json(variable, "CUSTOM_EXTENSION_ALLOWLIST", Vec::new())?;
    oids.retain(|oid| {
        let grantable = ObjectIdentifier::new(oid).is_ok_and(|oid| !RESERVED.contains(&oid));
        if !grantable {
            warnings.push(format!(
                "CUSTOM_EXTENSION_ALLOWLIST: {oid:?} is no object identifier, or one that the CA sets itself, and was left out"
            ));
        }
        grantable
    });
    Ok(oids)
}

fn cas(variable: Variable<'_>, warnings: &mut Vec<String>) -> Result<Vec<CaFile>, SettingsError> {
    let mut root = ca(
        ROOT_CA,
        "ROOT_CA_INFO",
        &info(variable, "ROOT_CA_INFO")?,
        "Serverless Root CA",
    )?;
    root.crl = crl(variable, "ROOT_CRL_DAYS", "ROOT_CRL_SECONDS")?;
    let mut issuing = ca(
        ISSUING_CA,
        "ISSUING_CA_INFO",
        &info(variable, "ISSUING_CA_INFO")?,
        "Serverless Issuing CA",
    )?;
    issuing.crl = crl(variable, "ISSUING_CRL_DAYS", "ISSUING_CRL_SECONDS")?;
    if issuing.lifetime_days > root.lifetime_days {
        warnings.push("ISSUING_CA_INFO: the issuing CA ends with its root at the latest".to_owned());
        issuing.lifetime_days = root.lifetime_days;
    }
    let mut cas = vec![root, issuing];
    for further in further_cas(variable)? {
        let (mut further, root_days) = (further, cas[0].lifetime_days);
        if further.lifetime_days > root_days {
            warnings.push(format!(
                "{ISSUING_CAS}: {} ends with its root at the latest",
                further.name
            ));
            further.lifetime_days = root_days;
        }
        cas.push(further);
    }
    Ok(cas)
}

/// The issuing CAs besides the contract's, by name.
fn further_cas(variable: Variable<'_>) -> Result<Vec<CaFile>, SettingsError> {
    let further: BTreeMap<String, FurtherCa> = json(variable, ISSUING_CAS, BTreeMap::new())?;
    let days: u64 = number(variable, "ISSUING_CRL_DAYS", CRL_DAYS)?;
    let seconds: u32 = number(variable, "ISSUING_CRL_SECONDS", CRL_SECONDS)?;
    let of = |(name, further): (String, FurtherCa)| {
        let common_name = further.info.common_name.clone().unwrap_or_default();
        if common_name.trim().is_empty() {
            return Err(invalid(ISSUING_CAS, format!("{name} has no commonName")));
        }
        let mut ca = ca(&name, ISSUING_CAS, &further.info, &common_name)?;
        ca.crl = crl_of(
            (ISSUING_CAS, further.crl_days.unwrap_or(days)),
            (ISSUING_CAS, further.crl_seconds.unwrap_or(seconds)),
        )?;
        Ok(ca)
    };
    further.into_iter().map(of).collect()
}

fn info(variable: Variable<'_>, name: &'static str) -> Result<CaInfo, SettingsError> {
    let info: Map<String, Value> = json(variable, name, Map::new())?;
    serde_json::from_value(Value::Object(info)).map_err(|error| invalid(name, error.to_string()))
}

/// The CA of that short name, from what the variable has of it.
fn ca(short_name: &str, variable: &'static str, info: &CaInfo, common_name: &str) -> Result<CaFile, SettingsError> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let parent = (short_name != ROOT_CA).then_some(ROOT_CA);
    let path_len = match whole_number(variable, "pathLengthConstraint", &info.path_length_constraint)? {
        None => PathLen::Word("none".to_owned()),
        Some(limit) => PathLen::Limit(
            u8::try_from(limit)
                .map_err(|_| invalid(variable, format!("pathLengthConstraint {limit} is more than 255")))?,
        ),
    };
    let lifetime_days = match whole_number(variable, "lifetime", &info.lifetime)? {
        None | Some(0) if parent.is_none() => 7300,
        None | Some(0) => 3650,
        Some(days) => u32::try_from(days).map_err(|_| invalid(variable, format!("lifetime {days} is too long")))?,
    };
    Ok(CaFile {
        subject: SubjectFile {
            common_name: given(&info.common_name).or_else(|| Some(common_name.to_owned())),
            country: given(&info.country),
            state: given(&info.state),
            locality: given(&info.locality),
            organization: given(&info.organization),
            organizational_unit: given(&info.organizational_unit),
            email_address: given(&info.email_address),
        },
        lifetime_days: Some(lifetime_days),
        path_len: Some(path_len),
        ..CaFile::named(short_name, parent)
    })
}

/// A whole number, bare or quoted; `None` for null or an empty string.
fn whole_number(name: &'static str, field: &str, value: &Value) -> Result<Option<u64>, SettingsError> {
    let found = match value {
        Value::Null => return Ok(None),
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_u64(),
        _ => None,
    };
    found
        .map(Some)
        .ok_or_else(|| invalid(name, format!("{field} must be a whole number, not {value}")))
}

fn crl(variable: Variable<'_>, days: &'static str, seconds: &'static str) -> Result<CrlFile, SettingsError> {
    let whole_days: u64 = number(variable, days, CRL_DAYS)?;
    let more: u32 = number(variable, seconds, CRL_SECONDS)?;
    crl_of((days, whole_days), (seconds, more))
}

/// How a CA's CRLs are made that live for so many days and seconds, each with the variable that says so.
fn crl_of(
    (days, whole_days): (&'static str, u64),
    (seconds, more): (&'static str, u32),
) -> Result<CrlFile, SettingsError> {
    if whole_days > LONGEST_CRL_DAYS {
        return Err(invalid(
            days,
            format!("{whole_days} days are more than {LONGEST_CRL_DAYS}"),
        ));
    }
    let lifetime = whole_days * 86_400 + u64::from(more);
    if lifetime < SHORTEST_CRL {
        let detail = format!("with {seconds} a CRL would live {lifetime} seconds; let it live {SHORTEST_CRL} at least");
        return Err(invalid(days, detail));
    }
    let hours = |seconds: u64| u32::try_from(seconds / 3600).map_err(|_| invalid(days, "a CRL would live too long"));
    Ok(CrlFile {
        lifetime_hours: hours(lifetime)?,
        lifetime_seconds: u32::try_from(lifetime % 3600).unwrap_or(0),
        interval_hours: hours(lifetime / 2)?,
        shards: 0,
        // The CRL functions publish once, after all revocations are recorded.
        publish_on_revocation: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The environment as the Terraform module sets it, with these changes.
    fn environment(changes: &[(&str, &str)]) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        let module = [
            ("PROJECT", "serverless"),
            ("ENVIRONMENT_NAME", "dev"),
            ("PROD_ENVIRONMENTS", r#"["prd","prod"]"#),
            ("EXTERNAL_S3_BUCKET", "external"),
            ("INTERNAL_S3_BUCKET", "internal"),
            ("DOMAIN", ""),
            ("PUBLIC_CRL", "disabled"),
            (
                "ROOT_CA_INFO",
                r#"{"commonName":"Serverless Root CA","country":"GB","emailAddress":null,"lifetime":7300,
                   "locality":"London","organization":"Acme, Inc.","organizationalUnit":null,"pathLengthConstraint":null,"state":null}"#,
            ),
            (
                "ISSUING_CA_INFO",
                r#"{"commonName":"Serverless Issuing CA","lifetime":3650,"pathLengthConstraint":0}"#,
            ),
            ("ROOT_CRL_DAYS", "1"),
            ("ROOT_CRL_SECONDS", "600"),
            ("ISSUING_CRL_DAYS", "7"),
            ("ISSUING_CRL_SECONDS", "0"),
            ("MAX_CERT_LIFETIME", "365"),
            (
                "SNS_TOPIC_ARN",
                "arn:aws:sns:eu-west-1:123456789012:serverless-ca-notifications-dev",
            ),
            ("CUSTOM_EXTENSION_ALLOWLIST", "[]"),
            ("EXPIRY_REMINDERS", "[30,15,7,1]"),
        ];
        for (name, value) in module.iter().chain(changes) {
            all.insert((*name).to_owned(), (*value).to_owned());
        }
        all
    }

    fn read(changes: &[(&str, &str)]) -> Result<AuthoritySettings, SettingsError> {
        let all = environment(changes);
        AuthoritySettings::from_environment(&|name| all.get(name).cloned())
    }

    fn authority(changes: &[(&str, &str)]) -> Config {
        read(changes).unwrap().config().unwrap()
    }

    #[test]
    fn key_encipherment_for_ec_keys_is_set_only_where_it_is_said() {
        use chancery_x509::certificate::KeyUsage;
        use chancery_x509::key::KeyKind;
        let usage = |changes: &[(&str, &str)]| {
            let profiles = read(changes).unwrap().profiles();
            profiles.named("tls").unwrap().key_usage(KeyKind::P256)
        };
        let signs = KeyUsage::DIGITAL_SIGNATURE;
        assert_eq!(usage(&[]), signs);
        assert_eq!(usage(&[("COMPATIBILITY", r#"{"ec_key_encipherment":false}"#)]), signs);
        let both = usage(&[("COMPATIBILITY", r#"{"ec_key_encipherment":true}"#)]);
        assert_eq!(both, signs | KeyUsage::KEY_ENCIPHERMENT);
        for bad in [r#"{"ec_key_encipherment":"yes"}"#, r#"{"other":true}"#, "true"] {
            assert!(read(&[("COMPATIBILITY", bad)]).is_err(), "{bad}");
        }
    }

    #[test]
    fn common_names_of_csrs_are_replaced_unless_the_input_says_no() {
        let replaced = |changes: &[(&str, &str)], profile: &str| {
            let profiles = read(changes).unwrap().profiles();
            profiles.named(profile).unwrap().replaces_common_names()
        };
        assert!(replaced(&[], "tls"), "as the former functions did");
        assert!(replaced(&[("REPLACE_COMMON_NAME", "true")], "tls"));
        assert!(!replaced(&[("REPLACE_COMMON_NAME", "false")], "tls"));
        assert!(!replaced(&[], "tls-server"), "the drop-in profile alone");
        assert!(read(&[("REPLACE_COMMON_NAME", "perhaps")]).is_err());
    }

    #[test]
    fn a_domain_is_a_domain_alone() {
        let url = |domain: &str| {
            let settings = read(&[("PUBLIC_CRL", "enabled"), ("DOMAIN", domain)])?;
            settings.config().map(|config| config.public_url().map(str::to_owned))
        };
        assert_eq!(url("ca.example.com"), Ok(Some("http://ca.example.com".to_owned())));
        assert_eq!(url(" ca.example.com. "), Ok(Some("http://ca.example.com".to_owned())));
        for wrong in [
            "http://ca.example.com",
            "https://ca.example.com",
            "ca.example.com/pki",
            "ca.example.com:80",
            "ca..example.com",
            "-a.example.com",
            "a b.example.com",
            "http://http://ca.example.com",
        ] {
            let error = url(wrong).unwrap_err().to_string();
            assert!(
                error.contains("DOMAIN") && error.contains("without http://"),
                "{wrong}: {error}"
            );
        }
    }

    #[test]
    fn the_module_s_environment_is_the_contract_s_authority() {
        let config = authority(&[]);
        let [root, issuing]: &[CaConfig; 2] = config.cas().try_into().unwrap();
        assert_eq!(root.name().as_str(), "serverless-root-ca-dev");
        assert_eq!(issuing.name().as_str(), "serverless-issuing-ca-dev");
        assert_eq!(root.key().0, "serverless-root-ca-dev");
        assert_eq!(
            root.subject().to_rfc4514(),
            r"O=Acme\, Inc.,L=London,C=GB,CN=Serverless Root CA"
        );
        assert_eq!((root.path_len(), issuing.path_len()), (None, Some(0)));
        assert_eq!((root.lifetime_days(), issuing.lifetime_days()), (7300, 3650));
        assert_eq!(root.crl().lifetime_seconds(), 87_000);
        assert_eq!(issuing.crl().lifetime_seconds(), 7 * 86_400);
        assert_eq!(config.public_url(), None);
        assert_eq!(config.expiry_reminders(), [30, 15, 7, 1]);
        assert_eq!(config.bundle_name().as_str(), "serverless-ca-bundle-dev.pem");
    }

    #[test]
    fn what_may_be_missing_has_the_contract_s_defaults() {
        let all = environment(&[]);
        let needed = [
            "PROJECT",
            "ENVIRONMENT_NAME",
            "EXTERNAL_S3_BUCKET",
            "INTERNAL_S3_BUCKET",
        ];
        let settings =
            AuthoritySettings::from_environment(&|name| all.get(name).filter(|_| needed.contains(&name)).cloned());
        let config = settings.unwrap().config().unwrap();
        assert_eq!(config.cas()[1].subject().to_rfc4514(), "CN=Serverless Issuing CA");
        assert_eq!(config.cas()[1].crl().lifetime_seconds(), 87_000);
        assert_eq!(config.cas()[1].path_len(), None);
        assert_eq!(config.max_cert_lifetime(), 365);
        for missing in needed {
            let error = AuthoritySettings::from_environment(&|name| all.get(name).filter(|_| name != missing).cloned());
            assert_eq!(error.unwrap_err(), SettingsError::Missing { name: missing });
        }
    }

    #[test]
    fn production_and_public_crls() {
        let config = authority(&[
            ("ENVIRONMENT_NAME", "prd"),
            ("PUBLIC_CRL", "enabled"),
            ("DOMAIN", "ca.example.com"),
        ]);
        assert_eq!(config.issuing_ca().name().as_str(), "serverless-issuing-ca");
        assert_eq!(
            config.crt_url(config.issuing_ca().name()).unwrap(),
            "http://ca.example.com/serverless-issuing-ca.crt"
        );
        assert_eq!(
            read(&[("PUBLIC_CRL", "enabled")]).unwrap_err(),
            SettingsError::Missing { name: "DOMAIN" }
        );
    }

    #[test]
    fn what_can_be_lived_with_is_a_warning() {
        let settings = read(&[
            (
                "CUSTOM_EXTENSION_ALLOWLIST",
                r#"["1.3.6.1.4.1.99999.1","2.5.29.17","oid"]"#,
            ),
            (
                "ISSUING_CA_INFO",
                r#"{"lifetime":"9000","pathLengthConstraint":"","other":[1]}"#,
            ),
        ])
        .unwrap();
        assert_eq!(settings.warnings.len(), 3, "{:?}", settings.warnings);
        let config = settings.config().unwrap();
        assert_eq!(config.custom_extension_allowlist().len(), 1);
        assert_eq!(config.issuing_ca().lifetime_days(), 7300);
    }

    #[test]
    fn a_key_s_algorithm_is_what_it_is() {
        let settings = read(&[]).unwrap();
        let named = settings.config().unwrap();
        let [root, issuing] = [0, 1].map(|index: usize| named.cas()[index].name());
        let config = settings.config_for(issuing, CaKeyAlgorithm::Rsa4096).unwrap();
        assert_eq!(config.cas()[1].algorithm(), CaKeyAlgorithm::Rsa4096);
        let config = settings.config_for(root, CaKeyAlgorithm::MlDsa65).unwrap();
        assert_eq!(config.cas()[0].algorithm(), CaKeyAlgorithm::MlDsa65);
    }

    #[test]
    fn further_issuing_cas_stand_below_the_root_and_issue_nothing_by_themselves() {
        let further = r#"{"issuing-ca-2":{"info":{"commonName":"Second","lifetime":"9000"},"crl_days":7,"crl_seconds":0},
            "devices-ca":{"info":{"commonName":"Devices","pathLengthConstraint":0}}}"#;
        let settings = read(&[("ISSUING_CAS", further)]).unwrap();
        assert_eq!(settings.warnings.len(), 1, "{:?}", settings.warnings);
        let config = settings.config().unwrap();
        let names: Vec<&str> = CaRole::Issuing
            .configured(&config)
            .map(|ca| ca.name().as_str())
            .collect();
        let expected = [
            "serverless-issuing-ca-dev",
            "serverless-devices-ca-dev",
            "serverless-issuing-ca-2-dev",
        ];
        assert_eq!(names, expected);
        assert_eq!(config.issuing_ca().short_name(), "issuing-ca");
        let (devices, second) = (&config.cas()[2], &config.cas()[3]);
        assert_eq!((devices.lifetime_days(), second.lifetime_days()), (3650, 7300));
        assert_eq!(devices.parent(), Some(config.cas()[0].name()));
        assert_eq!(devices.path_len(), Some(0));
        assert_eq!(
            devices.crl().lifetime_seconds(),
            7 * 86_400,
            "as the first issuing CA's"
        );
        let short = r#"{"issuing-ca-2":{"info":{"commonName":"Second"},"crl_days":2}}"#;
        let config = authority(&[("ISSUING_CAS", short)]);
        assert_eq!(config.cas()[2].crl().lifetime_seconds(), 2 * 86_400);
    }

    #[test]
    fn mistakes_name_their_variable() {
        let table = [
            ("PROD_ENVIRONMENTS", "prd"),
            ("PUBLIC_CRL", "true"),
            ("ROOT_CA_INFO", "[]"),
            ("ROOT_CA_INFO", r#"{"lifetime":"long"}"#),
            ("ISSUING_CA_INFO", r#"{"pathLengthConstraint":256}"#),
            ("ISSUING_CA_INFO", r#"{"commonName":7}"#),
            ("ISSUING_CA_INFO", r#"{"lifetime":99999999999}"#),
            ("ROOT_CRL_DAYS", "one"),
            ("ROOT_CRL_DAYS", "-1"),
            ("ROOT_CRL_DAYS", "0"),
            ("ISSUING_CRL_DAYS", "18446744073709551615"),
            ("ROOT_CRL_SECONDS", "1.5"),
            ("MAX_CERT_LIFETIME", "a year"),
            ("CUSTOM_EXTENSION_ALLOWLIST", "1.2.3"),
            ("EXPIRY_REMINDERS", r#"["30"]"#),
            ("ISSUING_CAS", "[]"),
            ("ISSUING_CAS", r#"{"issuing-ca-2":{}}"#),
            ("ISSUING_CAS", r#"{"issuing-ca-2":{"info":{}}}"#),
            ("ISSUING_CAS", r#"{"issuing-ca-2":{"info":{"commonName":" "}}}"#),
            (
                "ISSUING_CAS",
                r#"{"issuing-ca-2":{"info":{"commonName":"Second"},"crl_days":0,"crl_seconds":60}}"#,
            ),
            (
                "ISSUING_CAS",
                r#"{"issuing-ca-2":{"info":{"commonName":"Second"},"shards":2}}"#,
            ),
            (
                "ISSUING_CAS",
                r#"{"issuing-ca-2":{"info":{"commonName":"Serverless Issuing CA"}}}"#,
            ),
        ];
        for (name, value) in table {
            match read(&[(name, value)]) {
                Err(SettingsError::Invalid { name: reported, detail }) => {
                    assert_eq!(reported, name, "{value}");
                    assert!(!detail.is_empty());
                }
                other => panic!("{name}={value}: {other:?}"),
            }
        }
        for (name, value) in [
            ("PROJECT", "Two Words"),
            ("ROOT_CA_INFO", r#"{"country":"Great Britain"}"#),
            ("MAX_CERT_LIFETIME", "0"),
            ("ROOT_CA_INFO", r#"{"pathLengthConstraint":0}"#),
            ("ISSUING_CAS", r#"{"issuing-ca":{"info":{"commonName":"Second"}}}"#),
            ("ISSUING_CAS", r#"{"Second CA":{"info":{"commonName":"Second"}}}"#),
        ] {
            assert!(
                matches!(read(&[(name, value)]), Err(SettingsError::Config { .. })),
                "{name}={value}"
            );
        }
    }
}
