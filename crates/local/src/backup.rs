//! Backups: a consistent copy of an authority, taken while it runs, and restoring one.
//!
//! A backup is a folder with the ledger, the configuration, profiles, keys, published files and certification requests,
//! and `manifest.json` with the SHA-256 of each. The server's own key and certificate are left out: a restored server
//! gets new ones. The manifest is written last, so that a folder without one is no backup.
//!
//! **CRL numbers.** After the backup was taken more CRLs may have been published, with numbers that the backup does not
//! know, and relying parties may refuse a CRL whose number is below one that they have seen (RFC 5280 section 5.2.3).
//! So a restore raises the floor of CRL numbers to 1,024 for each second of its own Unix time: numbers rise by one for
//! each CRL, and no key signs that many a second, so every number given out before is below the floor. The floor also
//! applies to scopes that the backup does not know.
//!
//! **Authenticity.** Hashes detect accidents only. The issuing CA signs the manifest, and a restore verifies the
//! signature up to a root that the operator supplies: write access to a backup without a CA key is not enough to change
//! it unnoticed.
//!
//! **Revocations.** Certificates revoked after the backup was taken would be valid again. The published CRLs list them,
//! and a restore takes them over from there. API tokens are revoked, since those that were revoked meanwhile would be
//! valid again, too.
//!
//! Certificates issued after the backup was taken are not in the restored ledger. Only their holders and the log of
//! signatures have them; the operator should take backups often enough to keep their number small.

mod manifest;
mod restore;
mod revocations;
mod signature;
mod unfinished_restore;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use chancery_authority::CaName;
use chancery_authority::port::LedgerError;
use chancery_x509::time::UnixTime;

use crate::folder::{DataFolder, FolderError, make_folder};
use crate::keys::passphrase;
use crate::ledger::{self, OpenError};
use crate::plain;
pub use manifest::{Entry, Manifest};
pub use restore::{Restored, Restoring, Verified, restore, verify};
pub use revocations::{GivenCrl, TakenCrl};
pub use signature::{Roots, SignedBy, Signer};
pub use unfinished_restore::begun_restores;

/// Folders whose plain files are copied, as they are named in the data folder and in the backup.
const ROOMS: [&str; 4] = ["profiles", "keys", "public", "csrs"];

/// Files that the operator writes: the authority's configuration, and the settings of this machine.
const CONFIG: &str = "chancery.toml";
const SETTINGS: &str = "local.toml";
const FORMER_SETTINGS: &str = "house.toml";
const WRITTEN: [&str; 3] = [CONFIG, SETTINGS, FORMER_SETTINGS];
const LEDGER: &str = "ledger.sqlite3";
const MANIFEST: &str = "manifest.json";

/// Progress of a backup or a restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file in progress.
    pub file: &'a str,
    /// Pages of the ledger copied, or files done before this one.
    pub done: u64,
    /// Pages or files in total.
    pub total: u64,
}

/// A backup that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its folder.
    pub path: PathBuf,
    /// Number of its files, the manifest not counted.
    pub files: usize,
    /// Their total size in octets.
    pub octets: u64,
    /// Whether it contains the generated passphrase: then everyone who can read the backup can use the CA keys.
    pub holds_passphrase: bool,
    /// Damage found in the copy of the ledger, and so in the ledger: a restore refuses this backup.
    pub damage: Vec<String>,
    /// How the ledger's counts differ from its rows, as text: a restore recomputes them.
    pub differing_counts: Option<String>,
}

