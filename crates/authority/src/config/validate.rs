//! Validates a [`ConfigFile`] into a [`Config`].

use std::collections::BTreeSet;
use std::net::IpAddr;

use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::certificate::template::{NameConstraints, Subtree};
use chancery_x509::extension::RESERVED;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::key::policy::KeyPolicy;
use chancery_x509::name::Subject;
use chancery_x509::san::{AltName, AltNameType};
use const_oid::ObjectIdentifier;
use data_encoding::HEXLOWER_PERMISSIVE;

use super::ca::{CaConfig, CrlConfig};
use super::file::{CaFile, ConfigFile, CrlFile, NameConstraintsFile, PathLen};
use super::name::ca_name;
use super::{Config, ConfigError};
use crate::ca_name::CaName;
use crate::port::KeyName;

/// A hundred years; dates in RFC 5280 end in 9999 and no key outlives its algorithm by that much.
const MAX_LIFETIME_DAYS: u32 = 36_500;
/// Each shard is one CRL file; nobody publishes more than this.
const MAX_SHARDS: u16 = 4096;
/// Hierarchies are designed by hand; this bounds the work of checking one.
const MAX_CAS: usize = 100;

pub(super) fn validate(file: ConfigFile) -> Result<Config, ConfigError> {
    label("project", &file.project)?;
    label("environment", &file.environment)?;
    let suffix = if file.prod_environments.contains(&file.environment) {
        String::new()
    } else {
        format!("-{}", file.environment)
    };
    range("max_cert_lifetime", file.max_cert_lifetime, 1, MAX_LIFETIME_DAYS)?;
    range("intent_grace_seconds", file.intent_grace_seconds, 5, 86_400)?;
    range("renewal_window_divisor", file.renewal_window_divisor, 1, 100)?;
    let public_url = file.public_url.as_deref().map(public_url).transpose()?;
    let custom_extension_allowlist = allowlist(&file.custom_extension_allowlist)?;
    let key_policy = KeyPolicy {
        kinds: Vec::new(),
        blocked: blocked(&file.blocked_keys)?,
    };
    let expiry_reminders = reminders(file.expiry_reminders);

    let cas = hierarchy(&file.project, &suffix, &file.ca)?;
    // A relying party finds a shard through the URL in the certificates it covers, so shards need a URL.
    if let Some(ca) = cas.iter().find(|ca| ca.crl.shards > 0 && public_url.is_none()) {
        return Err(invalid(
            format!("ca.{}.crl.shards", ca.short_name),
            "CRL shards need public_url, where they are served",
        ));
    }
    if let Some(ca) = cas.iter().find(|ca| ca.crl.shards > 0 && file.never_sharded) {
        return Err(invalid(
            format!("ca.{}.crl.shards", ca.short_name),
            "this deployment has no CRL shards",
        ));
    }
    let issuing_ca = match &file.issuing_ca {
        None => cas.len() - 1,
        Some(name) => cas.iter().position(|ca| ca.short_name == *name).ok_or_else(|| {
            invalid(
                "issuing_ca",
                format!("there is no CA named {name:?}; name one of the [[ca]] tables"),
            )
        })?,
    };
    Ok(Config {
        project: file.project,
        environment: file.environment,
        suffix,
        public_url,
        max_cert_lifetime: file.max_cert_lifetime,
        custom_extension_allowlist,
        key_policy,
        expiry_reminders,
        intent_grace_seconds: file.intent_grace_seconds,
        renewal_window_divisor: file.renewal_window_divisor,
        never_sharded: file.never_sharded,
        cas,
        issuing_ca,
    })
}

fn hierarchy(project: &str, suffix: &str, files: &[CaFile]) -> Result<Vec<CaConfig>, ConfigError> {
    if files.is_empty() || files.len() > MAX_CAS {
        return Err(invalid(
            "ca",
            format!("write 1 to {MAX_CAS} [[ca]] tables, the root first"),
        ));
    }
    let mut cas: Vec<CaConfig> = Vec::with_capacity(files.len());
    for file in files {
        let key = |field: &str| format!("ca.{}.{field}", file.name);
        label(&key("name"), &file.name)?;
        let ca_name = ca_name(project, &file.name, suffix).map_err(|error| invalid(key("name"), error.to_string()))?;
        if cas.iter().any(|other| other.short_name == file.name) {
            return Err(invalid(
                key("name"),
                "there is another CA of that name; give each its own",
            ));
        }
        let parent = parent(file, &cas)?;
        let ca = ca(project, ca_name, file, parent, has_children(file, files))?;
        cas.push(ca);
    }
    path_lengths(&cas)?;
    distinct_files(&cas)?;
    distinct_keys(&cas)?;
    Ok(cas)
}

