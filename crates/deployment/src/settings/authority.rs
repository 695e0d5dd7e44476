//! The settings of the functions of an authority: all but `notify`.

use chancery_authority::CaName;
use chancery_authority::config::{Config, ConfigFile};
use chancery_authority::profile::Profiles;
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::extension::RESERVED;
use const_oid::ObjectIdentifier;
use serde::Deserialize;

use super::cas::{ISSUING_CA, cas, distinct_subjects, root_key_sha256};
use super::{SettingsError, Variable, invalid, json, number, required, text};

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
    /// `ROOT_CA_PUBLIC_KEY_SHA256`: by which the root's public key is known while its key is disabled.
    pub root_key_sha256: Option<[u8; 32]>,
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
            root_key_sha256: root_key_sha256(variable)?,
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chancery_authority::config::CaConfig;

    use super::*;
    use crate::settings::CaRole;

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
    fn the_root_s_key_is_noted_in_hexadecimal() {
        let noted = |value: &str| read(&[("ROOT_CA_PUBLIC_KEY_SHA256", value)]).map(|read| read.root_key_sha256);
        assert_eq!(noted("").unwrap(), None);
        let digits = format!("{}FF", "0a".repeat(31));
        let octets = noted(&digits).unwrap().unwrap();
        assert_eq!((octets[0], octets[30], octets[31]), (0x0a, 0x0a, 0xff));
        for bad in [
            "0a",
            &"0g".repeat(32),
            &"+a".repeat(32),
            &"é".repeat(32),
            &"0a".repeat(33),
        ] {
            assert!(noted(bad).is_err(), "{bad}");
        }
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
