//! The same operations on a data folder, against a server, or against a deployment on AWS. All answer with the API's
//! types, so that a command need not know which one it is.

#[cfg(feature = "aws")]
mod aws;
mod folder;
mod query;
mod server;

use anyhow::{Context as _, Result, bail};
use chancery_api::certificates::{CertificateEntry, CertificatePage, SearchQuery};
use chancery_api::crls::{CrlEntry, Crls, PublicationState};
use chancery_api::issue::{IssueAnswer, IssueRequest};
use chancery_api::problem::ErrorCode;
use chancery_api::revoke::{RevokeAnswer, RevokeRequest};
use chancery_authority::Principal;
use chancery_authority::principal::attribute;
use serde::Serialize;

use crate::arguments::Arguments;
use crate::local_authority::LocalAuthority;
#[cfg(feature = "aws")]
pub(crate) use aws::AwsBackend;
pub(crate) use folder::FolderBackend;
pub(crate) use server::{Credentials, ServerBackend};

/// Certificates in a page, where a search gives no limit.
const PAGE: usize = 100;

/// The authority's own error: it answered, and refused. It displays like the error it wraps.
#[derive(Debug)]
pub(crate) struct BackendRefusal {
    error: anyhow::Error,
    /// What kind of error it is, where the authority said so.
    pub(crate) code: Option<ErrorCode>,
    /// Whether it shows that nothing was done, and nothing will be: the caller need not consider that the call may have
    /// succeeded.
    pub(crate) nothing_was_done: bool,
}

impl BackendRefusal {
    /// Wraps an error of a request that was refused before anything was done.
    pub(crate) fn at_once(code: Option<ErrorCode>, error: impl Into<anyhow::Error>) -> anyhow::Error {
        anyhow::Error::new(Self {
            error: error.into(),
            code,
            nothing_was_done: true,
        })
    }
}

impl std::fmt::Display for BackendRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for BackendRefusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// The outcome of a revocation.
#[derive(Debug, Serialize)]
pub(crate) struct RevokeOutcome {
    #[serde(flatten)]
    pub(crate) answer: RevokeAnswer,
    /// Why its notice was not sent, where this process sends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) notice_problem: Option<String>,
}

/// The outcome of a publication.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum PublishOutcome {
    /// Its CRLs.
    Crls(Crls),
    /// It took longer than a server lets a caller wait, and has ended now.
    Ended(PublicationState),
}

impl PublishOutcome {
    /// The outcome of each CRL.
    pub(crate) fn crls(&self) -> &[CrlEntry] {
        match self {
            Self::Crls(crls) => &crls.crls,
            Self::Ended(state) => &state.crls,
        }
    }
}

/// An authority, local or remote.
pub(crate) trait Backend {
    /// Has a certificate issued; request and answer are those of the drop-in contract.
    fn issue(&self, request: &IssueRequest, idempotency_token: Option<&str>) -> Result<IssueAnswer>;
    /// Renews for the key of the CSR, or without one for the same key. The answer is that of `issue`.
    fn renew(&self, serial: &str, base64_csr: Option<&str>, idempotency_token: &str) -> Result<IssueAnswer>;
    /// One certificate.
    fn certificate(&self, serial: &str) -> Result<CertificateEntry>;
    /// A page of certificates.
    fn search(&self, query: &SearchQuery) -> Result<CertificatePage>;
    /// Revokes a certificate, and its family where the key is compromised, unless `only`. Returns the certificate's new
    /// state and the others affected.
    fn revoke(&self, serial: &str, request: &RevokeRequest) -> Result<RevokeOutcome>;
    /// Makes and publishes CRLs of one CA or of all.
    fn publish_crls(&self, ca: Option<&str>) -> Result<PublishOutcome>;
    /// Number, age and size of every CRL.
    fn crl_status(&self) -> Result<Crls>;
    /// The names of the CAs that exist.
    fn ca_names(&self) -> Result<Vec<String>>;
}

/// The error where somebody names a CA that does not exist.
pub(crate) fn no_such_ca(name: &str, existing: &[String]) -> anyhow::Error {
    match existing {
        [] => anyhow::anyhow!("there is no CA named {name}, nor any other yet"),
        _ => anyhow::anyhow!("there is no CA named {name}; there are {}", existing.join(", ")),
    }
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
    Ok(local.print_warnings())
}

/// The same for commands that change nothing.
pub(crate) fn local_to_read(arguments: &Arguments, command: &str) -> Result<LocalAuthority> {
    refuse_elsewhere(arguments, command)?;
    LocalAuthority::open_to_read(arguments).context("the authority cannot be opened")
}

/// Refuses a server or a deployment to a command that only works on files of this machine.
pub(crate) fn refuse_elsewhere(arguments: &Arguments, command: &str) -> Result<()> {
    if arguments.url.is_some() {
        bail!(
            "`chancery {command}` works on a data folder: run it on the server's machine, without --url and CHANCERY_URL"
        );
    }
    if arguments.aws.aws {
        bail!("`chancery {command}` works on a data folder; a deployment on AWS has no such thing");
    }
    Ok(())
}

/// The user who runs the command: the name of the user id, else the number. `$USER` is not trusted, since any user can
/// set it.
///
/// Behind `sudo` that is mostly root; the value of `SUDO_USER` is added as a claim, since any user can set that too.
pub(crate) fn user() -> Principal {
    let number = rustix::process::getuid().as_raw();
    let found = uzers::get_user_by_uid(number);
    let name = found.and_then(|user| user.name().to_str().map(str::to_owned));
    let claimed = std::env::var("SUDO_USER").ok();
    named(number, name.as_deref(), claimed.as_deref())
}

fn named(number: u32, name: Option<&str>, claimed: Option<&str>) -> Principal {
    let is_name = |text: &&str| {
        let allowed = |octet: u8| octet.is_ascii_alphanumeric() || b"._-@\\".contains(&octet);
        (1..=64).contains(&text.len()) && text.bytes().all(allowed)
    };
    let name = name.filter(is_name).map_or_else(|| number.to_string(), str::to_owned);
    let principal = match claimed.filter(is_name).filter(|claimed| *claimed != name) {
        Some(claimed) => {
            Principal::local(format!("{name} (SUDO_USER {claimed})")).with(attribute::CLAIMED_USER, claimed)
        }
        None => Principal::local(name),
    };
    principal.with(attribute::USER_ID, number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_user_is_who_the_system_says() {
        let id = |number, name, claimed| named(number, name, claimed).id().to_owned();
        assert_eq!(id(0, Some("root"), None), "root");
        assert_eq!(id(0, Some("root"), Some("ada")), "root (SUDO_USER ada)");
        assert_eq!(id(1000, Some("ada"), Some("ada")), "ada");
        assert_eq!(id(4711, None, Some("")), "4711");
        assert_eq!(id(0, Some("root"), Some("x)\nlocal:admin")), "root");
        let claimed = named(0, Some("root"), Some("ada"));
        assert_eq!(claimed.attributes().values(attribute::USER_ID), ["0"]);
        assert_eq!(claimed.attributes().values(attribute::CLAIMED_USER), ["ada"]);
    }
}