/// The CA above. It must come earlier in the file, so that a hierarchy has no cycles.
fn parent<'a>(file: &CaFile, earlier: &'a [CaConfig]) -> Result<Option<&'a CaConfig>, ConfigError> {
    let Some(name) = &file.parent else {
        return Ok(None);
    };
    let found = earlier.iter().find(|ca| ca.short_name == *name);
    found.map(Some).ok_or_else(|| {
        invalid(
            format!("ca.{}.parent", file.name),
            format!("no CA named {name:?} is defined before this one; write the parent's [[ca]] table first"),
        )
    })
}

fn has_children(file: &CaFile, files: &[CaFile]) -> bool {
    files.iter().any(|other| other.parent.as_ref() == Some(&file.name))
}

fn ca(
    project: &str,
    ca_name: CaName,
    file: &CaFile,
    parent: Option<&CaConfig>,
    has_children: bool,
) -> Result<CaConfig, ConfigError> {
    let key = |field: &str| format!("ca.{}.{field}", file.name);
    let is_root = parent.is_none();

    let lifetime_days = file.lifetime_days.unwrap_or(if is_root { 7300 } else { 3650 });
    range(&key("lifetime_days"), lifetime_days, 1, MAX_LIFETIME_DAYS)?;
    if let Some(parent) = parent.filter(|parent| parent.lifetime_days < lifetime_days) {
        return Err(invalid(
            key("lifetime_days"),
            format!(
                "{lifetime_days} days are more than those of its parent {}; write at most {}",
                parent.short_name, parent.lifetime_days
            ),
        ));
    }
    let path_len = path_len(&key("path_len"), file.path_len.as_ref(), parent, has_children)?;
    let key_name = file.key.clone().unwrap_or_else(|| ca_name.to_string());
    if key_name.is_empty() || key_name.len() > 256 || key_name.chars().any(char::is_control) {
        return Err(invalid(
            key("key"),
            "write the key's name in the key store, 1 to 256 characters",
        ));
    }
    let default_name = Subject {
        common_name: Some(title(project, &file.name)),
        ..Subject::default()
    };
    let subject = Subject::from(file.subject.clone()).or(default_name);
    Ok(CaConfig {
        short_name: file.name.clone(),
        ca_name,
        parent: parent.map(|parent| parent.ca_name.clone()),
        key: KeyName(key_name),
        algorithm: algorithm(&key("algorithm"), file.algorithm.as_deref(), is_root)?,
        subject: subject
            .to_name()
            .map_err(|error| invalid(key("subject"), error.to_string()))?,
        lifetime_days,
        path_len,
        name_constraints: name_constraints(&key("name_constraints"), file.name_constraints.as_ref())?,
        crl: crl(&key("crl"), &file.crl)?,
    })
}

fn algorithm(key: &str, name: Option<&str>, is_root: bool) -> Result<CaKeyAlgorithm, ConfigError> {
    let Some(name) = name else {
        return Ok(if is_root {
            CaKeyAlgorithm::P384
        } else {
            CaKeyAlgorithm::P256
        });
    };
    CaKeyAlgorithm::from_name(name).ok_or_else(|| {
        let known = CaKeyAlgorithm::ALL.map(CaKeyAlgorithm::name).join(", ");
        invalid(key, format!("{name:?} is no key algorithm; use one of {known}"))
    })
}

/// The lifetime is at least two intervals: after one failed publication there is still time for the next.
fn crl(key: &str, file: &CrlFile) -> Result<CrlConfig, ConfigError> {
    range(&format!("{key}.interval_hours"), file.interval_hours, 1, 24 * 366)?;
    range(&format!("{key}.lifetime_hours"), file.lifetime_hours, 1, 24 * 3660)?;
    range(
        &format!("{key}.lifetime_seconds"),
        file.lifetime_seconds,
        0,
        86_400 * 366,
    )?;
    let lifetime_seconds = i64::from(file.lifetime_hours) * 3600 + i64::from(file.lifetime_seconds);
    if lifetime_seconds < 2 * i64::from(file.interval_hours) * 3600 {
        return Err(invalid(
            format!("{key}.lifetime_hours"),
            format!(
                "a CRL must outlive the next publication: write at least {} (twice interval_hours)",
                2 * file.interval_hours
            ),
        ));
    }
    if file.shards > MAX_SHARDS {
        return Err(invalid(
            format!("{key}.shards"),
            format!("write at most {MAX_SHARDS}, or 0 for one full CRL"),
        ));
    }
    Ok(CrlConfig {
        lifetime_seconds,
        interval_hours: file.interval_hours,
        shards: file.shards,
        publish_on_revocation: file.publish_on_revocation,
    })
}

