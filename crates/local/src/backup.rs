//! Backups: a consistent copy of an authority, taken while it runs, and the way back.
//!
//! A backup is a folder with the ledger, the configuration, profiles, keys, published files and certification requests, and
//! `manifest.json` with the SHA-256 of each. The server's own key and certificate are not in it: a restored server gets new ones.
//! The manifest is written last, so that a folder without one is no backup.
//!
//! **CRL numbers.** After the backup was taken more CRLs may have been published, with numbers that the backup does not know, and
//! relying parties may refuse a CRL whose number is below one that they have seen (RFC 5280 section 5.2.3). So restoring raises
//! the floor of CRL numbers to 1,024 for each second of the restore's Unix time: numbers rise by one for each CRL, and no key signs
//! so many a second, so that no number given out before can be above. The floor holds for scopes that the backup does not know, too.
//!
//! **Who took it.** Hashes tell accidents alone. The manifest is signed by the CA that issues, and a restore holds that against a
//! root that it is given: whoever can write a backup, and no CA key, changes nothing.
//!
//! **Revocations.** What was revoked after the backup was taken would be valid again. It stands on the published CRLs, from which
//! a restore takes it over. API tokens end, since those that were revoked meanwhile would be valid again, too.
//!
//! Certificates issued after the backup was taken are not in the restored ledger. They can be found in their holders' hands and
//! in the log of signatures alone; whoever restores should take a new backup often enough for that to be few.

mod draft;
mod manifest;
mod restore;
mod revocations;
mod signature;

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
pub use draft::begun_restores;
pub use manifest::{Entry, Manifest};
pub use restore::{Restored, Restoring, Verified, restore, verify};
pub use revocations::{GivenCrl, TakenCrl};
pub use signature::{Roots, SignedBy, Signer};

/// Folders of which plain files are copied, as they are named in the data folder and in the backup.
const ROOMS: [&str; 4] = ["profiles", "keys", "public", "csrs"];

/// What people wrote: the authority's configuration, and what differs from machine to machine.
const CONFIG: &str = "chancery.toml";
const WRITTEN: [&str; 3] = [CONFIG, "local.toml", "house.toml"]; // the last is the former name of the second
const LEDGER: &str = "ledger.sqlite3";
const MANIFEST: &str = "manifest.json";

/// How far a backup or a restore has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file at work.
    pub file: &'a str,
    /// Parts of it done.
    pub done: u64,
    /// Parts in all.
    pub total: u64,
}

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Where it is.
    pub path: PathBuf,
    /// Its files, the manifest not counted.
    pub files: usize,
    /// Octets of them.
    pub octets: u64,
    /// Whether the generated passphrase is in it: then whoever reads the backup can use the CA keys.
    pub holds_passphrase: bool,
    /// What is damaged in the copy of the ledger, and so in the ledger: no restore takes this backup.
    pub damage: Vec<String>,
    /// How the ledger's counts differ from its rows, in words: a restore counts anew.
    pub differing_counts: Option<String>,
}

/// Why a backup could not be taken, or not be restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// There is something in the target folder.
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
    /// Made by a newer program.
    #[error(
        "the backup has format {found}, and this program knows formats up to {known}: use a newer version of Chancery"
    )]
    Newer {
        /// The format that it has.
        found: u32,
        /// The newest format that this program knows.
        known: u32,
    },
    /// A file of the manifest is not there.
    #[error("the backup has lost {file}: use another backup")]
    Lost {
        /// Which file.
        file: String,
    },
    /// A file is not what it was when the backup was taken.
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
    /// Whoever restores does not want to any more.
    #[error("the restore was interrupted: nothing was restored, and what was begun is removed")]
    Interrupted,
    /// The ledger in the backup does not pass its check.
    #[error("the ledger in the backup is damaged ({}): use another backup", .problems.join("; "))]
    DamagedLedger {
        /// What the check found.
        problems: Vec<String>,
    },
    /// The manifest could not be signed.
    #[error("the backup could not be signed: {detail}; --unsigned takes one that nobody can tell from a forged one")]
    NotSigned {
        /// Why.
        detail: String,
    },
    /// Nobody signed it.
    #[error(
        "nobody signed this backup: whoever could write it may have changed it; if you know that nobody else could, \
         restore it with --unsigned"
    )]
    Unsigned,
    /// Signed by somebody else, or changed since.
    #[error("this backup is not to be trusted: {detail}; use another backup, or the right root")]
    Forged {
        /// What is wrong.
        detail: String,
    },
    /// Nothing to hold the signature against.
    #[error(
        "whose backup this is cannot be told without the authority's root certificate: give it with --root FILE, from \
         where it was published or installed, not from the backup"
    )]
    NoRoot,
    /// A root that is none.
    #[error("{subject} cannot be used as a root: {detail}")]
    Root {
        /// Its subject.
        subject: String,
        /// What is wrong.
        detail: String,
    },
    /// A CA of the backup's ledger is not below the root.
    #[error("the backup's CA {ca_name} is not to be trusted: {detail}; use another backup, or the right root")]
    ForeignCa {
        /// Which CA.
        ca_name: CaName,
        /// What is wrong.
        detail: String,
    },
    /// The ledger has tables, indexes or triggers that are none of ours.
    #[error("the ledger in the backup is not as this program makes it ({}): use another backup", .names.join(", "))]
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
    /// A CRL that says nothing about the backup's certificates.
    #[error("{file} cannot be used: {detail}")]
    CrlUnusable {
        /// Its file.
        file: String,
        /// What is wrong.
        detail: String,
    },
    /// Signed under a CA whose key others may have.
    #[error(
        "this backup is not to be trusted: {file} lists {subject}, under which it was signed, as revoked ({reason}), so others \
         may have made it; use a backup that another CA signed, or if you know that nobody else could write this one, \
         restore it with --unsigned"
    )]
    RevokedSigner {
        /// The CA's subject.
        subject: String,
        /// The CRL's file.
        file: String,
        /// The reason of the revocation.
        reason: &'static str,
    },
    /// Something in the backup was not approved.
    #[error("{detail}")]
    NotApproved {
        /// What, and what to do.
        detail: String,
    },
    /// The restored ledger refused something.
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
        /// What the system said.
        source: io::Error,
    },
}

/// Takes a backup of an authority into `target`, a folder that is empty or does not exist, while the authority runs, and has it
/// signed. Blocks until it is on the disk. What was begun is removed where it fails. The copy of the ledger is checked as a
/// restore checks it, which reads all of it; what that finds is told, and undoes nothing.
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
    // The ledger comes first: a key that is made meanwhile is copied without need, which is better than a CA without its key.
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
    // Whoever needs it must not be the first to look.
    let found = restore::Findings::of(&copy)?;
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
        damage: found.damage,
        differing_counts: found.differing_counts,
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
    let written = WRITTEN.into_iter().filter(|name| folder.path().join(name).exists());
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

/// Copies one file; `None` where it is gone meanwhile.
fn copy_file(from: &Path, name: &str, to: &Path) -> Result<Option<Entry>, BackupError> {
    let (source, target) = (from.join(name), to.join(name));
    // What people wrote may be a link to where they keep it.
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

/// Copies to a new file that only its owner reads, synced. Answers length and SHA-256.
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

/// Makes the target folder, or takes an empty one.
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

/// Removes what was begun in a folder that was empty before.
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
