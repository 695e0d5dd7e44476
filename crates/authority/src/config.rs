//! The authority's configuration: TOML, validated into a [`Config`].
//!
//! [`ConfigFile`] is the configuration as written; [`Config`] is what the rest of the code relies on: names are unique,
//! parents exist, lifetimes fit into each other, CRLs overlap.

mod ca;
mod file;
mod name;
mod validate;

pub use ca::{CaConfig, CrlConfig};
pub use file::{CaFile, ConfigFile, CrlFile, NameConstraintsFile, PathLen, SubjectFile};

use std::collections::BTreeSet;

use chancery_x509::key::policy::KeyPolicy;
use chancery_x509::time::UnixTime;
use const_oid::ObjectIdentifier;

use crate::ca_name::CaName;
use crate::port::ledger::CrlScope;

/// A validated configuration, built from TOML by [`Config::from_toml`] or from its unvalidated form by [`Config::new`].
#[derive(Clone, Debug)]
pub struct Config {
    project: String,
    environment: String,
    /// `-E` in names, or empty where the environment is a production one.
    suffix: String,
    public_url: Option<String>,
    max_cert_lifetime: u32,
    custom_extension_allowlist: BTreeSet<ObjectIdentifier>,
    key_policy: KeyPolicy,
    expiry_reminders: Vec<u32>,
    intent_grace_seconds: u32,
    renewal_window_divisor: u32,
    never_sharded: bool,
    cas: Vec<CaConfig>,
    issuing_ca: usize,
}

/// Why a configuration is invalid: which key, what is wrong with it, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not TOML, an unknown key, or a value of the wrong type.
    #[error("the configuration cannot be read: {detail}")]
    Toml {
        /// Line, column and what was expected there.
        detail: String,
    },
    /// A value that is not allowed for its key.
    #[error("configuration key `{key}`: {detail}")]
    Invalid {
        /// The key with its table, e.g. `ca.issuing-ca.crl.lifetime_hours`.
        key: String,
        /// What is wrong and what to write instead.
        detail: String,
    },
}

impl Config {
    /// Reads and validates a TOML text.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let file: ConfigFile = toml::from_str(text).map_err(|error| ConfigError::Toml {
            detail: error.to_string().trim_end().to_owned(),
        })?;
        Self::new(file)
    }

    /// Validates the unvalidated form.
    pub fn new(file: ConfigFile) -> Result<Self, ConfigError> {
        validate::validate(file)
    }

    /// The default configuration with every key explained, as written into a new authority's folder. Reading it yields
    /// what [`ConfigFile::default`] validates to.
    pub fn default_toml() -> &'static str {
        include_str!("config/default.toml")
    }

    /// First part of every name: `chancery`.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The environment: `prd`.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// Where CRLs and CA certificates are served, without a slash at its end: `http://pki.example.com`. `None`:
    /// certificates carry neither distribution points nor caIssuers.
    pub fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// The longest lifetime of a leaf certificate, in days; a request or profile that asks for more gets this.
    pub fn max_cert_lifetime(&self) -> u32 {
        self.max_cert_lifetime
    }

    /// OIDs of the custom extensions that requests may set.
    pub fn custom_extension_allowlist(&self) -> &BTreeSet<ObjectIdentifier> {
        &self.custom_extension_allowlist
    }

    /// The rules that every certified key must meet, with the configured blocked keys. It allows every supported kind
    /// of key: profiles choose the kinds.
    pub fn key_policy(&self) -> &KeyPolicy {
        &self.key_policy
    }

    /// Whole days before expiry at which reminders are sent, greatest first, each once.
    pub fn expiry_reminders(&self) -> &[u32] {
        &self.expiry_reminders
    }

    /// Seconds after which an intent that is still open counts as abandoned: a retry with its token, or the sweeper,
    /// may then resume it.
    pub fn intent_grace_seconds(&self) -> i64 {
        i64::from(self.intent_grace_seconds)
    }

    /// From when on the holder of a certificate may renew it by presenting it: the start of the last `1 /
    /// renewal_window_divisor` of its lifetime.
    pub fn renewable_from(&self, not_before: UnixTime, not_after: UnixTime) -> UnixTime {
        let life = not_after.0.saturating_sub(not_before.0).max(0);
        UnixTime(
            not_after
                .0
                .saturating_sub(life / i64::from(self.renewal_window_divisor)),
        )
    }

    /// Whether no certificate of this authority names, or will ever name, the CRL of a shard.
    pub fn is_never_sharded(&self) -> bool {
        self.never_sharded
    }

    /// The CAs, parents before children.
    pub fn cas(&self) -> &[CaConfig] {
        &self.cas
    }

    /// A CA by its short name (`issuing-ca`).
    pub fn ca_named(&self, name: &str) -> Option<&CaConfig> {
        self.cas.iter().find(|ca| ca.short_name() == name)
    }

    /// A CA by its name (`chancery-issuing-ca`).
    pub fn ca(&self, ca_name: &CaName) -> Option<&CaConfig> {
        self.cas.iter().find(|ca| ca.name() == ca_name)
    }

    /// The CA that issues leaves where a profile names no other.
    pub fn issuing_ca(&self) -> &CaConfig {
        &self.cas[self.issuing_ca]
    }

    /// Every CRL that this authority publishes: for each CA its full one, and each of its shards.
    pub fn crl_scopes(&self) -> Vec<CrlScope> {
        self.cas.iter().flat_map(CaConfig::crl_scopes).collect()
    }
}

#[cfg(test)]
mod tests;
