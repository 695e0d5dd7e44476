//! Files that outlive `target/`: environments that take a minute to make, shared by all of this user's clones.
//!
//! Each is made in one folder whose name contains a hash of its inputs, by one process at a time, and never changed
//! afterwards.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// Marker file in a folder that is complete.
const COMPLETE: &str = ".complete";

/// `$XDG_CACHE_HOME/chancery`, or its default; without a home folder, below `target/`.
fn folder() -> PathBuf {
    let set = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    cache.map_or_else(|| crate::shell::target().join("cache"), |cache| cache.join("chancery"))
}

/// The folder `NAME-HASH`, the hash being of the inputs `from`; `make` fills it if it does not exist yet.
pub(crate) fn made(name: &str, from: &[&str], make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    made_in(&folder(), name, from, make)
}

fn made_in(cache: &Path, name: &str, from: &[&str], make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let mut hash = Sha256::new();
    for part in from {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let key = HEXLOWER.encode(&hash.finalize()[..8]);
    let folder = cache.join(format!("{name}-{key}"));
    let complete = folder.join(COMPLETE);
    if complete.is_file() {
        return Ok(folder);
    }
    fs::create_dir_all(cache).with_context(|| format!("cannot make {}", cache.display()))?;
    // Held until the end of this function; a process that waited finds the folder complete.
    let lock = File::create(cache.join(format!("{name}-{key}.lock")))?;
    lock.lock()?;
    if !complete.is_file() {
        if folder.exists() {
            fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot remove {}, which is half made", folder.display()))?;
        }
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        make(&folder)?;
        fs::write(&complete, from.join("\n"))?;
    }
    Ok(folder)
}

/// Makes `target/NAME` a link to that folder, for tests that are run without this program.
#[cfg(unix)]
pub(crate) fn link(name: &str, to: &Path) -> Result<()> {
    let link = crate::shell::target().join(name);
    if fs::read_link(&link).is_ok_and(|now| now == to) {
        return Ok(());
    }
    match fs::symlink_metadata(&link) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(&link)?,
        Ok(_) => fs::remove_file(&link)?,
        Err(_) => fs::create_dir_all(crate::shell::target())?,
    }
    std::os::unix::fs::symlink(to, &link).with_context(|| format!("cannot make {}", link.display()))
}

#[cfg(not(unix))]
pub(crate) fn link(_: &str, _: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn each_is_made_once_by_one_of_many_and_again_from_something_else() {
        let cache = tempfile::tempdir().unwrap();
        let count = AtomicU32::new(0);
        let make = |folder: &Path| {
            count.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(std::time::Duration::from_millis(50));
            Ok(fs::write(folder.join("content"), "whole")?)
        };
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let folder = made_in(cache.path(), "env", &["a", "b"], make).unwrap();
                    assert_eq!(fs::read_to_string(folder.join("content")).unwrap(), "whole");
                });
            }
        });
        assert_eq!(count.load(Ordering::Relaxed), 1);
        made_in(cache.path(), "env", &["ab"], make).unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 2, "another list is another environment");
    }

    #[test]
    fn what_was_left_half_made_is_made_anew() {
        let cache = tempfile::tempdir().unwrap();
        let failed = made_in(cache.path(), "env", &["a"], |folder| {
            fs::write(folder.join("half"), "")?;
            anyhow::bail!("no network")
        });
        assert!(failed.is_err());
        let folder = made_in(cache.path(), "env", &["a"], |_| Ok(())).unwrap();
        assert!(!folder.join("half").exists());
    }
}
