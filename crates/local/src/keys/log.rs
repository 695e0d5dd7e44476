//! The signing log: one JSON line for each signature, written before the signature is returned.
//!
//! `signatures.log` is in the folder of keys, mode 0600. A line is appended with a single `write` in append mode, so
//! that several processes may share the log and a killed one leaves no partial line. It is *not* synced to the disk for
//! each signature (that would cost milliseconds): entries survive the death of the process at any moment, but the last
//! seconds before a power failure may be missing. The ledger, which is synced before a signature is requested, covers
//! that gap.
//!
//! At 64 MiB the file is renamed to `signatures.log.1`, the next one to `.2` and so on: the highest number is the
//! newest. Nothing is ever deleted: that is the operator's decision.
//!
//! ```json
//! {"time":"2026-11-23T20:00:00.123456Z","receipt":"03b8…","key":"chancery-issuing-ca","algorithm":"p256","input":"9f86d0…"}
//! ```
//!
//! `input` is what was signed: the digest of the TBSCertificate or TBSCertList, or ML-DSA's µ, in hexadecimal.

mod reader;
mod receipt;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use chancery_authority::port::{KeyName, Receipt};
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use rustix::fs::{FlockOperation, RenameFlags};

use crate::plain;
pub use reader::{Entries, Entry};
use receipt::Receipts;

/// File name of the log in the folder of keys.
pub const FILE: &str = "signatures.log";

/// Octets at which a file is renamed and a new one begun.
const FILE_LIMIT: u64 = 64 << 20;

/// Appends to the signing log of one folder of keys.
#[derive(Debug)]
pub struct SigningLog {
    path: PathBuf,
    limit: u64,
    state: Mutex<State>,
}

/// Why a signature could not be logged, or the log not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The operating system refused an operation.
    #[error("the signing log {path}: {source}; free space on its disk, or mend its folder's permissions")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system reported.
        source: io::Error,
    },
    /// A line that is no entry: the remainder of a write to a full disk, or the result of editing.
    #[error("the signing log {path} has no entry in line {line}")]
    Torn {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
    },
}

#[derive(Debug, Default)]
struct State {
    /// Opened by the first signature, so that reading a folder of keys needs no write permission.
    file: Option<Open>,
    receipts: Receipts,
    line: Vec<u8>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Its length in octets, without what other processes have appended since.
    size: u64,
    /// The last line has no line feed, as after a full disk.
    torn: bool,
}

impl SigningLog {
    /// The log of a folder of keys. Nothing is opened or made until the first signature.
    pub fn new(folder: &Path) -> Self {
        Self::with_limit(folder, FILE_LIMIT)
    }

    fn with_limit(folder: &Path, limit: u64) -> Self {
        Self {
            path: folder.join(FILE),
            limit,
            state: Mutex::default(),
        }
    }

    /// Path of the current log file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every entry of a folder's log, oldest file first.
    pub fn entries(folder: &Path) -> Result<Entries, LogError> {
        Entries::of(&folder.join(FILE))
    }

    /// Appends an entry and returns the receipt that names it. When this returns, the entry survives the death of the
    /// process.
    pub fn record(&self, key: &KeyName, algorithm: CaKeyAlgorithm, input: &SigningInput) -> Result<Receipt, LogError> {
        // A panic while the lock was held leaves a valid state: the line is built anew each time.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { file, receipts, line } = &mut *state;
        let receipt = receipts.next();
        reader::write_line(line, &receipt, key, algorithm, input);

        if file
            .as_ref()
            .is_some_and(|open| open.size + line.len() as u64 > self.limit)
        {
            *file = self.rotate(file.take()).map_err(|source| self.io(source))?;
        }
        let open = match file {
            Some(open) => open,
            None => file.insert(self.open().map_err(|source| self.io(source))?),
        };
        if let Err(source) = open.append(line) {
            if !open.torn {
                // The next signature opens it again: the operator may have repaired the folder meanwhile.
                *file = None;
            }
            return Err(self.io(source));
        }
        Ok(receipt.receipt)
    }

