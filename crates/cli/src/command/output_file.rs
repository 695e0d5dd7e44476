//! Writes the files that commands leave.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// Checks, as far as possible in advance, whether a file can be written there: called before its content is requested.
pub(crate) fn check_place(path: &Path) -> Result<()> {
    if path.is_dir() {
        bail!("{} is a folder; name a file", path.display());
    }
    let temporary = temporary(path)?;
    let outcome = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary);
    let _ = std::fs::remove_file(&temporary);
    let remedy = outcome.as_ref().err().map_or("", chancery_local::folder::remedy);
    outcome.with_context(|| format!("cannot write {}{remedy}", path.display()))?;
    Ok(())
}

/// The temporary name under which a file is written.
fn temporary(path: &Path) -> Result<PathBuf> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let name = path
        .file_name()
        .with_context(|| format!("{} is no file name", path.display()))?;
    let mut temporary = name.to_os_string();
    temporary.push(format!(".{}.tmp", std::process::id()));
    Ok(folder.join(temporary))
}

/// Writes a file completely or not at all; secret ones are accessible to their owner only. An existing file is replaced
/// only with `overwrite`.
pub(crate) fn write(path: &Path, content: &[u8], secret: bool, overwrite: bool) -> Result<()> {
    let temporary = temporary(path)?;
    let attempt = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(if secret { 0o600 } else { 0o644 })
            .open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        if overwrite {
            std::fs::rename(&temporary, path)
        } else {
            std::fs::hard_link(&temporary, path)
        }
    };
    let outcome = attempt();
    // After a rename nothing is left to remove; after a link or a failure there is.
    let _ = std::fs::remove_file(&temporary);
    let remedy = outcome.as_ref().err().map_or("", chancery_local::folder::remedy);
    outcome.with_context(|| {
        if path.symlink_metadata().is_ok() && !overwrite {
            format!(
                "{} exists already; take another place, or --overwrite where the command has it",
                path.display()
            )
        } else {
            format!("cannot write {}{remedy}", path.display())
        }
    })
}
