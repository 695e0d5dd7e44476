//! The authority that is guarded: in a data folder, or on AWS.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use chancery_authority::port::{Clock as _, Ledger};
use chancery_authority::{Authority, CaName};
use chancery_local::world::SystemClock;
use chancery_watch::expected::{Expected, ExpectedKey};
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::time::UnixTime;
use tokio::runtime::Runtime;

use crate::arguments::{Arguments, GuardArguments};
use crate::backend;

/// What is read of an authority.
pub(super) struct GuardedAuthority {
    pub(super) runtime: Runtime,
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) cas: Vec<(CaName, CaPublicKey)>,
    pub(super) expected: Expected,
    /// The folder with the log of its keys, where they are on this machine.
    pub(super) signing_log: Option<PathBuf>,
    pub(super) now: UnixTime,
}

/// Opens the authority that the arguments name, and only reads it.
pub(super) fn open(arguments: &Arguments, guard: &GuardArguments) -> Result<GuardedAuthority> {
    if arguments.aws.aws {
        return on_aws(arguments, guard);
    }
    let local = backend::local_to_read(arguments, "guard")?;
    let cas = keys(&local.authority)?;
    let mut expected = Expected {
        // The log has an entry before the signature is returned.
        settling: 0,
        ..Expected::default()
    };
    expected.keys = cas
        .iter()
        .map(|(name, _)| ExpectedKey {
            ca: name.clone(),
            names: names_of_key(&local.authority, name),
            algorithm: None,
            signers: Vec::new(),
            start: None,
        })
        .collect();
    Ok(GuardedAuthority {
        ledger: Arc::new(local.ledger.clone()),
        cas,
        expected,
        signing_log: Some(local.folder.keys()),
        now: SystemClock.now(),
        runtime: local.runtime,
    })
}

#[cfg(feature = "aws")]
fn on_aws(arguments: &Arguments, guard: &GuardArguments) -> Result<GuardedAuthority> {
    super::aws::open(arguments, guard)
}

#[cfg(not(feature = "aws"))]
fn on_aws(_: &Arguments, _: &GuardArguments) -> Result<GuardedAuthority> {
    Err(backend::without_aws())
}

/// The CAs, with the keys in their certificates.
pub(super) fn keys(authority: &Authority) -> Result<Vec<(CaName, CaPublicKey)>> {
    let cas = authority.cas();
    let keys = cas.iter().map(|ca| {
        let key = CaPublicKey::from_der(ca.certificate().spki_der());
        Ok((
            ca.name().clone(),
            key.with_context(|| format!("the key of {}", ca.name()))?,
        ))
    });
    keys.collect()
}

/// The names by which the log can know a CA's key: the recorded one, which the configuration may choose, and those that follow from
/// the CA's name.
fn names_of_key(authority: &Authority, ca_name: &CaName) -> Vec<String> {
    let recorded = authority.ca(ca_name).map(|ca| ca.record.key.0.clone());
    let mut names = vec![ca_name.to_string(), format!("alias/{ca_name}")];
    names.extend(recorded.filter(|recorded| recorded != ca_name.as_str()));
    names
}
