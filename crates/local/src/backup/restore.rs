//! The way back.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chancery_x509::time::UnixTime;
use rusqlite::Connection;

use super::manifest::remove_companions;
use super::{BackupError, LEDGER, Manifest, Progress, ROOMS, copy_and_hash, failed, hash, sync};
use crate::folder::make_folder;
use crate::ledger::{crls, fault, schema};

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The data folder.
    pub path: PathBuf,
    /// When the backup was taken: certificates issued since are not in the ledger.
    pub taken_at: UnixTime,
    /// CRL numbers go on from here at least.
    pub crl_number_floor: u64,
}

/// Verifies that a backup could be restored: that every file is what it was, and the ledger sound. Changes nothing. Blocks.
pub fn verify(backup: &Path, progress: &dyn Fn(Progress<'_>)) -> Result<Manifest, BackupError> {
    let manifest = Manifest::read(backup)?;
    for (entry, done) in manifest.files.iter().zip(0..) {
        progress(Progress {
            file: &entry.name,
            done,
            total: manifest.files.len() as u64,
        });
        let facts = match hash(&backup.join(&entry.name)) {
            Err(BackupError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(BackupError::Lost {
                    file: entry.name.clone(),
                });
            }
            facts => facts?,
        };
        if facts != (entry.size, entry.sha256) {
            return Err(BackupError::Altered {
                file: entry.name.clone(),
            });
        }
    }
    look_at_ledger(&backup.join(LEDGER))?;
    Ok(manifest)
}

fn look_at_ledger(path: &Path) -> Result<(), BackupError> {
    let path = std::path::absolute(path).map_err(|error| failed(path, error))?;
    let connection = schema::open_still(&path)?;
    refuse_damaged(&connection, &path)
}

fn refuse_damaged(connection: &Connection, path: &Path) -> Result<(), BackupError> {
    let problems = schema::check(connection).map_err(|error| fault::open_error(path, &error))?;
    if problems.is_empty() {
        Ok(())
    } else {
        Err(BackupError::DamagedLedger { problems })
    }
}

/// Restores a backup to `target`, a data folder that is empty or does not exist. The folder appears whole or not at all. Blocks.
pub fn restore(
    backup: &Path,
    target: &Path,
    now: UnixTime,
    progress: &dyn Fn(Progress<'_>),
) -> Result<Restored, BackupError> {
    let manifest = Manifest::read(backup)?;
    // A relative name such as `data` has an empty parent.
    let target = std::path::absolute(target).map_err(|error| failed(target, error))?;
    refuse_filled(&target)?;
    let parent = target.parent().unwrap_or(Path::new("/"));
    make_folder(parent)?;
    // Beside the target, so that the last step is a rename within one file system.
    let draft = tempfile::Builder::new()
        .prefix(".chancery-restore-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map_err(|error| failed(parent, error))?;
    for (entry, done) in manifest.files.iter().zip(0..) {
        progress(Progress {
            file: &entry.name,
            done,
            total: manifest.files.len() as u64,
        });
        let source = backup.join(&entry.name);
        let mut input = match File::open(&source) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BackupError::Lost {
                    file: entry.name.clone(),
                });
            }
            opened => opened.map_err(|error| failed(&source, error))?,
        };
        let facts = copy_and_hash(&mut input, &source, &draft.path().join(&entry.name))?;
        if facts != (entry.size, entry.sha256) {
            return Err(BackupError::Altered {
                file: entry.name.clone(),
            });
        }
    }
    // A clock that is behind the backup's must not lower the floor.
    let floor = now.0.max(manifest.created_at.0).max(1);
    prepare_ledger(&draft.path().join(LEDGER), floor)?;
    for room in ROOMS {
        make_folder(&draft.path().join(room))?;
        sync(&draft.path().join(room))?;
    }
    sync(draft.path())?;
    // An empty folder is replaced; one that was filled meanwhile is not.
    fs::rename(draft.path(), &target).map_err(|source| match source.kind() {
        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => {
            BackupError::NotEmpty { path: target.clone() }
        }
        _ => failed(&target, source),
    })?;
    // It has its real name now: there is nothing left to remove.
    let _ = draft.keep();
    sync(parent)?;
    Ok(Restored {
        path: target,
        taken_at: manifest.created_at,
        crl_number_floor: floor.unsigned_abs(),
    })
}

fn refuse_filled(target: &Path) -> Result<(), BackupError> {
    match fs::read_dir(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(target, error)),
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(BackupError::NotEmpty {
                path: target.to_owned(),
            }),
        },
    }
}

/// Checks the restored ledger, brings it to this program's format, and lifts its CRL numbers.
fn prepare_ledger(path: &Path, floor: i64) -> Result<(), BackupError> {
    let connection = schema::open_writer(path)?;
    let of_ledger = |error: rusqlite::Error| fault::open_error(path, &error);
    refuse_damaged(&connection, path)?;
    crls::raise_floor(&connection, floor).map_err(|fault| fault.into_open(path))?;
    Connection::close(connection).map_err(|(_, error)| of_ledger(error))?;
    remove_companions(path);
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|error| failed(path, error))
}
