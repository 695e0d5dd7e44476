//! Restoring a backup.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use chancery_authority::config::Config;
use chancery_authority::port::ledger::CrlScope;
use chancery_x509::time::UnixTime;
use rusqlite::Connection;

use super::manifest::{Entry, remove_companions};
use super::revocations::{self, GivenCrl, TakenCrl};
use super::signature::{self, Roots, SignedBy};
use super::unfinished_restore::{UnfinishedRestore, remove_abandoned};
use super::{BackupError, CONFIG, LEDGER, Manifest, Progress, ROOMS, copy_and_hash, digest_of, failed, sync};
use crate::folder::make_folder;
use crate::ledger::schema::{self, Findings};
use crate::ledger::{SqliteLedger, crls, fault};
use crate::plain;
use crate::tokens::{TokenRecord, Tokens};

/// CRL numbers that the floor reserves for each second before it: a key signs the CRLs of one scope one after another,
/// and fewer than this per second.
const NUMBERS_A_SECOND: i64 = 1024;

/// What was restored.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The data folder.
    pub path: PathBuf,
    /// When the backup was taken: certificates issued since are not in the ledger.
    pub taken_at: UnixTime,
    /// The CA that signed it; `None` where it is unsigned and the operator accepted that.
    pub signed_by: Option<SignedBy>,
    /// The lowest CRL number that may be given out from now on.
    pub crl_number_floor: u64,
    /// What was taken over from CRLs; `None` where none were given: certificates revoked since the backup are valid
    /// again.
    pub crls: Option<Vec<TakenCrl>>,
    /// API tokens that were valid when the backup was taken.
    pub tokens: Vec<TokenRecord>,
    /// Whether these tokens stay valid.
    pub tokens_kept: bool,
    /// How the ledger's counts differed from its rows, as text: they were recomputed.
    pub recounted: Option<String>,
    /// Folders beside the target, left by restores that ended early, and removed by this one.
    pub removed: Vec<PathBuf>,
    /// Such folders that may still be in use, or that could not be removed: they contain keys.
    pub left: Vec<PathBuf>,
}

/// Options of a restore.
pub struct Restoring<'a> {
    /// Roots to verify the backup's signature, its CAs and the CRLs with.
    pub roots: Option<Roots>,
    /// Whether to accept a backup that is not signed.
    pub unsigned: bool,
    /// The newest published CRLs, one for each scope; `None`: certificates revoked after the backup are valid again.
    pub crls: Option<Vec<GivenCrl>>,
    /// Whether API tokens stay valid.
    pub keep_tokens: bool,
    /// The time of the restore.
    pub now: UnixTime,
    /// Checks the files before they become a data folder; a refusal, as text, ends the restore.
    pub approve: &'a dyn Fn(&Path) -> Result<(), String>,
    /// Whether to end early and remove everything done so far.
    pub is_interrupted: &'a dyn Fn() -> bool,
}

impl Restoring<'_> {
    fn go_on(&self) -> Result<(), BackupError> {
        if (self.is_interrupted)() {
            Err(BackupError::Interrupted)
        } else {
            Ok(())
        }
    }
}

/// A backup that verification accepts.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The list of its files.
    pub manifest: Manifest,
    /// The CA that signed it; `None` where it is unsigned.
    pub signed_by: Option<SignedBy>,
    /// How the ledger's counts differ from its rows, as text: a restore recomputes them.
    pub differing_counts: Option<String>,
}

/// Verifies that a backup could be restored: that every file is unchanged, and the ledger sound. Authenticates the
/// signer only where roots are given; without them it detects damage only. Changes nothing. Blocks.
pub fn verify(backup: &Path, roots: Option<&Roots>, progress: &dyn Fn(Progress<'_>)) -> Result<Verified, BackupError> {
    let octets = Manifest::octets(backup)?;
    let signed_by = match signature::verify(backup, &octets, roots) {
        Err(BackupError::Unsigned) if roots.is_none() => None,
        verified => Some(verified?),
    };
    let manifest = Manifest::parse(&octets)?;
    for (entry, done) in manifest.files.iter().zip(0..) {
        progress(Progress {
            file: &entry.name,
            done,
            total: manifest.files.len() as u64,
        });
        let (mut input, path) = open(backup, entry)?;
        let facts = digest_of(&mut input, &path, |_| Ok(()))?;
        refuse_altered(facts, entry)?;
    }
    let ledger = check_still(&backup.join(LEDGER))?;
    refuse_unsound(&ledger)?;
    Ok(Verified {
        manifest,
        signed_by,
        differing_counts: ledger.differing_counts,
    })
}

/// Opens a file of the backup, limited to one octet more than the manifest says. A file that is not plain, or has
/// another length, is refused unread.
fn open(backup: &Path, entry: &Entry) -> Result<(io::Take<File>, PathBuf), BackupError> {
    let path = backup.join(&entry.name);
    let file = match plain::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(BackupError::Lost {
                file: entry.name.clone(),
            });
        }
        Err(error) if plain::is_refusal(&error) => {
            return Err(BackupError::NotPlain {
                file: entry.name.clone(),
            });
        }
        opened => opened.map_err(|error| failed(&path, error))?,
    };
    let len = file.metadata().map_err(|error| failed(&path, error))?.len();
    if len != entry.size {
        return Err(BackupError::Altered {
            file: entry.name.clone(),
        });
    }
    Ok((file.take(entry.size.saturating_add(1)), path))
}

