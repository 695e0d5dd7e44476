//! The data folder: all files of one authority on one machine.
//!
//! | name | what |
//! |---|---|
//! | `chancery.toml` | the configuration |
//! | `profiles/NAME.toml` | profiles in addition to the built-in ones |
//! | `ledger.sqlite3` | the ledger |
//! | `keys/` | sealed CA keys |
//! | `public/` | published files |
//! | `csrs/` | certification requests that requests name as `csr_file` |
//! | `server/` | the server's own key and certificate |
//!
//! The folder belongs to one user and is closed to all others: a user who can write in it controls the authority.
//! `chancery start` holds a lock on it. Other commands work beside a running server without that lock, because the
//! ledger's locks keep processes apart.

mod fault;
mod others;

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chancery_authority::issue::CsrFileName;
use chancery_contract::budget;

pub use fault::{FolderError, remedy};

use crate::keys::log;
use crate::ledger::schema::sync_folder;
use crate::plain;

/// Environment variable that names the data folder.
pub const ENVIRONMENT: &str = "CHANCERY_DIR";

/// Largest configuration or profile, in octets.
const MAX_TEXT: u64 = 1 << 20;

/// Mode bits that let users other than the owner write.
const OTHERS_WRITE: u32 = 0o022;

/// A data folder that exists and passed the checks of owner and mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFolder {
    path: PathBuf,
}

/// Held by the one process that serves an authority; ends with the value, or with the process however that ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

/// A file of `profiles/`.
#[derive(Debug)]
pub struct ProfileText {
    /// Its name, without `.toml`.
    pub name: String,
    /// Its contents, or why they cannot be read.
    pub text: Result<String, FolderError>,
}

impl DataFolder {
    /// The folder used where the user names none: `$CHANCERY_DIR`, else `$XDG_DATA_HOME/chancery`, else
    /// `~/.local/share/chancery`.
    pub fn default_path() -> Result<PathBuf, FolderError> {
        default_path_from(|name| std::env::var_os(name).map(PathBuf::from)).ok_or(FolderError::NoDefault)
    }

