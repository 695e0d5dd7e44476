//! `local.toml`: settings of this machine that are not part of the authority: where its keys are, who gets notices,
//! limits.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use chancery_authority::port::{IntentKeys, KeyName, KeyStore, KeyStoreError, Notices};
use chancery_local::folder::DataFolder;
use chancery_local::keys::passphrase::{ENVIRONMENT, Passphrase, PassphraseSource, Purpose, STORED_FILE};
use chancery_local::keys::sealed::SealedKeyStore;
use chancery_local::keys::token::{TokenConfig, TokenKeyStore};
use chancery_local::notices::{LogNotices, Several, WebhookConfig, WebhookNotices};
use chancery_server::limits::Limits;
use chancery_x509::key::ca::CaPublicKey;
use serde::Deserialize;

use super::limits::LimitSettings;
use super::passphrase;
use crate::arguments::{InitArguments, PassphraseArguments};

const FILE: &str = "local.toml";

/// Its former name; read where `local.toml` does not exist.
const FORMER_FILE: &str = "house.toml";

/// Concurrent signatures on a token: enough to keep most hardware busy.
const TOKEN_SESSIONS: usize = 3;

/// The settings as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Settings {
    keys: KeySettings,
    webhook: Vec<WebhookSettings>,
    limits: LimitSettings,
}

/// A URL that notices are sent to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookSettings {
    url: String,
    /// File whose first line is the key of the HMAC over each notice.
    secret_file: Option<PathBuf>,
    /// CAs trusted for the receiver's certificate; by default the system's.
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

/// Writes the settings that a new authority is created with, and for sealed keys, unless the user supplies a
/// passphrase, a generated one.
pub(super) fn write(folder: &DataFolder, init: &InitArguments, passphrase: &PassphraseArguments) -> Result<()> {
    let path = folder.path().join(FILE);
    if let Some(module) = &init.pkcs11_module {
        refuse_module_within(module, folder.path())?;
    }
    let module = init.pkcs11_module.as_deref().map(std::path::absolute).transpose()?;
    let text = match (&module, &init.pkcs11_token) {
        (Some(module), Some(token)) => format!(
            "# CA keys are in a PKCS #11 token.\n[keys]\nstore = \"pkcs11\"\nmodule = {}\ntoken = {}\n",
            toml::Value::from(module.display().to_string()),
            toml::Value::from(token.as_str())
        ),
        _ => "# CA keys are in sealed files, in the folder keys.\n[keys]\nstore = \"sealed\"\n".to_owned(),
    };
    // Of a creation by a former version, which was interrupted: its choices are replaced.
    let former = folder.path().join(FORMER_FILE);
    if is_there(&former) {
        std::fs::remove_file(&former).with_context(|| format!("cannot remove {}", former.display()))?;
    }
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

/// Reads the settings; without a file, the defaults.
pub(super) fn read(folder: &DataFolder) -> Result<Settings> {
    read_in(folder.path())
}

/// The PKCS #11 module in the settings of a folder.
pub(crate) fn pkcs11_module(folder: &Path) -> Result<Option<PathBuf>> {
    Ok(match read_in(folder)?.keys {
        KeySettings::Sealed => None,
        KeySettings::Pkcs11 { module, .. } => Some(module),
    })
}

/// Path of a folder's settings file.
pub(super) fn file(folder: &Path) -> PathBuf {
    let (file, former) = (folder.join(FILE), folder.join(FORMER_FILE));
    if is_there(&former) && !is_there(&file) {
        former
    } else {
        file
    }
}

/// Whether there is a file, or a link, even one that cannot be followed: settings that cannot be read are an error, not the
/// defaults.
fn is_there(path: &Path) -> bool {
    !matches!(std::fs::symlink_metadata(path), Err(error) if error.kind() == std::io::ErrorKind::NotFound)
}

/// A warning about settings under their former name.
pub(super) fn former_name(folder: &Path) -> Option<String> {
    let file = file(folder);
    file.ends_with(FORMER_FILE).then(|| {
        format!(
            "{} is still read, but its name is now {FILE}: rename it",
            file.display()
        )
    })
}

/// Whether the settings in a folder name that token and that module.
pub(super) fn keeps_keys_in(folder: &Path, wanted: &Path, label: &str) -> Result<bool> {
    Ok(match read_in(folder)?.keys {
        KeySettings::Sealed => false,
        KeySettings::Pkcs11 { module, token } => module == std::path::absolute(wanted)? && token == label,
    })
}

/// Refuses a module within a data folder: files there are data, and a user who can add one, by a backup or a request,
/// must not have it run.
pub(crate) fn refuse_module_within(module: &Path, folder: &Path) -> Result<()> {
    let real = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path));
    let context = || format!("cannot tell where {} is", module.display());
    let (real_module, real_folder) = (real(module).with_context(context)?, real(folder).with_context(context)?);
    if real_module.starts_with(&real_folder) || std::path::absolute(module)?.starts_with(std::path::absolute(folder)?) {
        bail!(
            "the PKCS #11 module {} is inside the data folder, from which no program is loaded: install it elsewhere, and \
             name it in {FILE}",
            module.display()
        );
    }
    Ok(())
}

fn read_in(folder: &Path) -> Result<Settings> {
    if is_there(&folder.join(FILE)) && is_there(&folder.join(FORMER_FILE)) {
        bail!(
            "{} has settings in {FILE} and in {FORMER_FILE}, its former name: put what is to hold into {FILE}, and remove the other",
            folder.display()
        );
    }
    let path = file(folder);
    match chancery_local::folder::read_text(&path)? {
        Some(text) => toml::from_str(&text)
            .map_err(|error| without_text(&error, &text))
            .with_context(|| format!("{} cannot be used", path.display())),
        None => Ok(Settings::default()),
    }
}

/// Line and message of an error, without the line itself: it may contain a webhook's URL.
fn without_text(error: &toml::de::Error, text: &str) -> anyhow::Error {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(1, |before| before.matches('\n').count() + 1);
    anyhow::anyhow!("line {line}: {}", error.message())
}

/// The key store for the CA keys.
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

    /// Opens a key ahead of its first use, so that a wrong passphrase or PIN is reported at start and not with the
    /// first request.
    pub(super) async fn unlock(&self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        match self {
            Self::Sealed(store) => store.unseal(key).await,
            Self::Token(store) => store.unlock(key).await,
        }
    }

    /// Wipes the passphrase, once every key is open. A token's PIN stays, since the token may be pulled and put back.
    pub(super) fn forget_passphrase(&self) {
        match self {
            Self::Sealed(store) => store.forget_passphrase(),
            Self::Token(_) => {}
        }
    }
}

/// A URL's host, for messages: its path, and what precedes the host, is often a password.
fn host(url: &str) -> String {
    let uri: Option<http::Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(|uri| uri.host());
    host.map_or_else(|| "an invalid URL".to_owned(), crate::show::visible)
}

impl Settings {
    pub(super) fn limits(&self) -> Result<Limits> {
        self.limits.limits().with_context(|| format!("{FILE} cannot be used"))
    }

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
                refuse_module_within(module, folder.path())?;
                let config = TokenConfig {
                    // Resolved: the loader would look up a bare name in the system's own folders.
                    module: module.canonicalize()?,
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
                config.secret =
                    Some(secret.with_context(|| format!("the secret of the webhook at {}", host(&webhook.url)))?);
            }
            config.ca_file.clone_from(&webhook.ca_file);
            config.allow_plain_http = webhook.allow_plain_http;
            all.push(Arc::new(WebhookNotices::start(config)?));
        }
        Ok(Arc::new(Several::new(all)))
    }
}