/// Why a backup could not be taken, or not be restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The target folder is not empty.
    #[error("{} is not empty: name a folder that is empty or does not exist", .path.display())]
    NotEmpty {
        /// Which folder.
        path: PathBuf,
    },
    /// No manifest: not a backup, or one that was not finished.
    #[error("{} is no complete backup: it has no {MANIFEST}", .path.display())]
    NoManifest {
        /// Which folder.
        path: PathBuf,
    },
    /// The manifest cannot be read.
    #[error("the backup's {MANIFEST} is damaged ({detail}): use another backup")]
    BadManifest {
        /// What is wrong.
        detail: String,
    },
    /// Made by a newer version of this program.
    #[error(
        "the backup has format {found}, and this program knows formats up to {known}: use a newer version of Chancery"
    )]
    Newer {
        /// The format that it has.
        found: u32,
        /// The newest format that this program knows.
        known: u32,
    },
    /// A file of the manifest is missing.
    #[error("the backup has lost {file}: use another backup")]
    Lost {
        /// Which file.
        file: String,
    },
    /// A file differs from what was backed up.
    #[error("{file} was changed since the backup was taken: use another backup")]
    Altered {
        /// Which file.
        file: String,
    },
    /// A link, a pipe, a device or a folder where a file should be.
    #[error("{file} in the backup is no plain file, but a link, a pipe, a device or a folder: use another backup")]
    NotPlain {
        /// Which file.
        file: String,
    },
    /// The operator interrupted the restore.
    #[error("the restore was interrupted: nothing was restored, and what was begun is removed")]
    Interrupted,
    /// The ledger in the backup does not pass its check.
    #[error("the ledger in the backup is damaged ({}): use another backup", .problems.join("; "))]
    DamagedLedger {
        /// What the check found.
        problems: Vec<String>,
    },
    /// The manifest could not be signed.
    #[error(
        "the backup could not be signed: {detail}; --unsigned takes a backup whose authenticity cannot be verified later"
    )]
    NotSigned {
        /// Why.
        detail: String,
    },
    /// The backup has no signature.
    #[error(
        "this backup is not signed, so it may have been changed; if only you had write access to it, restore it with \
         --unsigned"
    )]
    Unsigned,
    /// Signed by another CA, or changed since.
    #[error("this backup cannot be trusted: {detail}; use another backup, or the right root")]
    Forged {
        /// What is wrong.
        detail: String,
    },
    /// No root was given to verify the signature with.
    #[error(
        "the backup cannot be authenticated without the authority's root certificate: give it with --root FILE, from \
         where it was published or installed, not from the backup"
    )]
    NoRoot,
    /// A certificate that cannot serve as a root.
    #[error("{subject} cannot be used as a root: {detail}")]
    Root {
        /// Its subject.
        subject: String,
        /// What is wrong.
        detail: String,
    },
    /// A CA of the backup's ledger is not below the root.
    #[error("the backup's CA {ca_name} cannot be trusted: {detail}; use another backup, or the right root")]
    ForeignCa {
        /// Which CA.
        ca_name: CaName,
        /// What is wrong.
        detail: String,
    },
    /// The ledger has tables, indexes or triggers that this program does not make.
    #[error("the ledger in the backup has an unexpected schema ({}): use another backup", .names.join(", "))]
    ForeignSchema {
        /// Which ones.
        names: Vec<String>,
    },
    /// One of the newest published CRLs was not given.
    #[error(
        "the newest published {name} is missing: give it with --crl FILE, or what was revoked since the backup is valid \
         again"
    )]
    CrlMissing {
        /// The name under which it is published.
        name: String,
    },
    /// A CRL that is older than the backup.
    #[error(
        "{file} has CRL number {number}, and the backup knows that {published} was published: give the newest CRL that \
         was published"
    )]
    CrlTooOld {
        /// Its file.
        file: String,
        /// Its number.
        number: u64,
        /// The number that was published.
        published: u64,
    },
    /// A CRL that does not cover certificates of the backup.
    #[error("{file} cannot be used: {detail}")]
    CrlUnusable {
        /// Its file.
        file: String,
        /// What is wrong.
        detail: String,
    },
    /// Signed under a CA that a CRL lists as revoked for a reason that puts the signature in doubt.
    #[error(
        "this backup cannot be trusted: {file} lists {subject}, a CA in the chain of its signature, as revoked ({reason}), \
         so an attacker may have made it; use a backup that another CA signed, or if only you had write access to this \
         one, restore it with --unsigned"
    )]
    RevokedSigner {
        /// The CA's subject.
        subject: String,
        /// The CRL's file.
        file: String,
        /// The reason of the revocation.
        reason: &'static str,
    },
    /// [`Restoring::approve`] refused the files.
    #[error("{detail}")]
    NotApproved {
        /// What it refused, and what to do.
        detail: String,
    },
    /// An operation on the restored ledger failed.
    #[error(transparent)]
    Record(#[from] LedgerError),
    /// A ledger could not be opened or copied.
    #[error(transparent)]
    Ledger(#[from] OpenError),
    /// A data folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file could not be read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
}

/// Takes a backup of an authority into `target`, a folder that is empty or does not exist, while the authority runs,
/// and has it signed. Blocks until it is on the disk. On failure removes what it wrote. Checks the copy of the ledger
/// as a restore does, which reads all of it; findings are reported in [`Backup`], and do not make the backup fail.
pub fn back_up(
    folder: &DataFolder,
    target: &Path,
    signer: Option<&Signer>,
    now: UnixTime,
    progress: &dyn Fn(Progress<'_>),
) -> Result<Backup, BackupError> {
    claim(target)?;
    let taken = fill(folder, target, signer, now, progress);
    if taken.is_err() {
        empty(target);
    }
    taken
}

fn fill(
    folder: &DataFolder,
    target: &Path,
    signer: Option<&Signer>,
    now: UnixTime,
    progress: &dyn Fn(Progress<'_>),
) -> Result<Backup, BackupError> {
    // The ledger comes first: a key that is made meanwhile is copied without need, which is better than a CA without
    // its key.
    let copy = target.join(LEDGER);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&copy)
        .map_err(|error| failed(&copy, error))?;
    ledger::copy(&folder.ledger_file(), &copy, &|done, total| {
        progress(Progress {
            file: LEDGER,
            done,
            total,
        });
    })?;
    // Damage must be found now, not only when the backup is needed.
    let mut found = restore::check_still(&copy)?;
    // The counts of a damaged file mean nothing.
    let differing_counts = found.differing_counts.take().filter(|_| found.damage.is_empty());
    let (size, sha256) = hash(&copy)?;
    let mut files = vec![Entry {
        name: LEDGER.into(),
        size,
        sha256,
    }];
    let names = names(folder)?;
    for (name, done) in names.iter().zip(0..) {
        progress(Progress {
            file: name,
            done,
            total: names.len() as u64,
        });
        files.extend(copy_file(folder.path(), name, target)?);
    }
    let backup = Backup {
        path: target.to_owned(),
        files: files.len(),
        octets: files.iter().map(|file| file.size).sum(),
        holds_passphrase: files
            .iter()
            .any(|file| file.name == format!("keys/{}", passphrase::STORED_FILE)),
        damage: found.problems(),
        differing_counts,
    };
    for room in ROOMS {
        sync(&target.join(room))?;
    }
    let manifest = Manifest::new(now, files).write(target)?;
    if let Some(signer) = signer {
        signer.sign(target, &manifest, now)?;
    }
    sync(target)?;
    Ok(backup)
}

/// Names of the files to copy, relative to the data folder. Names that begin with a dot are drafts and locks.
fn names(folder: &DataFolder) -> Result<Vec<String>, BackupError> {
    // Settings under their former name count only where there are no others.
    let is_used = |name: &&str| *name != FORMER_SETTINGS || !plain::is_there(&folder.path().join(SETTINGS));
    let written = WRITTEN.into_iter().filter(is_used);
    let written = written.filter(|name| plain::is_there(&folder.path().join(name)));
    let mut names: Vec<String> = written.map(str::to_owned).collect();
    for room in ROOMS {
        let path = folder.path().join(room);
        for entry in fs::read_dir(&path).map_err(|error| failed(&path, error))? {
            let entry = entry.map_err(|error| failed(&path, error))?;
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            match entry.file_name().to_str() {
                Some(name) if is_file && !name.starts_with('.') => names.push(format!("{room}/{name}")),
                _ => {}
            }
        }
    }
    names.sort();
    Ok(names)
}

/// Copies one file; `None` where it has been removed meanwhile.
fn copy_file(from: &Path, name: &str, to: &Path) -> Result<Option<Entry>, BackupError> {
    let (source, target) = (from.join(name), to.join(name));
    // Files that the operator writes may be links to where he keeps them.
    let opened = if WRITTEN.contains(&name) {
        plain::open_linked(&source)
    } else {
        plain::open(&source)
    };
    let mut input = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| failed(&source, error))?,
    };
    let (size, sha256) = copy_and_hash(&mut input, &source, &target, &|| Ok(()))?;
    Ok(Some(Entry {
        name: name.into(),
        size,
        sha256,
    }))
}