    fn open(&self) -> io::Result<Open> {
        let mut file = match plain::append_linked(&self.path, 0o600) {
            // Keys on a token can sign before anything was written to the folder.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.path.parent().map_or(Ok(()), super::make_folder)?;
                plain::append_linked(&self.path, 0o600)?
            }
            opened => opened?,
        };
        let size = file.metadata()?.len();
        let mut last = [b'\n'];
        if size > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        Ok(Open {
            file,
            size,
            torn: last != *b"\n",
        })
    }

    /// Renames a full file. `None`: the caller opens whatever file has the name now.
    fn rotate(&self, full: Option<Open>) -> io::Result<Option<Open>> {
        let Some(mut full) = full else { return Ok(None) };
        // Another process may be about to do the same: the second one finds another file under the name.
        rustix::fs::flock(&full.file, FlockOperation::LockExclusive)?;
        let ours = full.file.metadata()?;
        let current = match self.path.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata?,
        };
        if (current.dev(), current.ino()) != (ours.dev(), ours.ino()) {
            return Ok(None);
        }
        let last = reader::rotated(&self.path)?.last().map_or(0, |(number, _)| *number);
        let aside = reader::numbered(&self.path, last + 1);
        let renamed = rustix::fs::renameat_with(
            rustix::fs::CWD,
            &self.path,
            rustix::fs::CWD,
            &aside,
            RenameFlags::NOREPLACE,
        );
        match renamed {
            Ok(()) => Ok(None),
            Err(error) => {
                // A file beyond the limit is a nuisance; refusing a signature for it would be an outage.
                tracing::warn!(path = %self.path.display(), %error, "the full signing log could not be put aside");
                rustix::fs::flock(&full.file, FlockOperation::Unlock)?;
                full.size = 0;
                Ok(Some(full))
            }
        }
    }

    fn io(&self, source: io::Error) -> LogError {
        LogError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

impl Open {
    fn append(&mut self, line: &mut Vec<u8>) -> io::Result<()> {
        if self.torn {
            line.insert(0, b'\n');
        }
        let written = self.file.write(line)?;
        self.size += written as u64;
        if written == line.len() {
            self.torn = false;
            return Ok(());
        }
        self.torn |= written > 0;
        Err(io::Error::new(
            io::ErrorKind::StorageFull,
            "only a part of the line was written",
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn key(name: &str) -> KeyName {
        KeyName(name.to_owned())
    }

    fn all(folder: &Path) -> Vec<Entry> {
        SigningLog::entries(folder).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn what_is_recorded_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let log = SigningLog::new(folder.path());
        assert!(!log.path().exists(), "made by the first signature only");
        let first = log
            .record(&key("root"), CaKeyAlgorithm::P384, &SigningInput::Sha384([7; 48]))
            .unwrap();
        let second = log
            .record(
                &key("a \"quoted\"\nlabel"),
                CaKeyAlgorithm::MlDsa65,
                &SigningInput::Mu([9; 64]),
            )
            .unwrap();
        assert!(first.0 < second.0);
        assert_eq!(log.path().metadata().unwrap().permissions().mode() & 0o777, 0o600);

        let entries = all(folder.path());
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].receipt, first);
        assert_eq!(entries[0].key, key("root"));
        assert_eq!(entries[0].algorithm, CaKeyAlgorithm::P384);
        assert_eq!(entries[0].input, [7; 48]);
        assert_eq!(entries[1].receipt, second);
        assert_eq!(entries[1].key, key("a \"quoted\"\nlabel"));
        assert_eq!(entries[1].input, [9; 64]);
        assert!(entries[1].time >= entries[0].time);
    }

    #[test]
    fn entries_are_read_across_rotations_by_several_writers() {
        let folder = tempfile::tempdir().unwrap();
        // Two logs on one folder simulate two processes.
        let logs = [
            SigningLog::with_limit(folder.path(), 2_000),
            SigningLog::with_limit(folder.path(), 2_000),
        ];
        let mut receipts = std::thread::scope(|scope| {
            let writers: Vec<_> = logs
                .iter()
                .cycle()
                .take(4)
                .map(|log| {
                    scope.spawn(|| {
                        let input = SigningInput::Sha256([1; 32]);
                        (0..100)
                            .map(|_| log.record(&key("ca"), CaKeyAlgorithm::P256, &input).unwrap().0)
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            writers
                .into_iter()
                .flat_map(|writer| writer.join().unwrap())
                .collect::<Vec<_>>()
        });
        let mut read: Vec<_> = all(folder.path()).into_iter().map(|entry| entry.receipt.0).collect();
        receipts.sort();
        read.sort();
        assert_eq!(read, receipts);
        receipts.dedup();
        assert_eq!(receipts.len(), 400, "no receipt twice");
        assert!(reader::rotated(folder.path().join(FILE)).unwrap().len() > 5);
    }

    #[test]
    fn a_torn_line_is_reported_and_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let input = SigningInput::Sha256([1; 32]);
        let log = SigningLog::new(folder.path());
        log.record(&key("ca"), CaKeyAlgorithm::P256, &input).unwrap();
        let whole = std::fs::read(log.path()).unwrap();
        std::fs::write(log.path(), [&whole[..], &whole[..40]].concat()).unwrap();

        let after = SigningLog::new(folder.path())
            .record(&key("ca"), CaKeyAlgorithm::P256, &input)
            .unwrap();
        let read: Vec<_> = SigningLog::entries(folder.path()).unwrap().collect();
        assert_eq!(read.len(), 3);
        assert!(read[0].is_ok());
        assert!(matches!(read[1], Err(LogError::Torn { line: 2, .. })));
        assert_eq!(read[2].as_ref().unwrap().receipt, after);
    }

    #[test]
    fn a_full_disk_is_an_error_not_a_receipt() {
        // This device accepts no data, and answers as a full disk does.
        let folder = tempfile::tempdir().unwrap();
        let log = SigningLog::new(folder.path());
        log.state.lock().unwrap().file = Some(Open {
            file: File::options().append(true).open("/dev/full").unwrap(),
            size: 0,
            torn: false,
        });
        let record = || log.record(&key("ca"), CaKeyAlgorithm::P256, &SigningInput::Sha256([1; 32]));
        match record().unwrap_err() {
            LogError::Io { source, .. } => assert_eq!(source.kind(), io::ErrorKind::StorageFull),
            other => panic!("{other}"),
        }
        // As a log, the device is none.
        std::os::unix::fs::symlink("/dev/full", folder.path().join(FILE)).unwrap();
        assert!(matches!(record(), Err(LogError::Io { .. })));
    }

    #[test]
    fn no_log_is_no_entries() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(all(folder.path()), []);
    }
}
