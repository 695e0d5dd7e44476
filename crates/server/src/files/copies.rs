//! One copy in memory of each version of a published file, shared by all answers that send it: a client that reads
//! slowly, or not at all, holds neither a descriptor nor memory of its own.
//!
//! Small files are kept between requests, large ones as long as an answer sends them. All copies together have a limit;
//! a file that does not fit is read in pieces, through one descriptor for each version.

use std::collections::HashMap;
use std::io::{self, Read, SeekFrom};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use axum::body::{Body, Bytes};
use chancery_authority::port::publication::Stat;
use chancery_authority::port::{Content, ETag, Publication, PublicationError, PublishedName};
use futures_util::StreamExt as _;

/// Octets of all copies together, including those of replaced versions that are still being sent.
const ALL: usize = 256 << 20;

/// Largest file, in octets, that is kept between requests.
const SMALL: usize = 1 << 20;

/// Octets of all files that are kept between requests.
const KEPT: usize = 16 << 20;

/// Most versions at a time that do not fit into memory and are read from their descriptors.
const OPEN: usize = 16;

/// Octets that are read of such a version at a time.
const PIECE: usize = 64 * 1024;

/// Number of names above which those without a copy are removed.
const NAMES: usize = 1024;

/// The existing copies.
#[derive(Debug)]
pub(crate) struct Copies {
    limits: CopyLimits,
    live: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    index: Mutex<Index>,
    /// Held while a file is read, so that of many requests for a new version only one reads it.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Clone, Copy, Debug)]
struct CopyLimits {
    all: usize,
    small: usize,
    kept: usize,
    open: usize,
}

#[derive(Debug, Default)]
struct Index {
    versions: HashMap<PublishedName, Version>,
    kept: usize,
}

#[derive(Debug)]
struct Version {
    etag: ETag,
    copy: Weak<Copy>,
    /// The same copy, where the file is small.
    kept: Option<Arc<Copy>>,
}

/// One version of a file.
pub(super) struct Copy {
    pub(super) stat: Stat,
    octets: Octets,
}

enum Octets {
    Memory {
        octets: Box<[u8]>,
        live: Arc<AtomicUsize>,
    },
    Open {
        content: Mutex<Box<dyn Content>>,
        open: Arc<AtomicUsize>,
    },
}

/// Why a copy could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    #[error(transparent)]
    Publication(#[from] PublicationError),
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("too many versions of long files are being sent")]
    Full,
}

impl Default for Copies {
    fn default() -> Self {
        Self::with(CopyLimits {
            all: ALL,
            small: SMALL,
            kept: KEPT,
            open: OPEN,
        })
    }
}

