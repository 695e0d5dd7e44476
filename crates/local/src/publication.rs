//! Published files in a folder, which any web server may serve as well.
//!
//! A file is written under a temporary name, synced, and renamed over the old one; then the folder is synced. A reader
//! gets the old file or the new one, complete. The [`ETag`] is derived from the content alone, so that it survives a
//! restart, a copy and a restore, and caches keep a file that is published again with the same content.

mod versions;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_lc_rs::digest;
use chancery_authority::port::publication::{Content, Stat};
use chancery_authority::port::{Body, ETag, Precondition, Publication, PublicationError, PublishedName, Scratch};
use tempfile::NamedTempFile;

use crate::plain;
use crate::workers::Workers;
use versions::{Fingerprint, Versions};

/// Threads for reading, and as many for writing. Writers may wait for another process's lock; requests for CRLs do not
/// wait for them.
const THREADS: usize = 2;

/// Beginning of temporary names; no published name begins with a dot.
const DRAFT: &str = ".draft-";

/// Held while a precondition is checked and the file renamed, by one process at a time.
const LOCK: &str = ".lock";

/// Age from which on a temporary file counts as left behind by a crash.
const ABANDONED: Duration = Duration::from_hours(1);

/// Published files in one folder.
pub struct FolderPublication {
    folder: Arc<Folder>,
    readers: Workers<()>,
    writers: Workers<()>,
}

struct Folder {
    path: PathBuf,
    versions: Versions,
    /// Each `put` opens this file again, so that its lock keeps threads apart as well as processes.
    lock: PathBuf,
}

impl FolderPublication {
    /// Opens a folder, made where it is missing, and removes temporary files that crashes left in it.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        fs::create_dir_all(&path)?;
        remove_abandoned(&path, SystemTime::now())?;
        let lock = path.join(LOCK);
        let folder = Arc::new(Folder {
            path,
            versions: Versions::default(),
            lock,
        });
        Ok(Self {
            folder,
            readers: Workers::start("publication", [(); THREADS])?,
            writers: Workers::start("publishing", [(); THREADS])?,
        })
    }

    /// Path of the folder.
    pub fn path(&self) -> &Path {
        &self.folder.path
    }

    async fn run<T: Send + 'static>(
        &self,
        workers: &Workers<()>,
        name: &PublishedName,
        work: impl FnOnce(&Folder, &PublishedName) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, PublicationError> {
        let (folder, theirs) = (Arc::clone(&self.folder), name.clone());
        let failed = |detail| PublicationError::Failed {
            name: name.clone(),
            detail,
        };
        match workers.run(move |()| work(&folder, &theirs)).await {
            Some(Ok(value)) => Ok(value),
            Some(Err(Failure::Precondition)) => Err(PublicationError::PreconditionFailed { name: name.clone() }),
            Some(Err(Failure::Io(error))) => Err(failed(explain(&self.folder.path, &error))),
            None => Err(failed("the folder is closed: start Chancery again".into())),
        }
    }
}

#[async_trait]
impl Publication for FolderPublication {
    async fn put(
        &self,
        name: &PublishedName,
        body: Body,
        precondition: Precondition,
    ) -> Result<ETag, PublicationError> {
        self.run(&self.writers, name, move |folder, name| {
            folder.put(name, body, &precondition)
        })
        .await
    }

    async fn stat(&self, name: &PublishedName) -> Result<Option<Stat>, PublicationError> {
        self.run(&self.readers, name, |folder, name| {
            Ok(folder.open(name)?.map(|(stat, _)| stat))
        })
        .await
    }

    async fn read(&self, name: &PublishedName) -> Result<Option<(Stat, Vec<u8>)>, PublicationError> {
        self.run(&self.readers, name, |folder, name| {
            let Some((stat, mut file)) = folder.open(name)? else {
                return Ok(None);
            };
            let mut octets = Vec::with_capacity(usize::try_from(stat.len).unwrap_or_default());
            file.read_to_end(&mut octets)?;
            Ok(Some((stat, octets)))
        })
        .await
    }

    /// Metadata and content come from the same open file: a concurrent `put` makes another file.
    async fn read_within(
        &self,
        name: &PublishedName,
        limit: u64,
    ) -> Result<Option<(Stat, Option<Vec<u8>>)>, PublicationError> {
        self.run(&self.readers, name, move |folder, name| {
            let Some((stat, file)) = folder.open(name)? else {
                return Ok(None);
            };
            if stat.len > limit {
                return Ok(Some((stat, None)));
            }
            let mut octets = Vec::with_capacity(usize::try_from(stat.len).unwrap_or_default());
            file.take(limit).read_to_end(&mut octets)?;
            Ok(Some((stat, Some(octets))))
        })
        .await
    }

