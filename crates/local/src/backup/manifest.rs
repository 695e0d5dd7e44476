//! The manifest: which files are in a backup, with the digests that verify them.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Component, Path};

use chancery_x509::time::UnixTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{BackupError, LEDGER, MANIFEST, ROOMS, WRITTEN, failed};
use crate::plain;

/// The format that this program writes.
const FORMAT: u32 = 1;

/// Largest manifest in octets: enough for some hundred thousand files.
const MAX_OCTETS: u64 = 32 << 20;

/// The files of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    /// Version of the program that took it.
    pub chancery: String,
    /// When it was taken, in Unix seconds.
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub created_at: UnixTime,
    /// Every file but the manifest and its signature.
    pub files: Vec<Entry>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name in the backup and in the data folder: `ledger.sqlite3`, `keys/…`.
    pub name: String,
    /// Length in octets.
    pub size: u64,
    /// SHA-256 of its contents.
    #[serde(serialize_with = "write_hex", deserialize_with = "read_hex")]
    pub sha256: [u8; 32],
}

impl Manifest {
    pub(super) fn new(created_at: UnixTime, files: Vec<Entry>) -> Self {
        Self {
            format: FORMAT,
            chancery: env!("CARGO_PKG_VERSION").into(),
            created_at,
            files,
        }
    }

    /// Writes it to the folder, and returns the octets written.
    pub(super) fn write(&self, folder: &Path) -> Result<Vec<u8>, BackupError> {
        let path = folder.join(MANIFEST);
        let write = || {
            let mut octets = serde_json::to_vec_pretty(self).map_err(io::Error::from)?;
            octets.push(b'\n');
            let mut draft = tempfile::NamedTempFile::new_in(folder)?;
            draft.write_all(&octets)?;
            draft.as_file().sync_all()?;
            draft.persist(&path).map_err(|error| error.error)?;
            Ok(octets)
        };
        write().map_err(|error| failed(&path, error))
    }

    /// Reads a backup's manifest, without verifying its signature.
    pub fn read(folder: &Path) -> Result<Self, BackupError> {
        Self::parse(&Self::octets(folder)?)
    }

    /// The octets of a backup's manifest: read once, so that the octets verified are the ones parsed.
    pub(super) fn octets(folder: &Path) -> Result<Vec<u8>, BackupError> {
        let path = folder.join(MANIFEST);
        let file = match plain::open(&path) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(BackupError::NoManifest {
                    path: folder.to_owned(),
                });
            }
            Err(error) if plain::is_refusal(&error) => return Err(BackupError::NotPlain { file: MANIFEST.into() }),
            opened => opened.map_err(|error| failed(&path, error))?,
        };
        let mut text = Vec::new();
        file.take(MAX_OCTETS + 1)
            .read_to_end(&mut text)
            .map_err(|error| failed(&path, error))?;
        if text.len() as u64 > MAX_OCTETS {
            return Err(BackupError::BadManifest {
                detail: format!("it is longer than {MAX_OCTETS} octets"),
            });
        }
        Ok(text)
    }

    /// Parses a manifest. Refuses names that would put a file outside the data folder's own subfolders.
    pub(super) fn parse(text: &[u8]) -> Result<Self, BackupError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let bad = |detail: String| BackupError::BadManifest { detail };
        // The format before the rest: a newer one may differ in structure.
        let Format { format } = serde_json::from_slice(text).map_err(|error| bad(error.to_string()))?;
        if format > FORMAT {
            return Err(BackupError::Newer {
                found: format,
                known: FORMAT,
            });
        }
        let manifest: Self = serde_json::from_slice(text).map_err(|error| bad(error.to_string()))?;
        if let Some(foreign) = manifest.files.iter().find(|file| !is_ours(&file.name)) {
            return Err(bad(format!("{:?} is no file of a data folder", foreign.name)));
        }
        let mut names: Vec<_> = manifest.files.iter().map(|file| &file.name).collect();
        names.sort();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(bad("a file is named twice".into()));
        }
        if !names.iter().any(|name| *name == LEDGER) {
            return Err(bad("there is no ledger in it".into()));
        }
        Ok(manifest)
    }
}

fn is_ours(name: &str) -> bool {
    let parts: Vec<_> = Path::new(name).components().collect();
    match parts[..] {
        [Component::Normal(_)] => name == LEDGER || WRITTEN.contains(&name),
        [Component::Normal(room), Component::Normal(file)] => {
            let plain = Path::new(room).join(file).to_str() == Some(name);
            ROOMS.iter().any(|known| room == *known) && plain && !file.to_string_lossy().starts_with('.')
        }
        _ => false,
    }
}

/// Removes what SQLite may have left beside a closed ledger.
pub(super) fn remove_companions(ledger: &Path) {
    for companion in crate::ledger::schema::companions(ledger) {
        let _ = fs::remove_file(companion);
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands the field over by reference"
)]
fn write_time<S: Serializer>(time: &UnixTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(time.0)
}

fn read_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UnixTime, D::Error> {
    i64::deserialize(deserializer).map(UnixTime)
}

fn write_hex<S: Serializer>(octets: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&data_encoding::HEXLOWER.encode(octets))
}

fn read_hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
    let text = String::deserialize(deserializer)?;
    let octets = data_encoding::HEXLOWER
        .decode(text.as_bytes())
        .map_err(serde::de::Error::custom)?;
    octets
        .try_into()
        .map_err(|_| serde::de::Error::custom("a SHA-256 has 32 octets"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_the_data_folder() {
        for name in [
            "ledger.sqlite3",
            "chancery.toml",
            "keys/a-ca.p8",
            "public/a.crl",
            "profiles/x.toml",
        ] {
            assert!(is_ours(name), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            "/etc/passwd",
            "../x",
            "keys",
            "keys/",
            "keys/..",
            "keys/../x",
            "keys/./x",
            "keys//x",
            "keys/a/b",
            "server/key.pem",
            "other/x",
            "public/.lock",
            "manifest.json",
            "./chancery.toml",
        ] {
            assert!(!is_ours(name), "{name}");
        }
    }

    #[test]
    fn newer_and_broken_manifests_are_told_apart() {
        let newer = Manifest::parse(br#"{"format": 2, "files": {}}"#);
        assert!(
            matches!(newer, Err(BackupError::Newer { found: 2, known: 1 })),
            "{newer:?}"
        );
        for broken in [
            "",
            "{}",
            r#"{"format": 1}"#,
            r#"{"format":1,"chancery":"1","created_at":1,"files":[]}"#,
        ] {
            let refused = Manifest::parse(broken.as_bytes());
            assert!(
                matches!(refused, Err(BackupError::BadManifest { .. })),
                "{broken}: {refused:?}"
            );
        }
    }
}