impl Copies {
    fn with(limits: CopyLimits) -> Self {
        Self {
            limits,
            live: Arc::default(),
            open: Arc::default(),
            index: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The version of a file with this metadata, or a newer one; `None` if the file no longer exists.
    pub(super) async fn of(
        &self,
        publication: &dyn Publication,
        name: &PublishedName,
        stat: &Stat,
    ) -> Result<Option<Arc<Copy>>, CopyError> {
        if let Some(copy) = self.index().find(name, &stat.etag) {
            return Ok(Some(copy));
        }
        let _reading = self.reading.lock().await;
        if let Some(copy) = self.index().find(name, &stat.etag) {
            return Ok(Some(copy));
        }
        let Some((stat, content)) = publication.open(name).await? else {
            return Ok(None);
        };
        let copy = Arc::new(self.copy(stat, content).await?);
        self.index().remember(name, &copy, self.limits);
        Ok(Some(copy))
    }

    async fn copy(&self, stat: Stat, mut content: Box<dyn Content>) -> Result<Copy, CopyError> {
        let len = usize::try_from(stat.len).unwrap_or(usize::MAX);
        if !add(&self.live, len, self.limits.all) {
            // First make room by releasing what no answer sends.
            self.index().let_go();
            if !add(&self.live, len, self.limits.all) {
                if !add(&self.open, 1, self.limits.open) {
                    return Err(CopyError::Full);
                }
                let open = Arc::clone(&self.open);
                let content = Mutex::new(content);
                return Ok(Copy {
                    stat,
                    octets: Octets::Open { content, open },
                });
            }
        }
        // Dropping it releases the reservation, whether or not reading succeeds.
        let mut copy = Copy {
            octets: Octets::Memory {
                octets: Box::default(),
                live: Arc::clone(&self.live),
            },
            stat,
        };
        let read = tokio::task::spawn_blocking(move || {
            let mut octets = vec![0; len];
            content.read_exact(&mut octets).map(|()| octets.into_boxed_slice())
        });
        let read = read.await.map_err(io::Error::other).and_then(|read| read)?;
        if let Octets::Memory { octets, .. } = &mut copy.octets {
            *octets = read;
        }
        Ok(copy)
    }
}

impl Index {
    fn find(&self, name: &PublishedName, etag: &ETag) -> Option<Arc<Copy>> {
        let version = self.versions.get(name).filter(|version| version.etag == *etag)?;
        version.copy.upgrade()
    }

    fn remember(&mut self, name: &PublishedName, copy: &Arc<Copy>, limits: CopyLimits) {
        if self.versions.len() >= NAMES {
            self.versions.retain(|_, version| version.copy.strong_count() > 0);
        }
        if let Some(before) = self.versions.remove(name) {
            self.kept -= before.kept.map_or(0, |kept| kept.len());
        }
        let len = copy.len();
        let keep = matches!(copy.octets, Octets::Memory { .. }) && len <= limits.small;
        if keep && self.kept + len > limits.kept {
            self.let_go();
        }
        if keep {
            self.kept += len;
        }
        let version = Version {
            etag: copy.stat.etag.clone(),
            copy: Arc::downgrade(copy),
            kept: keep.then(|| Arc::clone(copy)),
        };
        self.versions.insert(name.clone(), version);
    }

    /// Releases copies that no answer is sending.
    fn let_go(&mut self) {
        for version in self.versions.values_mut() {
            version.kept = None;
        }
        self.kept = 0;
    }
}

impl Copy {
    fn len(&self) -> usize {
        usize::try_from(self.stat.len).unwrap_or(usize::MAX)
    }

    /// Whether its octets are in memory once for all answers.
    fn is_in_memory(&self) -> bool {
        matches!(self.octets, Octets::Memory { .. })
    }

    /// Memory of its own that each answer takes: none where all share the copy, else the piece that is read.
    pub(super) fn memory_of_a_reader(&self) -> usize {
        if self.is_in_memory() { 0 } else { PIECE }
    }

    /// `len` octets from `first` on, which must exist.
    pub(super) fn part(self: Arc<Self>, first: u64, len: u64) -> Body {
        if self.is_in_memory() {
            let all = Bytes::from_owner(Shared(self));
            let first = usize::try_from(first).unwrap_or(usize::MAX).min(all.len());
            let end = first
                .saturating_add(usize::try_from(len).unwrap_or(usize::MAX))
                .min(all.len());
            return Body::from(all.slice(first..end));
        }
        // After a failure the stream ends, and with it the connection.
        let pieces = futures_util::stream::unfold(Some((self, first, len)), async |state| {
            let (copy, first, left) = state.filter(|(_, _, left)| *left > 0)?;
            let read = tokio::task::spawn_blocking(move || copy.read(first, left).map(|octets| (copy, octets)));
            Some(match read.await.map_err(io::Error::other).and_then(|read| read) {
                Ok((copy, octets)) => {
                    let read = octets.len() as u64;
                    (Ok(Bytes::from(octets)), Some((copy, first + read, left - read)))
                }
                Err(error) => (Err(error), None),
            })
        });
        Body::from_stream(pieces.boxed())
    }

    /// The next piece of a version that is not in memory.
    fn read(&self, first: u64, left: u64) -> io::Result<Vec<u8>> {
        let Octets::Open { content, .. } = &self.octets else {
            return Err(io::Error::other("the file is in memory"));
        };
        let mut octets = vec![0; usize::try_from(left).unwrap_or(PIECE).min(PIECE)];
        let mut content = content.lock().unwrap_or_else(PoisonError::into_inner);
        content.seek(SeekFrom::Start(first))?;
        content.read_exact(&mut octets)?;
        Ok(octets)
    }
}

impl std::fmt::Debug for Copy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Copy")
            .field("stat", &self.stat)
            .field("in_memory", &self.is_in_memory())
            .finish_non_exhaustive()
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        match &self.octets {
            Octets::Memory { live, .. } => live.fetch_sub(self.len(), Ordering::Relaxed),
            Octets::Open { open, .. } => open.fetch_sub(1, Ordering::Relaxed),
        };
    }
}

struct Shared(Arc<Copy>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        match &self.0.octets {
            Octets::Memory { octets, .. } => octets,
            Octets::Open { .. } => &[],
        }
    }
}

/// Adds unless that exceeds the limit. Whether it did.
fn add(to: &AtomicUsize, number: usize, limit: usize) -> bool {
    let grown = |before: usize| before.checked_add(number).filter(|after| *after <= limit);
    to.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown).is_ok()
}