    /// The open file keeps its content although another one is renamed over it.
    async fn open(&self, name: &PublishedName) -> Result<Option<(Stat, Box<dyn Content>)>, PublicationError> {
        let file = self.run(&self.readers, name, Folder::open).await?;
        Ok(file.map(|(stat, file)| (stat, Box::new(file) as Box<dyn Content>)))
    }

    fn scratch(&self) -> io::Result<Box<dyn Scratch>> {
        Ok(Box::new(tempfile::tempfile_in(&self.folder.path)?))
    }
}

enum Failure {
    Precondition,
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Folder {
    fn put(&self, name: &PublishedName, mut body: Body, precondition: &Precondition) -> Result<ETag, Failure> {
        // Fails early where the precondition already fails; the check under the lock below decides.
        self.check(name, precondition)?;
        let mut draft = tempfile::Builder::new().prefix(DRAFT).tempfile_in(&self.path)?;
        let etag = copy_and_hash(&mut *body, draft.as_file_mut())?;
        draft.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
        draft.as_file().sync_all()?;
        let fingerprint = Fingerprint::of(&draft.as_file().metadata()?);
        self.replace(name, draft, precondition)?;
        self.versions.remember(name, fingerprint, etag.clone());
        Ok(etag)
    }

    fn replace(&self, name: &PublishedName, draft: NamedTempFile, precondition: &Precondition) -> Result<(), Failure> {
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.lock)?;
        lock.lock()?;
        self.check(name, precondition)?;
        draft
            .persist(self.path.join(name.as_str()))
            .map_err(|error| error.error)?;
        File::open(&self.path)?.sync_all()?;
        // Closing the file releases the lock.
        drop(lock);
        Ok(())
    }

    fn check(&self, name: &PublishedName, precondition: &Precondition) -> Result<(), Failure> {
        let holds = match precondition {
            Precondition::None => true,
            Precondition::Absent => self.open(name)?.is_none(),
            Precondition::Match(etag) => self.open(name)?.is_some_and(|(stat, _)| stat.etag == *etag),
        };
        if holds { Ok(()) } else { Err(Failure::Precondition) }
    }

    /// The file, at its start, and its metadata: all of the same version.
    fn open(&self, name: &PublishedName) -> Result<Option<(Stat, File)>, Failure> {
        let file = match plain::open(&self.path.join(name.as_str())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // Not published: a link may lead to a key, and opening a pipe would block. A `put` replaces it.
            Err(error) if plain::is_refusal(&error) => return Ok(None),
            opened => opened?,
        };
        let facts = file.metadata()?;
        let fingerprint = Fingerprint::of(&facts);
        let etag = self.versions.of(name, &fingerprint, &file, hash)?;
        Ok(Some((
            Stat {
                etag,
                len: facts.len(),
                modified: fingerprint.modified(),
            },
            file,
        )))
    }
}

/// Copies a body and returns its `ETag`.
fn copy_and_hash(body: &mut dyn Read, out: &mut File) -> io::Result<ETag> {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let len = match body.read(&mut buffer) {
            Ok(0) => return Ok(version(context)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        context.update(&buffer[..len]);
        out.write_all(&buffer[..len])?;
    }
}

fn hash(file: &mut dyn Read) -> io::Result<ETag> {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(version(context)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => context.update(&buffer[..read?]),
        }
    }
}

/// Half of a SHA-256: 128 bits do not collide by chance, and a collision of two contents of the publisher's own making
/// harms nobody else.
fn version(context: digest::Context) -> ETag {
    ETag(data_encoding::HEXLOWER.encode(&context.finish().as_ref()[..16]))
}