/// A CA's path length, which must be below that of the CA above where that has one (RFC 5280 section 4.2.1.9: a limit
/// applies to everything below it, and verifiers ignore a larger number further down).
fn path_len(
    key: &str,
    wanted: Option<&PathLen>,
    parent: Option<&CaConfig>,
    has_children: bool,
) -> Result<Option<u8>, ConfigError> {
    // Under a parent of path length 0 this CA is not allowed at all; `path_lengths` reports that for the parent.
    let limit = parent.and_then(|parent| Some((parent, parent.path_len?.checked_sub(1)?)));
    let wanted = match wanted {
        None if parent.is_none() => None,
        None if has_children => limit.map(|(_, most)| most),
        None => Some(0),
        Some(PathLen::Limit(limit)) => Some(*limit),
        Some(PathLen::Word(word)) if word == "none" => None,
        Some(PathLen::Word(_)) => return Err(invalid(key, "write a number from 0 to 255, or \"none\"")),
    };
    match limit {
        Some((parent, most)) if wanted.is_none_or(|wanted| wanted > most) => Err(invalid(
            key,
            format!(
                "its parent {} has path_len {}, which limits this CA too; write at most {most}, or leave it out",
                parent.short_name,
                most + 1
            ),
        )),
        _ => Ok(wanted),
    }
}

/// Each CA's path length leaves room for the CAs configured below it.
fn path_lengths(cas: &[CaConfig]) -> Result<(), ConfigError> {
    for ca in cas {
        let Some(limit) = ca.path_len else { continue };
        let below = height(&ca.ca_name, cas);
        if below > usize::from(limit) {
            return Err(invalid(
                format!("ca.{}.path_len", ca.short_name),
                format!("{below} levels of CAs are configured below it; write at least {below}, or \"none\""),
            ));
        }
    }
    Ok(())
}

/// Levels of CAs below one. Parents come before their children, so the recursion ends.
fn height(ca_name: &CaName, cas: &[CaConfig]) -> usize {
    let children = cas.iter().filter(|ca| ca.parent.as_ref() == Some(ca_name));
    children.map(|child| 1 + height(&child.ca_name, cas)).max().unwrap_or(0)
}

/// No CA's file has the name of another CA's CRL shard: `ca` with shards next to `ca-3`.
fn distinct_files(cas: &[CaConfig]) -> Result<(), ConfigError> {
    for sharded in cas.iter().filter(|ca| ca.crl.shards > 0) {
        let prefix = format!("{}-", sharded.ca_name);
        let clash = cas.iter().find(|ca| {
            let rest = ca.ca_name.as_str().strip_prefix(&prefix);
            rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
        });
        if let Some(clash) = clash {
            return Err(invalid(
                format!("ca.{}.name", clash.short_name),
                format!(
                    "its CRL would have the name of a CRL shard of {}; choose another name",
                    sharded.short_name
                ),
            ));
        }
    }
    Ok(())
}

/// Each CA has its own key: two CAs with one key could sign in each other's name.
fn distinct_keys(cas: &[CaConfig]) -> Result<(), ConfigError> {
    let mut seen = BTreeSet::new();
    for ca in cas {
        if !seen.insert(&ca.key.0) {
            return Err(invalid(
                format!("ca.{}.key", ca.short_name),
                "another CA has this key; every CA needs its own",
            ));
        }
    }
    Ok(())
}

fn name_constraints(key: &str, file: Option<&NameConstraintsFile>) -> Result<Option<NameConstraints>, ConfigError> {
    let Some(file) = file else { return Ok(None) };
    let subtrees = |field: &str, texts: &[String]| -> Result<Vec<Subtree>, ConfigError> {
        let key = format!("{key}.{field}");
        texts
            .iter()
            .map(|text| {
                subtree(text).ok_or_else(|| {
                    invalid(
                        &key,
                        format!(
                            "{text:?} is no name constraint; write dns:example.com, ip:10.0.0.0/8, email:example.com, \
                             uri:.example.com or dn:O=Example"
                        ),
                    )
                })
            })
            .collect()
    };
    let constraints = NameConstraints {
        permitted: subtrees("permitted", &file.permitted)?,
        excluded: subtrees("excluded", &file.excluded)?,
    };
    // RFC 5280 section 4.2.1.10: an empty sequence is not allowed.
    if constraints == NameConstraints::default() {
        return Err(invalid(
            key,
            "write at least one name under permitted or excluded, or leave the table out",
        ));
    }
    Ok(Some(constraints))
}

impl NameConstraintsFile {
    /// The name constraints, or why they are none.
    pub fn parse(&self) -> Result<NameConstraints, ConfigError> {
        Ok(name_constraints("name_constraints", Some(self))?.unwrap_or_default())
    }
}

