//! The same operations on a data folder, against a server, or against a deployment on AWS. All use the API's JSON, so
//! that a command need not know which one it is.

#[cfg(feature = "aws")]
mod aws;
mod folder;
mod query;
mod server;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::arguments::Arguments;
use crate::local_authority::LocalAuthority;
#[cfg(feature = "aws")]
pub(crate) use aws::AwsBackend;
pub(crate) use folder::FolderBackend;
pub(crate) use server::{Credentials, ServerBackend};

/// An error that shows that nothing was done, and nothing will be: the caller need not consider that the call may have
/// succeeded. It displays like the error it wraps.
#[derive(Debug)]
pub(crate) struct Refused(anyhow::Error);

impl Refused {
    /// Wraps an error.
    pub(crate) fn error(error: impl Into<anyhow::Error>) -> anyhow::Error {
        anyhow::Error::new(Self(error.into()))
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// Conditions of a search, as the API's query takes them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub(crate) common_name: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) key_sha256: Option<String>,
    pub(crate) expires_from: Option<String>,
    pub(crate) expires_before: Option<String>,
    pub(crate) revoked: Option<bool>,
}

/// A page of certificates in the API's JSON.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Page {
    pub(crate) certificates: Vec<Value>,
    pub(crate) next: Option<String>,
}

/// An authority, local or remote.
pub(crate) trait Backend {
    /// Has a certificate issued; request and answer are those of the drop-in contract.
    fn issue(&self, request: &Value, idempotency_token: Option<&str>) -> Result<Value>;
    /// Renews for the key of the CSR, or without one for the same key. The answer is that of `issue`.
    fn renew(&self, serial: &str, base64_csr: Option<&str>, idempotency_token: &str) -> Result<Value>;
    /// One certificate.
    fn certificate(&self, serial: &str) -> Result<Value>;
    /// A page of certificates, newest first.
    fn search(&self, query: &Query, after: Option<&str>, limit: usize) -> Result<Page>;
    /// Revokes a certificate, and its family where the key is compromised, unless `only`. Returns the certificate's new
    /// state and the others affected.
    fn revoke(&self, serial: &str, reason: &str, invalidity_date: Option<&str>, only: bool) -> Result<Value>;
    /// Makes and publishes CRLs of one CA or of all.
    fn publish_crls(&self, ca: Option<&str>) -> Result<Value>;
    /// Number, age and size of every CRL.
    fn crl_status(&self) -> Result<Value>;
}

/// The backend that the arguments select.
pub(crate) fn open(arguments: &Arguments) -> Result<Box<dyn Backend>> {
    open_with(arguments, None)
}

/// The same for commands that change nothing.
pub(crate) fn open_to_read(arguments: &Arguments) -> Result<Box<dyn Backend>> {
    if arguments.aws.aws || arguments.url.is_some() {
        return open(arguments);
    }
    Ok(Box::new(FolderBackend::open_to_read(arguments)?))
}

/// The same, with a client certificate to authenticate to a server where there is no token.
pub(crate) fn open_with(arguments: &Arguments, identity: Option<Credentials>) -> Result<Box<dyn Backend>> {
    if arguments.aws.aws {
        return on_aws(arguments);
    }
    match &arguments.url {
        Some(url) => Ok(Box::new(ServerBackend::open(url, arguments, identity)?)),
        None => Ok(Box::new(FolderBackend::open(arguments)?)),
    }
}

#[cfg(feature = "aws")]
fn on_aws(arguments: &Arguments) -> Result<Box<dyn Backend>> {
    Ok(Box::new(AwsBackend::open(arguments)?))
}

#[cfg(not(feature = "aws"))]
fn on_aws(_arguments: &Arguments) -> Result<Box<dyn Backend>> {
    Err(without_aws())
}

/// The error of a build without the feature.
#[cfg(not(feature = "aws"))]
pub(crate) fn without_aws() -> anyhow::Error {
    anyhow::anyhow!(
        "this build of chancery leaves AWS out; build it with `cargo install --path crates/cli --features aws`"
    )
}

/// The authority in the data folder; for commands that do not work against a server.
pub(crate) fn local(arguments: &Arguments, command: &str) -> Result<LocalAuthority> {
    refuse_elsewhere(arguments, command)?;
    let local = LocalAuthority::open(arguments).context("the authority cannot be opened")?;
    Ok(local.tell())
}

/// The same for commands that change nothing.
pub(crate) fn local_to_read(arguments: &Arguments, command: &str) -> Result<LocalAuthority> {
    refuse_elsewhere(arguments, command)?;
    LocalAuthority::open_to_read(arguments).context("the authority cannot be opened")
}

/// Refuses a server or a deployment to a command that only works on files of this machine.
pub(crate) fn refuse_elsewhere(arguments: &Arguments, command: &str) -> Result<()> {
    if arguments.url.is_some() {
        bail!("`chancery {command}` works on a data folder: run it on the server's machine, without --url");
    }
    if arguments.aws.aws {
        bail!("`chancery {command}` works on a data folder; a deployment on AWS has no such thing");
    }
    Ok(())
}

/// A text field of an answer; empty if missing, since the answer may come from another version of the API.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.pointer(field).and_then(Value::as_str).unwrap_or_default()
}

/// The user who runs the command: the name of the user id, else the number. `$USER` is not trusted, since any user can
/// set it.
///
/// Behind `sudo` that is mostly root; the value of `SUDO_USER` is added as a claim, since any user can set that too.
pub(crate) fn user() -> String {
    let number = rustix::process::getuid().as_raw();
    let found = uzers::get_user_by_uid(number);
    let name = found.and_then(|user| user.name().to_str().map(str::to_owned));
    let claimed = std::env::var("SUDO_USER").ok();
    named(number, name.as_deref(), claimed.as_deref())
}

fn named(number: u32, name: Option<&str>, claimed: Option<&str>) -> String {
    let is_name = |text: &&str| {
        let allowed = |octet: u8| octet.is_ascii_alphanumeric() || b"._-@\\".contains(&octet);
        (1..=64).contains(&text.len()) && text.bytes().all(allowed)
    };
    let name = name.filter(is_name).map_or_else(|| number.to_string(), str::to_owned);
    match claimed.filter(is_name).filter(|claimed| *claimed != name) {
        Some(claimed) => format!("{name} (SUDO_USER {claimed})"),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_user_is_who_the_system_says() {
        assert_eq!(named(0, Some("root"), None), "root");
        assert_eq!(named(0, Some("root"), Some("ada")), "root (SUDO_USER ada)");
        assert_eq!(named(1000, Some("ada"), Some("ada")), "ada");
        assert_eq!(named(4711, None, Some("")), "4711");
        assert_eq!(named(0, Some("root"), Some("x)\nlocal:admin")), "root");
    }
}