    /// Opens a folder that holds an authority: one with a configuration or a ledger.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, FolderError> {
        let path = path.into();
        check(&path)?;
        let folder = Self { path };
        if !folder.holds_authority() {
            return Err(FolderError::Missing { path: folder.path });
        }
        folder.make_rooms()?;
        Ok(folder)
    }

    /// Opens a folder, made where it is missing, accessible to its owner only.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, FolderError> {
        let path = path.into();
        make_folder(&path)?;
        check(&path)?;
        let folder = Self { path };
        folder.make_rooms()?;
        Ok(folder)
    }

    /// Whether it contains an authority already.
    pub fn holds_authority(&self) -> bool {
        self.config_file().exists() || self.ledger_file().exists()
    }

    /// Whether there are CA keys, or a log of what CA keys in a token signed.
    pub fn has_keys(&self) -> Result<bool, FolderError> {
        let folder = self.keys();
        let failed = |source| FolderError::Io {
            path: folder.clone(),
            source,
        };
        let mut names = fs::read_dir(&folder).map_err(failed)?;
        names
            .try_fold(false, |found, entry| {
                let name = PathBuf::from(entry?.file_name());
                let is_key = name.extension().is_some_and(|extension| extension == "key");
                Ok(found || is_key || name == Path::new(log::FILE))
            })
            .map_err(failed)
    }

    fn make_rooms(&self) -> Result<(), FolderError> {
        let rooms = [self.profiles(), self.keys(), self.public(), self.csrs(), self.server()];
        rooms.iter().try_for_each(|room| {
            make_folder(room)?;
            check(room)
        })
    }

    /// Whether it is on a file system that is mounted read-only.
    pub fn is_read_only(&self) -> bool {
        rustix::fs::access(&self.path, rustix::fs::Access::WRITE_OK) == Err(rustix::io::Errno::ROFS)
    }

    /// Which permissions are wider than they should be, with what to do about each.
    pub fn warnings(&self) -> Vec<String> {
        others::warnings(&self.path, &self.keys())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `chancery.toml`
    pub fn config_file(&self) -> PathBuf {
        self.path.join("chancery.toml")
    }

    /// `profiles/`
    pub fn profiles(&self) -> PathBuf {
        self.path.join("profiles")
    }

    /// `ledger.sqlite3`
    pub fn ledger_file(&self) -> PathBuf {
        self.path.join("ledger.sqlite3")
    }

    /// `keys/`
    pub fn keys(&self) -> PathBuf {
        self.path.join("keys")
    }

    /// `public/`
    pub fn public(&self) -> PathBuf {
        self.path.join("public")
    }

    /// `csrs/`
    pub fn csrs(&self) -> PathBuf {
        self.path.join("csrs")
    }

    /// `server/`
    pub fn server(&self) -> PathBuf {
        self.path.join("server")
    }

    /// Takes the lock of the one process that serves or creates this authority. Does not wait.
    pub fn lock(&self) -> Result<FolderLock, FolderError> {
        self.lock_file(".lock", |path, process| FolderError::Locked { path, process })
    }

    /// Takes the lock of the one command that changes the configuration. Does not wait.
    pub fn lock_config(&self) -> Result<FolderLock, FolderError> {
        self.lock_file(".config-lock", |path, process| FolderError::ConfigLocked {
            path,
            process,
        })
    }

    fn lock_file(
        &self,
        name: &str,
        locked: fn(PathBuf, Option<u32>) -> FolderError,
    ) -> Result<FolderLock, FolderError> {
        let path = self.path.join(name);
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|source| FolderError::Io {
                path: path.clone(),
                source,
            })?;
        match file.try_lock() {
            Ok(()) => {
                // For the error message of other processes. The lock holds without it, so a full disk does not prevent
                // locking.
                let _ = write_number(&file);
                Ok(FolderLock { _file: file })
            }
            Err(TryLockError::WouldBlock) => Err(locked(self.path.clone(), read_number(&file))),
            Err(TryLockError::Error(source)) => Err(FolderError::Io { path, source }),
        }
    }

    /// Since when a process serves this authority, or creates it; `None` where none does now.
    pub fn served_since(&self) -> Result<Option<SystemTime>, FolderError> {
        let path = self.path.join(".lock");
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(FolderError::Io { path, source }),
        };
        let since = match file.try_lock_shared() {
            Ok(()) => return Ok(None),
            // The process wrote its number into the file when it had locked it.
            Err(TryLockError::WouldBlock) => file.metadata().and_then(|facts| facts.modified()),
            Err(TryLockError::Error(source)) => Err(source),
        };
        since.map(Some).map_err(|source| FolderError::Io { path, source })
    }

    /// The configuration's text; `None` where there is none.
    pub fn config(&self) -> Result<Option<String>, FolderError> {
        read_text(&self.config_file())
    }

    /// The texts of the profiles in `profiles/`, by name without `.toml`, ordered by it. A file that cannot be read
    /// does not affect the others.
    pub fn profile_texts(&self) -> Result<Vec<ProfileText>, FolderError> {
        let folder = self.profiles();
        let failed = |source| FolderError::Io {
            path: folder.clone(),
            source,
        };
        let mut profiles = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let Some(stem) = path.file_stem() else { continue };
            let text = match stem.to_str() {
                Some(_) => read_text(&path).transpose(),
                None => Some(Err(FolderError::NotText { path: path.clone() })),
            };
            if let Some(text) = text {
                profiles.push(ProfileText {
                    name: stem.to_string_lossy().into_owned(),
                    text,
                });
            }
        }
        profiles.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(profiles)
    }

    /// Writes the configuration, completely or not at all.
    pub fn write_config(&self, text: &str) -> Result<(), FolderError> {
        write_whole(&self.config_file(), text.as_bytes())
    }

    /// Writes a profile, completely or not at all.
    pub fn write_profile(&self, name: &str, text: &str) -> Result<(), FolderError> {
        let name = format!("{name}.toml");
        write_whole(&self.profiles().join(plain_name(&name)?), text.as_bytes())
    }

    /// The octets of `csrs/NAME`; `None` where there is no such file.
    ///
    /// The name comes from a request; its type excludes path separators. A link is not followed, since it could lead
    /// out of the folder.
    pub fn csr_file(&self, name: &CsrFileName) -> Result<Option<Vec<u8>>, FolderError> {
        let path = self.csrs().join(name.as_str());
        let failed = |source| FolderError::Io {
            path: path.clone(),
            source,
        };
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
            // A pipe would block, a link could lead to a key.
            Ok(facts) if !facts.is_file() => Ok(None),
            Ok(_) => read_limited(&path, budget::CSR as u64),
        }
    }
}

/// Writes this process's id.
fn write_number(mut file: &File) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

/// The id of the process that wrote it; `None` while it is being written.
fn read_number(file: &File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim_end().parse().ok()
}

fn default_path_from(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    // The XDG Base Directory Specification: paths that are not absolute are to be ignored.
    let absolute = |name| variable(name).filter(|path| path.is_absolute());
    let chosen = variable(ENVIRONMENT).filter(|path| !path.as_os_str().is_empty());
    let in_data_home = || absolute("XDG_DATA_HOME").map(|data| data.join("chancery"));
    let in_home = || absolute("HOME").map(|home| home.join(".local/share/chancery"));
    chosen.or_else(in_data_home).or_else(in_home)
}

