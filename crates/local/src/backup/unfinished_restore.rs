//! The folder that a restore fills, beside its target. It holds every key, so it must not remain where a restore ends
//! early.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use tempfile::TempDir;

use super::{BackupError, failed};

const PREFIX: &str = ".chancery-restore-";

/// Attempts at making a folder, each of which another restore may remove as abandoned before it is locked.
const TRIES: usize = 8;

/// A folder accessible to its owner only, removed on drop unless it is kept. It is locked while it is being filled: a
/// process that can lock it knows that no other fills it any more.
pub(super) struct UnfinishedRestore {
    folder: TempDir,
    _lock: File,
}

impl UnfinishedRestore {
    pub(super) fn begin(parent: &Path) -> Result<Self, BackupError> {
        for _ in 0..TRIES {
            let folder = tempfile::Builder::new()
                .prefix(PREFIX)
                .permissions(fs::Permissions::from_mode(0o700))
                .tempdir_in(parent)
                .map_err(|error| failed(parent, error))?;
            let lock = File::open(folder.path()).map_err(|error| failed(folder.path(), error))?;
            // Some file systems cannot lock a folder: there none counts as abandoned.
            let _ = lock.lock();
            if folder.path().exists() {
                return Ok(Self { folder, _lock: lock });
            }
        }
        Err(failed(
            parent,
            std::io::Error::other("another restore removes what this one begins: wait until that is done"),
        ))
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// It has its real name now: there is nothing left to remove.
    pub(super) fn keep(self) {
        let _ = self.folder.keep();
    }
}

/// Folders of this user's restores that ended without removing them, or that are in progress, in no order.
pub fn begun_restores(parent: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let user = rustix::process::geteuid().as_raw();
    let ours = entries.flatten().filter(|entry| {
        entry.file_name().to_string_lossy().starts_with(PREFIX)
            // Metadata of the entry itself: a link does not count.
            && entry.metadata().is_ok_and(|facts| facts.is_dir() && facts.uid() == user)
    });
    ours.map(|entry| entry.path()).collect()
}

/// Removes those that no process fills any more. Returns the removed ones, and those in use or not removable.
pub(super) fn remove_abandoned(parent: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let begun = begun_restores(parent).into_iter();
    begun
        .filter(|path| path.exists())
        .partition(|path| is_abandoned(path).is_some_and(|_lock| fs::remove_dir_all(path).is_ok()))
}

/// The lock of a folder that no process fills; held until it is removed.
fn is_abandoned(path: &Path) -> Option<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = File::from(rustix::fs::open(path, flags, Mode::empty()).ok()?);
    match folder.try_lock() {
        Ok(()) => Some(folder),
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_fills_any_more_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let unfinished = UnfinishedRestore::begin(parent.path()).unwrap();
        let abandoned = parent.path().join(".chancery-restore-killed");
        fs::create_dir_all(abandoned.join("keys")).unwrap();
        fs::write(abandoned.join("keys/passphrase"), b"secret").unwrap();
        fs::create_dir(parent.path().join("data")).unwrap();
        std::os::unix::fs::symlink(parent.path().join("data"), parent.path().join(".chancery-restore-link")).unwrap();

        let (removed, left) = remove_abandoned(parent.path());
        assert_eq!(removed, std::slice::from_ref(&abandoned));
        assert_eq!(left, [unfinished.path().to_owned()], "somebody fills it");
        assert!(!abandoned.exists() && unfinished.path().exists() && parent.path().join("data").exists());

        drop(unfinished);
        assert_eq!(begun_restores(parent.path()), Vec::<PathBuf>::new());
    }
}