fn remove_abandoned(folder: &Path, now: SystemTime) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_draft = entry.file_name().to_string_lossy().starts_with(DRAFT);
        let modified = entry.metadata().and_then(|facts| facts.modified());
        let age = modified.ok().and_then(|modified| now.duration_since(modified).ok());
        if is_draft && age.is_some_and(|age| age > ABANDONED) {
            // Another process may be removing them, too.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

fn explain(folder: &Path, error: &io::Error) -> String {
    let folder = folder.display();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            format!("there is no space left in {folder}: free some, then publish again")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => format!(
            "{folder} cannot be written or read: let the user who runs Chancery own it, and mount it writable ({error})"
        ),
        _ => format!("{folder}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block_on;

    fn name(text: &str) -> PublishedName {
        PublishedName::new(text).unwrap()
    }

    fn body(octets: &'static [u8]) -> Body {
        Box::new(octets)
    }

    #[test]
    fn versions_survive_a_restart_and_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let publication = FolderPublication::open(folder.path()).unwrap();
        let etag = block_on(publication.put(&name("a.crl"), body(b"content"), Precondition::None)).unwrap();
        drop(publication);

        let copied = tempfile::tempdir().unwrap();
        fs::copy(folder.path().join("a.crl"), copied.path().join("a.crl")).unwrap();
        for path in [folder.path(), copied.path()] {
            let publication = FolderPublication::open(path).unwrap();
            let stat = block_on(publication.stat(&name("a.crl"))).unwrap().unwrap();
            assert_eq!(stat.etag, etag);
        }
    }

    #[test]
    fn a_file_changed_by_others_is_another_version() {
        let folder = tempfile::tempdir().unwrap();
        let publication = FolderPublication::open(folder.path()).unwrap();
        let etag = block_on(publication.put(&name("a.crl"), body(b"content"), Precondition::None)).unwrap();
        fs::write(folder.path().join("new"), b"CONTENT").unwrap();
        fs::rename(folder.path().join("new"), folder.path().join("a.crl")).unwrap();
        let put = block_on(publication.put(&name("a.crl"), body(b"mine"), Precondition::Match(etag)));
        assert_eq!(put, Err(PublicationError::PreconditionFailed { name: name("a.crl") }));
    }

    #[test]
    fn an_opened_file_stays_the_version_that_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let publication = FolderPublication::open(folder.path()).unwrap();
        block_on(publication.put(&name("a.crl"), body(b"old"), Precondition::None)).unwrap();
        let (_, mut content) = block_on(publication.open(&name("a.crl"))).unwrap().unwrap();
        block_on(publication.put(&name("a.crl"), body(b"newer"), Precondition::None)).unwrap();
        let mut seen = String::new();
        content.read_to_string(&mut seen).unwrap();
        assert_eq!(seen, "old");
    }

    #[test]
    fn what_is_no_plain_file_is_not_there_and_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, b"secret").unwrap();
        let publication = FolderPublication::open(folder.path().join("public")).unwrap();
        let at = |name: &str| publication.path().join(name);
        std::os::unix::fs::symlink(&secret, at("link.pem")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", at("endless.crl")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe.crl"), rustix::fs::Mode::RWXU).unwrap();
        for text in ["link.pem", "endless.crl", "pipe.crl"] {
            // More often than there are threads.
            for _ in 0..=THREADS {
                assert!(block_on(publication.open(&name(text))).unwrap().is_none(), "{text}");
            }
            assert_eq!(block_on(publication.stat(&name(text))), Ok(None));
            assert_eq!(block_on(publication.read(&name(text))), Ok(None));
            block_on(publication.put(&name(text), body(b"mine"), Precondition::Absent)).unwrap();
            let (_, octets) = block_on(publication.read(&name(text))).unwrap().unwrap();
            assert_eq!(octets, b"mine");
        }
        assert_eq!(fs::read(secret).unwrap(), b"secret");
    }

    #[test]
    fn drafts_of_a_crash_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let draft = folder.path().join(".draft-abc");
        fs::write(&draft, b"half").unwrap();
        fs::write(folder.path().join("a.crl"), b"whole").unwrap();
        drop(FolderPublication::open(folder.path()).unwrap());
        assert!(draft.exists(), "somebody may be writing it at this moment");
        remove_abandoned(folder.path(), SystemTime::now() + 2 * ABANDONED).unwrap();
        assert!(!draft.exists());
        assert!(folder.path().join("a.crl").exists());
    }

    #[test]
    fn nothing_but_the_file_remains_after_a_put_or_a_failed_one() {
        let folder = tempfile::tempdir().unwrap();
        let publication = FolderPublication::open(folder.path()).unwrap();
        block_on(publication.put(&name("a.crl"), body(b"x"), Precondition::Absent)).unwrap();
        block_on(publication.put(&name("a.crl"), body(b"y"), Precondition::Absent)).unwrap_err();
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, [".lock", "a.crl"]);
    }
}