#[cfg(test)]
mod tests {
    use chancery_authority::port::Precondition;
    use hyper::body::Body as _;

    use super::*;

    const LIMITS: CopyLimits = CopyLimits {
        all: 100,
        small: 10,
        kept: 15,
        open: 1,
    };

    struct Folder {
        _root: tempfile::TempDir,
        files: chancery_local::publication::FolderPublication,
        copies: Copies,
    }

    impl Folder {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            Self {
                files: chancery_local::publication::FolderPublication::open(root.path()).unwrap(),
                copies: Copies::with(LIMITS),
                _root: root,
            }
        }

        async fn put(&self, name: &str, octets: Vec<u8>) -> PublishedName {
            let name = PublishedName::new(name).unwrap();
            let put = self
                .files
                .put(&name, Box::new(io::Cursor::new(octets)), Precondition::None);
            put.await.unwrap();
            name
        }

        async fn copy(&self, name: &PublishedName) -> Result<Arc<Copy>, CopyError> {
            let stat = self.files.stat(name).await.unwrap().unwrap();
            self.copies.of(&self.files, name, &stat).await.map(Option::unwrap)
        }

        fn live(&self) -> usize {
            self.copies.live.load(Ordering::Relaxed)
        }
    }

    async fn octets(copy: &Arc<Copy>, first: u64, len: u64) -> Vec<u8> {
        let body = Arc::clone(copy).part(first, len);
        assert!(!copy.is_in_memory() || body.size_hint().exact() == Some(len));
        axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec()
    }

    #[tokio::test]
    async fn everybody_shares_the_copy_of_a_version() {
        let folder = Folder::new();
        let name = folder.put("a.crl", vec![1; 50]).await;
        let (one, two) = (folder.copy(&name).await.unwrap(), folder.copy(&name).await.unwrap());
        assert!(Arc::ptr_eq(&one, &two) && one.is_in_memory());
        assert_eq!(folder.live(), 50);
        assert_eq!(octets(&one, 10, 5).await, [1; 5]);
        // Another version is another copy, and the previous one lasts as long as an answer sends it.
        folder.put("a.crl", vec![2; 40]).await;
        let three = folder.copy(&name).await.unwrap();
        assert_eq!((octets(&three, 0, 40).await, folder.live()), (vec![2; 40], 90));
        assert_eq!(octets(&two, 0, 50).await, [1; 50]);
        drop((one, two, three));
        assert_eq!(folder.live(), 0);
    }

    #[tokio::test]
    async fn small_files_are_kept_within_a_limit() {
        let folder = Folder::new();
        for (name, live) in [("a.crl", 8), ("b.crl", 8), ("c.crl", 8)] {
            let name = folder.put(name, vec![1; 8]).await;
            drop(folder.copy(&name).await.unwrap());
            assert_eq!(folder.live(), live, "{name}");
        }
        let name = folder.put("c.crl", vec![2; 4]).await;
        drop(folder.copy(&name).await.unwrap());
        assert_eq!(folder.live(), 4);
    }

    #[tokio::test]
    async fn what_does_not_fit_into_memory_is_read_from_one_descriptor() {
        let folder = Folder::new();
        let whole: Vec<u8> = (0..300_000_u32).map(|number| number.to_le_bytes()[1]).collect();
        let name = folder.put("a.crl", whole.clone()).await;
        let (one, two) = (folder.copy(&name).await.unwrap(), folder.copy(&name).await.unwrap());
        assert!(Arc::ptr_eq(&one, &two) && !one.is_in_memory());
        let (left, right) = futures_util::future::join(octets(&one, 0, 300_000), octets(&two, 1, 299_998)).await;
        assert!(left == whole && right == whole[1..299_999]);
        let other = folder.put("b.crl", vec![3; 101]).await;
        assert!(matches!(folder.copy(&other).await, Err(CopyError::Full)));
        drop((one, two));
        assert_eq!(octets(&folder.copy(&other).await.unwrap(), 0, 101).await, [3; 101]);
    }

    #[tokio::test]
    async fn what_is_kept_makes_room_for_what_is_asked_for() {
        let folder = Folder::new();
        let small = folder.put("a.crl", vec![1; 8]).await;
        drop(folder.copy(&small).await.unwrap());
        let large = folder.put("b.crl", vec![2; 95]).await;
        let copy = folder.copy(&large).await.unwrap();
        assert!(copy.is_in_memory());
        assert_eq!(folder.live(), 95);
        // Nor is a small one kept where there is no room for it.
        assert!(!folder.copy(&small).await.unwrap().is_in_memory());
    }
}