/// Copies to a new file that only its owner can read, and syncs it. Returns length and SHA-256.
fn copy_and_hash(
    input: &mut dyn Read,
    source: &Path,
    target: &Path,
    go_on: &dyn Fn() -> Result<(), BackupError>,
) -> Result<(u64, [u8; 32]), BackupError> {
    if let Some(folder) = target.parent() {
        make_folder(folder)?;
    }
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target);
    let mut output = created.map_err(|error| failed(target, error))?;
    let facts = digest_of(input, source, |octets| {
        go_on()?;
        output.write_all(octets).map_err(|error| failed(target, error))
    })?;
    output.sync_all().map_err(|error| failed(target, error))?;
    Ok(facts)
}

fn hash(path: &Path) -> Result<(u64, [u8; 32]), BackupError> {
    let mut file = plain::open(path).map_err(|error| failed(path, error))?;
    digest_of(&mut file, path, |_| Ok(()))
}

fn digest_of(
    input: &mut dyn Read,
    path: &Path,
    mut each: impl FnMut(&[u8]) -> Result<(), BackupError>,
) -> Result<(u64, [u8; 32]), BackupError> {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; 1 << 16];
    let mut size = 0;
    loop {
        let len = match input.read(&mut buffer) {
            Ok(0) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map_err(|error| failed(path, error))?,
        };
        size += len as u64;
        context.update(&buffer[..len]);
        each(&buffer[..len])?;
    }
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(context.finish().as_ref());
    Ok((size, sha256))
}

/// Makes the target folder, or uses an existing empty one.
fn claim(target: &Path) -> Result<(), BackupError> {
    make_folder(target)?;
    let mut entries = fs::read_dir(target).map_err(|error| failed(target, error))?;
    if entries.next().is_some() {
        return Err(BackupError::NotEmpty {
            path: target.to_owned(),
        });
    }
    for room in ROOMS {
        make_folder(&target.join(room))?;
    }
    Ok(())
}

/// Removes everything from a folder that was empty before.
fn empty(target: &Path) {
    let Ok(entries) = fs::read_dir(target) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let _ = if path.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        };
    }
}

fn sync(folder: &Path) -> Result<(), BackupError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| failed(folder, error))
}

fn failed(path: &Path, source: io::Error) -> BackupError {
    BackupError::Io {
        path: path.to_owned(),
        source,
    }
}