fn check(path: &Path) -> Result<(), FolderError> {
    let facts = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(FolderError::Missing { path: path.to_owned() });
        }
        facts => facts.map_err(|source| FolderError::Io {
            path: path.to_owned(),
            source,
        })?,
    };
    if !facts.is_dir() {
        return Err(FolderError::NotAFolder { path: path.to_owned() });
    }
    let user = rustix::process::geteuid().as_raw();
    if facts.uid() != user {
        return Err(FolderError::ForeignOwner {
            path: path.to_owned(),
            owner: facts.uid(),
            user,
        });
    }
    let mode = facts.mode() & 0o7777;
    if mode & OTHERS_WRITE != 0 {
        return Err(FolderError::OpenToOthers {
            path: path.to_owned(),
            mode,
        });
    }
    if let Some((parent, mode)) = others::replaceable_by_anybody(path) {
        return Err(FolderError::ParentOpenToOthers {
            path: path.to_owned(),
            parent,
            mode,
        });
    }
    Ok(())
}

pub(crate) fn make_folder(path: &Path) -> Result<(), FolderError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => FolderError::NotAFolder { path: path.to_owned() },
        _ => FolderError::Io {
            path: path.to_owned(),
            source,
        },
    })
}

fn plain_name(name: &str) -> Result<&str, FolderError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if (1..=255).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(legal) {
        Ok(name)
    } else {
        Err(FolderError::BadName {
            name: name.chars().take(80).collect(),
        })
    }
}

/// The text of a file that the operator writes, such as the settings; `None` where there is none. A pipe, a device, or a
/// link that leads nowhere is an error.
pub fn read_text(path: &Path) -> Result<Option<String>, FolderError> {
    let Some(octets) = read_limited(path, MAX_TEXT)? else {
        return Ok(None);
    };
    let text = String::from_utf8(octets).map_err(|_| FolderError::NotText { path: path.to_owned() })?;
    Ok(Some(text))
}

