//! Versions of files that were hashed once, so that asking for a file's facts does not read it.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};

use chancery_authority::port::{ETag, PublishedName};
use chancery_x509::time::UnixTime;

/// Tells one file from another without reading it: a `put` makes a new inode.
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

/// What is known of the folder's files.
#[derive(Default)]
pub(super) struct Versions(Mutex<HashMap<PublishedName, (Fingerprint, ETag)>>);

impl Versions {
    /// The version of a file, from memory or else by reading the file; the file is at its start afterwards.
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