fn refuse_altered(facts: (u64, [u8; 32]), entry: &Entry) -> Result<(), BackupError> {
    if facts == (entry.size, entry.sha256) {
        Ok(())
    } else {
        Err(BackupError::Altered {
            file: entry.name.clone(),
        })
    }
}

/// Checks a file that no process writes. Reads all of it.
pub(super) fn check_still(path: &Path) -> Result<Findings, BackupError> {
    let path = std::path::absolute(path).map_err(|error| failed(path, error))?;
    let connection = schema::open_still(&path)?;
    Ok(schema::check(&connection).map_err(|error| fault::open_error(&path, &error))?)
}

/// Refuses a ledger that cannot be relied on.
fn refuse_unsound(found: &Findings) -> Result<(), BackupError> {
    if !found.damage.is_empty() {
        let problems = found.damage.clone();
        return Err(BackupError::DamagedLedger { problems });
    }
    if !found.foreign.is_empty() {
        let names = found.foreign.clone();
        return Err(BackupError::ForeignSchema { names });
    }
    Ok(())
}

/// Restores a backup to `target`, a data folder that is empty or does not exist. The folder appears complete or not at
/// all. Blocks.
pub fn restore(
    backup: &Path,
    target: &Path,
    restoring: &Restoring<'_>,
    progress: &dyn Fn(Progress<'_>),
) -> Result<Restored, BackupError> {
    let go_on = || restoring.go_on();
    let octets = Manifest::octets(backup)?;
    // Before anything else in the backup is read.
    let signed_by = authenticate(backup, &octets, restoring)?;
    let manifest = Manifest::parse(&octets)?;
    // A relative name such as `data` has an empty parent.
    let target = std::path::absolute(target).map_err(|error| failed(target, error))?;
    refuse_filled(&target)?;
    let parent = target.parent().unwrap_or(Path::new("/"));
    make_folder(parent)?;
    let (removed, left) = remove_abandoned(parent);
    // Beside the target, so that the last step is a rename within one file system.
    let unfinished = UnfinishedRestore::begin(parent)?;
    for (entry, done) in manifest.files.iter().zip(0..) {
        progress(Progress {
            file: &entry.name,
            done,
            total: manifest.files.len() as u64,
        });
        let (mut input, source) = open(backup, entry)?;
        let facts = copy_and_hash(&mut input, &source, &unfinished.path().join(&entry.name), &go_on)?;
        refuse_altered(facts, entry)?;
    }
    go_on()?;
    (restoring.approve)(unfinished.path()).map_err(|detail| BackupError::NotApproved { detail })?;
    go_on()?;
    let prepared = prepare_ledger(&unfinished.path().join(LEDGER), &manifest, signed_by, restoring)?;
    for room in ROOMS {
        make_folder(&unfinished.path().join(room))?;
        sync(&unfinished.path().join(room))?;
    }
    sync(unfinished.path())?;
    go_on()?;
    // An empty folder is replaced; one that was filled meanwhile is not.
    fs::rename(unfinished.path(), &target).map_err(|source| match source.kind() {
        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => {
            BackupError::NotEmpty { path: target.clone() }
        }
        _ => failed(&target, source),
    })?;
    unfinished.keep();
    sync(parent)?;
    Ok(Restored {
        path: target,
        taken_at: manifest.created_at,
        signed_by: prepared.signed_by,
        crl_number_floor: prepared.floor.unsigned_abs(),
        crls: prepared.crls,
        tokens: prepared.tokens,
        tokens_kept: restoring.keep_tokens,
        recounted: prepared.recounted,
        removed,
        left,
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

/// The signer of the backup. An unsigned backup, or one that another CA signed, is refused unless `unsigned` accepts
/// it.
fn authenticate(backup: &Path, manifest: &[u8], restoring: &Restoring<'_>) -> Result<Option<SignedBy>, BackupError> {
    if restoring.unsigned && !signature::is_there(backup) {
        return Ok(None);
    }
    match &restoring.roots {
        Some(roots) => signature::verify(backup, manifest, Some(roots)).map(Some),
        None if restoring.unsigned => Ok(None),
        None => Err(BackupError::NoRoot),
    }
}

struct Prepared {
    floor: i64,
    signed_by: Option<SignedBy>,
    crls: Option<Vec<TakenCrl>>,
    tokens: Vec<TokenRecord>,
    recounted: Option<String>,
}

/// Checks the restored ledger, migrates it to this program's format, raises its CRL number floor, takes over later
/// revocations, and revokes its API tokens.
fn prepare_ledger(
    path: &Path,
    manifest: &Manifest,
    mut signed_by: Option<SignedBy>,
    restoring: &Restoring<'_>,
) -> Result<Prepared, BackupError> {
    let now = restoring.now;
    // Before it is written to, and after it was brought to this program's format.
    refuse_unsound(&check_still(path)?)?;
    let connection = schema::open_writer(path)?;
    let of_ledger = |error: rusqlite::Error| fault::open_error(path, &error);
    refuse_unsound(&schema::check(&connection).map_err(of_ledger)?)?;
    let recounted = schema::recount(&connection).map_err(of_ledger)?;
    Connection::close(connection).map_err(|(_, error)| of_ledger(error))?;

    let ledger = SqliteLedger::open(path)?;
    let cas = revocations::cas(&ledger, restoring.roots.as_ref())?;
    let given = restoring.crls.as_deref();
    let given = given.map(|crls| revocations::read(&cas, crls)).transpose()?;
    if let Some(by) = &signed_by {
        // By its key: its certificate may have been renewed while the backup was taken.
        let is_signer = |ca: &&revocations::KnownCa| {
            let own = ca.issuer.certificate();
            own.spki_der() == by.ca.spki_der() && own.subject() == by.ca.subject()
        };
        let signer = cas.iter().find(is_signer);
        let signer = signer.ok_or_else(|| BackupError::Forged {
            detail: format!(
                "{}, which signed it, is no CA of this authority",
                by.ca.subject().to_rfc4514()
            ),
        })?;
        let refused = given.as_deref().map_or(Ok(()), |crls| {
            revocations::refuse_revoked(&cas, crls, signer, manifest.created_at)
        });
        match refused {
            // An operator who accepts unsigned backups also accepts one whose signature is worthless.
            Err(_) if restoring.unsigned => signed_by = None,
            refused => refused?,
        }
    }
    let published = revocations::Published {
        configured: configured_scopes(path),
        taken_at: manifest.created_at,
        now,
    };
    let crls = given
        .map(|crls| revocations::take_over(&ledger, &cas, crls, &published))
        .transpose()?;
    let mut tokens = crate::block_on(Tokens::new(&ledger).list())?;
    tokens.retain(|token| token.is_valid(now));
    if !restoring.keep_tokens {
        crate::block_on(ledger.end_tokens(now))?;
    }
    // Its threads close the file before this returns.
    drop(ledger);

    // A clock that is behind the backup's must not lower the floor, and no number published since may be reused.
    let published = crls.iter().flatten().map(|crl| crl.number).max();
    let published = published.and_then(|number| i64::try_from(number).ok()).unwrap_or(0);
    let floor = now.0.max(manifest.created_at.0).max(1).saturating_mul(NUMBERS_A_SECOND);
    let floor = floor.max(published.saturating_add(1));
    let connection = schema::open_writer(path)?;
    crls::raise_floor(&connection, floor).map_err(|fault| fault.into_open(path))?;
    Connection::close(connection).map_err(|(_, error)| of_ledger(error))?;
    remove_companions(path);
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|error| failed(path, error))?;
    Ok(Prepared {
        floor,
        signed_by,
        crls,
        tokens,
        recounted,
    })
}

/// The CRL scopes of the configuration beside that ledger; `None` where this program cannot read it.
fn configured_scopes(ledger: &Path) -> Option<HashSet<CrlScope>> {
    let text = match fs::read_to_string(ledger.with_file_name(CONFIG)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Config::default_toml().to_owned(),
        text => text.ok()?,
    };
    let config = Config::from_toml(&text).ok()?;
    Some(config.crl_scopes().into_iter().collect())
}