fn subtree(text: &str) -> Option<Subtree> {
    let (kind, value) = text.split_once(':')?;
    match kind {
        "dns" => host(value).then(|| Subtree::Dns(value.to_owned())),
        "uri" => host(value).then(|| Subtree::Uri(value.to_owned())),
        "email" => {
            let valid = if value.contains('@') {
                AltName::parse(AltNameType::Email, value).is_ok()
            } else {
                host(value)
            };
            valid.then(|| Subtree::Email(value.to_owned()))
        }
        "ip" => {
            let (address, prefix) = value.split_once('/')?;
            let address: IpAddr = address.parse().ok()?;
            let prefix: u8 = prefix.parse().ok()?;
            (prefix <= if address.is_ipv4() { 32 } else { 128 }).then_some(Subtree::Ip { address, prefix })
        }
        "dn" => match AltName::parse(AltNameType::Directory, value).ok()? {
            AltName::Directory(name) => Some(Subtree::Directory(name)),
            _ => None,
        },
        _ => None,
    }
}

/// A host name, or with a leading dot a domain.
fn host(value: &str) -> bool {
    let name = value.strip_prefix('.').unwrap_or(value);
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !name.is_empty()
        && name.len() <= 253
        && name
            .split('.')
            .all(|label| (1..=63).contains(&label.len()) && label.bytes().all(legal))
}

fn allowlist(texts: &[String]) -> Result<BTreeSet<ObjectIdentifier>, ConfigError> {
    let parse = |text: &String| {
        let oid = ObjectIdentifier::new(text).map_err(|_| {
            invalid(
                "custom_extension_allowlist",
                format!("{text:?} is no object identifier"),
            )
        })?;
        if RESERVED.contains(&oid) {
            return Err(invalid(
                "custom_extension_allowlist",
                format!("{text} is set by the CA itself and cannot be allowed to requests; leave it out"),
            ));
        }
        Ok(oid)
    };
    texts.iter().map(parse).collect()
}

fn blocked(texts: &[String]) -> Result<BTreeSet<KeyFingerprint>, ConfigError> {
    let parse = |text: &String| {
        let digest = HEXLOWER_PERMISSIVE
            .decode(text.as_bytes())
            .ok()
            .and_then(|octets| octets.try_into().ok());
        digest.map(KeyFingerprint).ok_or_else(|| {
            let shown: String = text.chars().take(80).collect();
            invalid(
                "blocked_keys",
                format!("{shown:?} is no fingerprint; write the SHA-256 of the key's SubjectPublicKeyInfo, 64 hexadecimal digits"),
            )
        })
    };
    texts.iter().map(parse).collect()
}

fn reminders(mut days: Vec<u32>) -> Vec<u32> {
    days.sort_unstable_by(|a, b| b.cmp(a));
    days.dedup();
    days
}

/// Plain HTTP only: CRLs and certificates are signed already, and validating an HTTPS certificate could itself need the
/// CRL.
fn public_url(text: &str) -> Result<String, ConfigError> {
    let trimmed = text.trim_end_matches('/');
    let rest = trimmed.strip_prefix("http://").unwrap_or_default();
    let legal = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'"' | b'<' | b'>' | b'\\');
    if rest.is_empty() || rest.starts_with('/') || trimmed.len() > 255 || !rest.bytes().all(legal) {
        return Err(invalid(
            "public_url",
            format!("{text:?} cannot be used; write a plain http URL such as http://pki.example.com"),
        ));
    }
    Ok(trimmed.to_owned())
}

/// Whether a text can be part of names.
fn label(key: &str, text: &str) -> Result<(), ConfigError> {
    CaName::new(text).map(drop).map_err(|_| {
        invalid(
            key,
            format!("{text:?} cannot be part of a name; use lower-case letters, digits and hyphens, with a letter or digit at both ends"),
        )
    })
}

fn range(key: &str, value: u32, least: u32, most: u32) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(invalid(
        key,
        format!("{value} is out of range; write a number from {least} to {most}"),
    ))
}

/// `chancery`, `issuing-ca` → `Chancery Issuing CA`.
fn title(project: &str, name: &str) -> String {
    let words = project
        .split('-')
        .chain(name.split('-'))
        .filter(|word| !word.is_empty());
    words.map(title_word).collect::<Vec<_>>().join(" ")
}

fn title_word(word: &str) -> String {
    if word == "ca" {
        return "CA".to_owned();
    }
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
        .unwrap_or_default()
}

fn invalid(key: impl Into<String>, detail: impl Into<String>) -> ConfigError {
    ConfigError::Invalid {
        key: key.into(),
        detail: detail.into(),
    }
}
