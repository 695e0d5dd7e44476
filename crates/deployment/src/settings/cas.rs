//! The CAs of a deployment: the two of the contract, and the issuing CAs beside them.

use std::collections::BTreeMap;

use chancery_authority::CaName;
use chancery_authority::config::{CaConfig, CaFile, Config, CrlFile, PathLen, SubjectFile};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{SettingsError, Variable, invalid, json, number, text};

/// A CA's role in the two-level hierarchy. Each has functions of its own, which serve all CAs of that role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaRole {
    /// The root CA.
    Root,
    /// A CA below it, which issues leaf certificates: the contract's, or one of `ISSUING_CAS`.
    Issuing,
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
pub(super) const ISSUING_CA: &str = "issuing-ca";

/// The variable of the issuing CAs besides the contract's.
const ISSUING_CAS: &str = "ISSUING_CAS";
const ROOT_KEY_SHA256: &str = "ROOT_CA_PUBLIC_KEY_SHA256";

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

/// The root's public key as operators noted it: SHA-256, in hexadecimal digits, of its SubjectPublicKeyInfo in DER.
pub(super) fn root_key_sha256(variable: Variable<'_>) -> Result<Option<[u8; 32]>, SettingsError> {
    let Some(noted) = text(variable, ROOT_KEY_SHA256) else {
        return Ok(None);
    };
    let wrong = || {
        invalid(
            ROOT_KEY_SHA256,
            format!("{noted:?} is no SHA-256 in 64 hexadecimal digits"),
        )
    };
    let mut octets = [0; 32];
    if noted.len() != 2 * octets.len() || !noted.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    for (octet, digits) in octets.iter_mut().zip(noted.as_bytes().chunks_exact(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| wrong())?;
        *octet = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
    }
    Ok(Some(octets))
}

/// Verifiers take a CRL by its issuer's name: a further CA has a name of its own.
pub(super) fn distinct_subjects(config: &Config) -> Result<(), SettingsError> {
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

/// The CAs of the variables, the root first and the contract's issuing CA second.
pub(super) fn cas(variable: Variable<'_>, warnings: &mut Vec<String>) -> Result<Vec<CaFile>, SettingsError> {
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
