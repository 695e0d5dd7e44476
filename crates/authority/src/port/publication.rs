//! Published files: CA certificates, CRLs, the bundle.

use std::fmt;
use std::io;

use async_trait::async_trait;
use chancery_x509::time::UnixTime;

/// Name of a published file, without folder: `chancery-issuing-ca.crl`. 1 to 128 letters, digits, `.`, `-`, `_`; no
/// leading dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublishedName(String);

/// A text that cannot be the name of a published file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot be the name of a published file")]
pub struct PublishedNameError(String);

/// Version of a published file; changes with every `put`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ETag(pub String);

/// What must hold for a `put` to take place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Always.
    None,
    /// The file must not exist.
    Absent,
    /// The file's version must be this one.
    Match(ETag),
}

/// Content to publish, read once from start to end.
pub type Body = Box<dyn io::Read + Send>;

/// Temporary storage for content that is too long for memory; deleted when dropped.
pub trait Scratch: io::Read + io::Write + io::Seek + Send {}
impl<T: io::Read + io::Write + io::Seek + Send> Scratch for T {}

/// A published file's content, readable from any position.
pub trait Content: io::Read + io::Seek + Send {}
impl<T: io::Read + io::Seek + Send> Content for T {}

/// A published file's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its version.
    pub etag: ETag,
    /// Length in octets.
    pub len: u64,
    /// When it was put.
    pub modified: UnixTime,
}

/// Why a publication did not perform an operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublicationError {
    /// The precondition did not hold; nothing changed.
    #[error("{name} was changed by another process meanwhile")]
    PreconditionFailed {
        /// Which file.
        name: PublishedName,
    },
    /// Disk full, read-only, unreachable.
    #[error("{name} could not be published or read: {detail}")]
    Failed {
        /// Which file.
        name: PublishedName,
        /// What happened and what to do about it.
        detail: String,
    },
}

/// Stores published files. A reader sees the old file or the new one, whole, never a mixture.
#[async_trait]
pub trait Publication: Send + Sync {
    /// Publishes. When this returns `Ok` the file survives a crash. After an error readers still see the old file or,
    /// where only the response was lost, the new one.
    async fn put(&self, name: &PublishedName, body: Body, precondition: Precondition)
    -> Result<ETag, PublicationError>;

    /// A file's metadata; `None` if there is no such file.
    async fn stat(&self, name: &PublishedName) -> Result<Option<Stat>, PublicationError>;

    /// A file's metadata and content.
    async fn read(&self, name: &PublishedName) -> Result<Option<(Stat, Vec<u8>)>, PublicationError>;

    /// A file's metadata, and its content if that is at most `limit` octets; a longer one is not read at all.
    async fn read_within(
        &self,
        name: &PublishedName,
        limit: u64,
    ) -> Result<Option<(Stat, Option<Vec<u8>>)>, PublicationError> {
        match self.stat(name).await? {
            None => Ok(None),
            Some(stat) if stat.len > limit => Ok(Some((stat, None))),
            Some(_) => Ok(self.read(name).await?.map(|(stat, content)| (stat, Some(content)))),
        }
    }

    /// Largest published file, in octets, that is read back into memory. A longer CRL is streamed to extract what is
    /// compared.
    fn read_back(&self) -> u64 {
        1 << 28
    }

    /// Largest published file, in octets, that is streamed. A longer one is not a CRL to compare with.
    fn read_through(&self) -> u64 {
        u64::MAX
    }

    /// A file's metadata and its content, opened but not read: one and the same version, even if a new one is put while
    /// it is being read. Implementations with long files override this; the default reads the whole file.
    async fn open(&self, name: &PublishedName) -> Result<Option<(Stat, Box<dyn Content>)>, PublicationError> {
        let file = self.read(name).await?;
        Ok(file.map(|(stat, octets)| (stat, Box::new(io::Cursor::new(octets)) as Box<dyn Content>)))
    }

    /// Temporary storage: beside the files where these are on disk, otherwise in the system's temporary folder.
    fn scratch(&self) -> io::Result<Box<dyn Scratch>>;
}

impl PublishedName {
    /// Validates the text.
    pub fn new(text: impl Into<String>) -> Result<Self, PublishedNameError> {
        let text = text.into();
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if (1..=128).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(legal) {
            Ok(Self(text))
        } else {
            Err(PublishedNameError(text.chars().take(80).collect()))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PublishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
