//! `house.toml`: what differs from house to house and is no matter of the authority: where its keys are, whom it tells.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use chancery_authority::port::{IntentKeys, KeyName, KeyStore, KeyStoreError, Notices};
use chancery_local::folder::DataFolder;
use chancery_local::keys::passphrase::{ENVIRONMENT, Passphrase, PassphraseSource, Purpose, STORED_FILE};
use chancery_local::keys::sealed::SealedKeyStore;
use chancery_local::keys::token::{TokenConfig, TokenKeyStore};
use chancery_local::notices::{LogNotices, Several, WebhookConfig, WebhookNotices};
use chancery_x509::key::ca::CaPublicKey;
use serde::Deserialize;

use super::passphrase;
use crate::arguments::{InitArguments, PassphraseArguments};

const FILE: &str = "house.toml";

/// Signatures at a time on a token: enough to keep most hardware busy.
const TOKEN_SESSIONS: usize = 3;

/// The settings as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Settings {
    keys: KeySettings,
    webhook: Vec<WebhookSettings>,
}

/// A URL that is told of what happens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookSettings {
    url: String,
    /// File whose first line signs each notice.
    secret_file: Option<PathBuf>,
    /// CAs that the receiver's certificate may come from; by default the system's.
    ca_file: Option<PathBuf>,
    #[serde(default)]
    allow_plain_http: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, tag = "store", rename_all = "lowercase")]
enum KeySettings {
    /// Sealed files in the data folder.
    #[default]
    Sealed,
    /// A PKCS #11 token.
    Pkcs11 {
        /// The module's shared library.
        module: PathBuf,
        /// The token's label.
        token: String,
    },
}

/// Writes the settings that a new authority is created with, and for sealed keys without a passphrase of one's own a
/// generated one.
pub(super) fn write(folder: &DataFolder, init: &InitArguments, passphrase: &PassphraseArguments) -> Result<()> {
    let path = folder.path().join(FILE);
    let text = match (&init.pkcs11_module, &init.pkcs11_token) {
        (Some(module), Some(token)) => format!(
            "# CA keys are in a PKCS #11 token.\n[keys]\nstore = \"pkcs11\"\nmodule = {}\ntoken = {}\n",
            toml::Value::from(module.display().to_string()),
            toml::Value::from(token.as_str())
        ),
        _ => "# CA keys are in sealed files, in the folder keys.\n[keys]\nstore = \"sealed\"\n".to_owned(),
    };
    crate::command::write_file(&path, text.as_bytes())?;
    let own = init.ask_passphrase
        || passphrase.passphrase_fd.is_some()
        || passphrase.passphrase_file.is_some()
        || init.pkcs11_module.is_some()
        || std::env::var_os(ENVIRONMENT).is_some();
    if !own && !folder.keys().join(STORED_FILE).exists() {
        let stored = Passphrase::generate_stored(&folder.keys())?;
        eprintln!("warning: {}", stored.warning);
    }
    Ok(())
}

/// Reads the settings; without a file they are the default ones.
pub(super) fn read(folder: &DataFolder) -> Result<Settings> {
    let path = folder.path().join(FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => toml::from_str(&text).with_context(|| format!("{} cannot be used", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Settings::default()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Where the CA keys are.
#[derive(Clone)]
pub(super) enum Keys {
    Sealed(SealedKeyStore),
    Token(Arc<TokenKeyStore>),
}

impl Keys {
    pub(super) fn store(&self) -> Arc<dyn KeyStore> {
        match self {
            Self::Sealed(store) => Arc::new(store.clone()),
            Self::Token(store) => Arc::clone(store) as Arc<dyn KeyStore>,
        }
    }

    pub(super) fn intent_keys(&self) -> Arc<dyn IntentKeys> {
        match self {
            Self::Sealed(store) => Arc::new(store.clone()),
            Self::Token(store) => Arc::clone(store) as Arc<dyn IntentKeys>,
        }
    }

    /// Opens a key ahead of its first use, so that a wrong passphrase or PIN is told to whoever starts the authority and
    /// not to the first who asks it for something.
    pub(super) async fn unlock(&self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        match self {
            Self::Sealed(store) => store.unseal(key).await,
            Self::Token(store) => store.unlock(key).await,
        }
    }
}

impl Settings {
    pub(super) fn keys(&self, folder: &DataFolder, arguments: &PassphraseArguments) -> Result<Keys> {
        let secret = passphrase::source(folder, arguments);
        match &self.keys {
            KeySettings::Sealed => Ok(Keys::Sealed(SealedKeyStore::new(&folder.keys(), secret))),
            KeySettings::Pkcs11 { module, token } => {
                if !module.is_file() {
                    bail!(
                        "the PKCS #11 module {} is not there; install it, or mend {FILE}",
                        module.display()
                    );
                }
                let config = TokenConfig {
                    module: module.clone(),
                    token: token.clone(),
                    pin: secret,
                    sessions: TOKEN_SESSIONS,
                };
                Ok(Keys::Token(Arc::new(TokenKeyStore::start(config, &folder.keys())?)))
            }
        }
    }

    pub(super) fn notices(&self) -> Result<Arc<dyn Notices>> {
        let mut all: Vec<Arc<dyn Notices>> = vec![Arc::new(LogNotices)];
        for webhook in &self.webhook {
            let mut config = WebhookConfig::new(webhook.url.clone());
            if let Some(file) = &webhook.secret_file {
                let secret = PassphraseSource::File(file.clone()).read(Purpose::Unseal);
                config.secret = Some(secret.with_context(|| format!("the secret of webhook {}", webhook.url))?);
            }
            config.ca_file.clone_from(&webhook.ca_file);
            config.allow_plain_http = webhook.allow_plain_http;
            all.push(Arc::new(WebhookNotices::start(config)?));
        }
        Ok(Arc::new(Several::new(all)))
    }
}
