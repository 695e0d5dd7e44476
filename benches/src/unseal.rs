//! Cost of opening the CA keys of a data folder: the derivation of their passphrase, which a start waits for.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result};
use chancery_local::keys::passphrase::PassphraseSource;
use chancery_local::keys::sealed::SealedKeyStore;
use serde_json::json;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder of keys, with its passphrase stored in it
    folder: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let keys = SealedKeyStore::new(&arguments.folder, PassphraseSource::stored(&arguments.folder));
    let key = keys.names()?.into_iter().next().context("there is no key")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let started = Instant::now();
    runtime.block_on(keys.unseal(&key))?;
    let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
    println!("{}", json!({ "milliseconds": milliseconds }));
    Ok(())
}
