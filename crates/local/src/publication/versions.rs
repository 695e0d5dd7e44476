//! The `ETag`s of files that were hashed before, so that a file's metadata is available without reading it.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};

use chancery_authority::port::{ETag, PublishedName};
use chancery_x509::time::UnixTime;

/// Distinguishes file versions without reading them: each `put` makes a new inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    inode: u64,
    len: u64,
    modified: (i64, i64),
}

impl Fingerprint {
    pub(super) fn of(facts: &Metadata) -> Self {
        Self {
            inode: facts.ino(),
            len: facts.len(),
            modified: (facts.mtime(), facts.mtime_nsec()),
        }
    }

    pub(super) fn modified(&self) -> UnixTime {
        UnixTime(self.modified.0)
    }
}

/// The `ETag`s of the folder's files, with the fingerprint of the version hashed.
#[derive(Default)]
pub(super) struct Versions(Mutex<HashMap<PublishedName, (Fingerprint, ETag)>>);

impl Versions {
    /// The `ETag` of a file, from memory or else by hashing the file; the file is at its start afterwards.
    pub(super) fn of(
        &self,
        name: &PublishedName,
        fingerprint: &Fingerprint,
        mut file: &File,
        hash: impl FnOnce(&mut dyn Read) -> io::Result<ETag>,
    ) -> io::Result<ETag> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some((_, etag)) = known.filter(|(known, _)| known == fingerprint) {
            return Ok(etag);
        }
        let etag = hash(&mut file)?;
        file.rewind()?;
        self.remember(name, *fingerprint, etag.clone());
        Ok(etag)
    }

    pub(super) fn remember(&self, name: &PublishedName, fingerprint: Fingerprint, etag: ETag) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(name.clone(), (fingerprint, etag));
    }
}