fn read_limited(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, FolderError> {
    let failed = |source| FolderError::Io {
        path: path.to_owned(),
        source,
    };
    let file = match plain::open_linked(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    let mut octets = Vec::new();
    file.take(limit + 1).read_to_end(&mut octets).map_err(failed)?;
    if octets.len() as u64 > limit {
        return Err(FolderError::TooLong {
            path: path.to_owned(),
            len: fs::metadata(path).map_or(limit + 1, |facts| facts.len()),
            limit,
        });
    }
    Ok(Some(octets))
}

fn write_whole(path: &Path, octets: &[u8]) -> Result<(), FolderError> {
    let write = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut draft = tempfile::NamedTempFile::new_in(folder)?;
        draft.write_all(octets)?;
        draft.as_file().sync_all()?;
        draft.persist(path).map_err(|error| error.error)?;
        sync_folder(path)
    };
    write().map_err(|source| FolderError::Io {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_folder_is_closed_to_others() {
        let base = tempfile::tempdir().unwrap();
        let folder = DataFolder::create(base.path().join("a/b")).unwrap();
        for path in [folder.path().to_owned(), folder.keys(), folder.server(), folder.csrs()] {
            assert_eq!(mode(&path), 0o700, "{}", path.display());
        }
    }

    #[test]
    fn a_folder_open_to_others_is_refused_and_so_is_one_of_its_rooms() {
        let base = tempfile::tempdir().unwrap();
        let folder = DataFolder::create(base.path().join("a")).unwrap();
        folder.write_config("").unwrap();
        for (path, bits) in [
            (folder.path().to_owned(), 0o770),
            (folder.keys(), 0o702),
            (folder.path().to_owned(), 0o1777),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
            let refused = DataFolder::open(folder.path()).unwrap_err();
            assert!(
                matches!(&refused, FolderError::OpenToOthers { mode, .. } if *mode == bits),
                "{refused}"
            );
            assert!(refused.to_string().contains("chmod 700"));
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        }
        DataFolder::open(folder.path()).unwrap();
    }

    #[test]
    fn somebody_elses_folder_is_refused() {
        let base = tempfile::tempdir().unwrap();
        if std::os::unix::fs::chown(base.path(), Some(12_345), None).is_err() {
            // Only root can change a folder's owner; without that, `/` belongs to another user.
            assert!(matches!(check(Path::new("/")), Err(FolderError::ForeignOwner { .. })));
            return;
        }
        let refused = DataFolder::create(base.path());
        assert!(
            matches!(refused, Err(FolderError::ForeignOwner { owner: 12_345, .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn a_folder_without_authority_is_missing() {
        let base = tempfile::tempdir().unwrap();
        assert!(matches!(
            DataFolder::open(base.path()),
            Err(FolderError::Missing { .. })
        ));
        assert!(matches!(
            DataFolder::open(base.path().join("none")),
            Err(FolderError::Missing { .. })
        ));
        fs::write(base.path().join("file"), "").unwrap();
        assert!(matches!(
            DataFolder::create(base.path().join("file")),
            Err(FolderError::NotAFolder { .. })
        ));
    }

    #[test]
    fn one_process_serves() {
        let base = tempfile::tempdir().unwrap();
        let folder = DataFolder::create(base.path()).unwrap();
        let lock = folder.lock().unwrap();
        assert!(matches!(folder.lock(), Err(FolderError::Locked { .. })));
        drop(lock);
        folder.lock().unwrap();
    }

    #[test]
    fn csr_files_are_those_of_the_folder() {
        let base = tempfile::tempdir().unwrap();
        let folder = DataFolder::create(base.path()).unwrap();
        fs::write(folder.csrs().join("server.csr"), b"csr").unwrap();
        fs::write(folder.path().join("secret"), b"secret").unwrap();
        std::os::unix::fs::symlink("../secret", folder.csrs().join("link")).unwrap();
        fs::write(folder.csrs().join("long"), vec![0; 1 << 21]).unwrap();
        let read = |name: &str| folder.csr_file(&CsrFileName::new(name).unwrap());
        assert_eq!(read("server.csr").unwrap(), Some(b"csr".to_vec()));
        assert_eq!(read("none").unwrap(), None);
        assert_eq!(read("link").unwrap(), None);
        assert!(matches!(
            read("long"),
            Err(FolderError::TooLong { len: 0x0020_0000, .. })
        ));
        // Every name that a request may have is that of a file.
        for name in ["a b+c@d=e,f.csr", "bücher.csr", "a..b", &"x".repeat(200)] {
            fs::write(folder.csrs().join(name), b"own").unwrap();
            assert_eq!(read(name).unwrap(), Some(b"own".to_vec()), "{name:?}");
        }
    }

    #[test]
    fn texts_come_back() {
        let base = tempfile::tempdir().unwrap();
        let folder = DataFolder::create(base.path()).unwrap();
        assert_eq!(folder.config().unwrap(), None);
        folder.write_config("a = 1").unwrap();
        assert_eq!(folder.config().unwrap().as_deref(), Some("a = 1"));
        folder.write_profile("two", "2").unwrap();
        folder.write_profile("one", "1").unwrap();
        fs::write(folder.profiles().join("README"), "no profile").unwrap();
        fs::write(folder.profiles().join("three.toml"), [0xff]).unwrap();
        let mut profiles = folder.profile_texts().unwrap();
        let unreadable = profiles.remove(1);
        assert_eq!(unreadable.name, "three");
        assert!(matches!(unreadable.text, Err(FolderError::NotText { .. })));
        let profiles = profiles.into_iter();
        let profiles: Vec<_> = profiles.map(|profile| (profile.name, profile.text.unwrap())).collect();
        assert_eq!(profiles, [("one".into(), "1".into()), ("two".into(), "2".into())]);
        fs::write(folder.config_file(), [0xff]).unwrap();
        assert!(matches!(folder.config(), Err(FolderError::NotText { .. })));
    }

    #[test]
    fn the_default_is_where_it_was_said() {
        let with = |variables: &[(&str, &str)]| {
            let variables: Vec<_> = variables
                .iter()
                .map(|(name, value)| (name.to_string(), value.into()))
                .collect();
            default_path_from(|name| {
                variables
                    .iter()
                    .find(|(known, _)| known == name)
                    .map(|(_, value): &(_, PathBuf)| value.clone())
            })
        };
        let home = ("HOME", "/home/a");
        assert_eq!(with(&[home]), Some("/home/a/.local/share/chancery".into()));
        assert_eq!(with(&[home, ("XDG_DATA_HOME", "/data")]), Some("/data/chancery".into()));
        assert_eq!(
            with(&[home, ("XDG_DATA_HOME", "data")]),
            Some("/home/a/.local/share/chancery".into())
        );
        assert_eq!(with(&[home, ("CHANCERY_DIR", "here")]), Some("here".into()));
        assert_eq!(
            with(&[home, ("CHANCERY_DIR", "")]),
            Some("/home/a/.local/share/chancery".into())
        );
        assert_eq!(with(&[]), None);
    }
}
