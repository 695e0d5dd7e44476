//! An authority that has lost its configuration or its ledger is not taken for a folder without an authority: creating
//! one there would replace its settings, and make CAs anew.

use anyhow::{Context as _, Result, bail};
use chancery_authority::port::Ledger as _;
use chancery_local::folder::DataFolder;
use chancery_local::ledger::SqliteLedger;

/// Refuses a folder that holds CAs or CA keys and has no configuration, or CA keys and no ledger. Changes nothing.
pub(super) fn refuse(folder: &DataFolder) -> Result<()> {
    let has_ledger = folder.ledger_file().try_exists()?;
    let has_config = folder.config()?.is_some();
    if has_config && has_ledger {
        return Ok(());
    }
    let has_keys = folder.has_keys()?;
    let path = folder.path().display();
    if !has_config && (has_keys || (has_ledger && has_cas(folder)?)) {
        bail!(
            "{path} holds an authority, whose configuration chancery.toml is missing: put it back, as a backup has it, or write \
             it again for the CAs that there are (`chancery --dir OTHER init` writes the default one in another folder); \
             nothing was changed"
        );
    }
    if !has_ledger && has_keys {
        bail!(
            "{path} holds the keys of an authority, whose ledger ledger.sqlite3 is missing: put it back, or restore a backup with \
             `chancery restore`; nothing was changed"
        );
    }
    Ok(())
}

/// Whether the ledger has CAs. One that cannot be read as it is may have some: that is an error.
fn has_cas(folder: &DataFolder) -> Result<bool> {
    let context = || {
        format!(
            "{} has no chancery.toml, and its ledger does not show whether there are CAs: put chancery.toml back, as a backup has it",
            folder.path().display()
        )
    };
    let ledger = SqliteLedger::open_to_read(folder.ledger_file()).with_context(context)?;
    Ok(!chancery_local::block_on(ledger.issuers().list())
        .with_context(context)?
        .is_empty())
}
