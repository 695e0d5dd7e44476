//! The files of sealed keys: their names, and writing them completely or not at all.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chancery_authority::port::{KeyName, KeyStoreError};

use crate::plain;

/// More octets than any key file has: RSA-4096 takes 3.5 kB.
const MAX_FILE: u64 = 64 << 10;

const PRIVATE: &str = "key";
const PUBLIC: &str = "pub";

/// Paths of one key's two files.
pub(super) struct Files {
    pub(super) private: PathBuf,
    pub(super) public: PathBuf,
}

impl Files {
    /// The files of a key; `None` for a name that is not a plain file name, e.g. one that leads out of the folder.
    pub(super) fn of(folder: &Path, key: &KeyName) -> Option<Self> {
        let name = &key.0;
        let allowed = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.');
        let sound = (1..=128).contains(&name.len()) && name.bytes().all(allowed) && !name.starts_with(['.', '-']);
        sound.then(|| Self {
            private: folder.join(format!("{name}.{PRIVATE}")),
            public: folder.join(format!("{name}.{PUBLIC}")),
        })
    }
}

/// Names of the keys whose private file is in the folder, sorted.
pub(super) fn names(folder: &Path) -> io::Result<Vec<KeyName>> {
    let listing = match folder.read_dir() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listing => listing?,
    };
    let mut found = Vec::new();
    for entry in listing {
        let file_name = entry?.file_name();
        let name = file_name
            .to_str()
            .and_then(|name| name.strip_suffix(PRIVATE)?.strip_suffix('.'));
        let name = name.map(|name| KeyName(name.to_owned()));
        found.extend(name.filter(|name| Files::of(folder, name).is_some()));
    }
    found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// Contents of a file; `None` where there is none.
pub(in crate::keys) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match plain::open_linked(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut octets = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut octets)?;
    if octets.len() as u64 > MAX_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "no key file is that large"));
    }
    Ok(Some(octets))
}

/// Writes a file that appears completely or not at all, also after a crash; an existing one is an error of the kind
/// `AlreadyExists`.
pub(in crate::keys) fn write_new(path: &Path, octets: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".")
        .suffix(".tmp")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)?;
    file.write_all(octets)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    // The name is durable only once its folder is.
    File::open(folder)?.sync_all()
}

/// An error of reading or writing, as an error of the key store.
pub(in crate::keys) fn store_error(path: &Path, error: &io::Error) -> KeyStoreError {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::PermissionDenied => KeyStoreError::Denied {
            detail: format!("{path}: {error}; let this user read and write the folder of keys"),
        },
        io::ErrorKind::ReadOnlyFilesystem => KeyStoreError::Unavailable {
            detail: format!("{path}: {error}; mount it writable, or choose another folder"),
        },
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => KeyStoreError::Unavailable {
            detail: format!("{path}: {error}; free space on its disk"),
        },
        _ => KeyStoreError::Unavailable {
            detail: format!("{path}: {error}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_lead_out_of_the_folder() {
        let folder = Path::new("/keys");
        for bad in [
            "",
            ".",
            "..",
            "../root",
            "a/b",
            "a\\b",
            "a b",
            "-rf",
            ".hidden",
            "ключ",
            &"x".repeat(129),
        ] {
            assert!(Files::of(folder, &KeyName(bad.to_owned())).is_none(), "{bad:?}");
        }
        let files = Files::of(folder, &KeyName("chancery-root-ca_2.old".to_owned())).unwrap();
        assert_eq!(files.private, Path::new("/keys/chancery-root-ca_2.old.key"));
        assert_eq!(files.public, Path::new("/keys/chancery-root-ca_2.old.pub"));
    }

    #[test]
    fn a_file_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        write_new(&path, b"first", 0o600).unwrap();
        assert_eq!(
            write_new(&path, b"second", 0o600).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(read(&path).unwrap().unwrap(), b"first");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(folder.path().read_dir().unwrap().count(), 1, "nothing is left behind");
        assert_eq!(names(folder.path()).unwrap(), [KeyName("a".into())]);
    }

    #[test]
    fn huge_files_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(read(&path).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
