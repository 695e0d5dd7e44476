//! Passphrases and PINs, and where they come from.
//!
//! They are kept in memory that is wiped when dropped, and are never shown: `Debug` is redacted.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

use super::derive::Derivation;
use crate::secret_file;

mod descriptor;

pub use descriptor::InheritedDescriptor;

/// The environment variable that holds the passphrase, where the operator chose that way.
pub const ENVIRONMENT: &str = "CHANCERY_PASSPHRASE";

/// The file in the folder of keys that holds a generated passphrase.
pub const STORED_FILE: &str = "passphrase";

/// The longest passphrase taken, in octets. OpenSSL's command line takes 1,023.
const MAX_OCTETS: usize = 1_023;

/// A passphrase or PIN: 1 to 1,023 octets, wiped from memory when the last clone is dropped, and with it what was derived
/// from it.
#[derive(Clone)]
pub struct Passphrase(Arc<Known>);

struct Known {
    octets: Zeroizing<Vec<u8>>,
    derivation: Derivation,
}

/// Where a passphrase or PIN comes from.
#[derive(Clone)]
#[non_exhaustive]
pub enum PassphraseSource {
    /// At hand already.
    Given(Passphrase),
    /// The first line of a descriptor that the process was given, e.g. a pipe from a secret manager. Read once, then
    /// remembered.
    Descriptor(InheritedDescriptor),
    /// An environment variable, [`ENVIRONMENT`] by custom. Processes of the same user can read it.
    Environment(String),
    /// The first line of a file.
    File(PathBuf),
    /// Whoever can ask a person.
    Prompt(Arc<dyn PassphrasePrompt>),
}

/// Asks a person for a passphrase: implemented where there is a terminal.
pub trait PassphrasePrompt: Send + Sync {
    /// Asks; twice, and only taking equal answers, where `purpose` is [`Purpose::Seal`]. May block.
    fn passphrase(&self, purpose: Purpose) -> Result<Passphrase, PassphraseError>;
}

/// What a passphrase is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To seal a new key: a mistyped passphrase would lose it.
    Seal,
    /// To unseal a key.
    Unseal,
    /// To log in to a token.
    Login,
}

/// A passphrase made by the program and stored beside the keys that it seals.
#[derive(Debug)]
pub struct StoredPassphrase {
    /// The passphrase.
    pub passphrase: Passphrase,
    /// Where it was stored, readable by its owner only.
    pub path: PathBuf,
    /// What the operator must be told, in plain words.
    pub warning: String,
}

/// Why there is no passphrase.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PassphraseError {
    /// An empty one seals nothing.
    #[error(
        "the passphrase is empty: give one of {} characters or more",
        Passphrase::ADVISED_OCTETS
    )]
    Empty,
    /// Longer than other programs could take.
    #[error("the passphrase is longer than {MAX_OCTETS} octets")]
    TooLong,
    /// The environment variable is not set.
    #[error("the environment variable {name} is not set: set it, or choose another source for the passphrase")]
    NotInEnvironment {
        /// The variable.
        name: String,
    },
    /// A file or descriptor could not be read or written.
    #[error("the passphrase cannot be read from or written to {path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The process was not given that descriptor.
    #[error(
        "file descriptor {number} is not open: hand it over, e.g. {number}< FILE or {number}< <(COMMAND) in a shell"
    )]
    NotOpen {
        /// Its number.
        number: u32,
    },
    /// There is a stored one already.
    #[error("{path} exists already: it may seal keys that would be lost with it")]
    AlreadyStored {
        /// Which file.
        path: PathBuf,
    },
    /// Whoever was asked did not answer.
    #[error("no passphrase was given: {detail}")]
    NotAnswered {
        /// Why not.
        detail: String,
    },
}

impl Passphrase {
    /// Fewer octets than this are warned of: see [`weakness`](Self::weakness).
    pub const ADVISED_OCTETS: usize = 12;

    /// A passphrase of these octets (UTF-8 by custom), which are moved, not copied.
    pub fn new(octets: impl Into<Vec<u8>>) -> Result<Self, PassphraseError> {
        let octets = Zeroizing::new(octets.into());
        if octets.is_empty() {
            return Err(PassphraseError::Empty);
        }
        if octets.len() > MAX_OCTETS {
            return Err(PassphraseError::TooLong);
        }
        Ok(Self(Arc::new(Known {
            octets,
            derivation: Derivation::default(),
        })))
    }

    /// A passphrase with 160 random bits, as 32 characters that can be typed.
    pub fn generate() -> Result<Self, PassphraseError> {
        let mut random = Zeroizing::new([0_u8; 20]);
        getrandom::fill(random.as_mut()).map_err(|error| PassphraseError::Io {
            path: PathBuf::from("the system's random numbers"),
            source: io::Error::other(error.to_string()),
        })?;
        Self::new(data_encoding::BASE32_NOPAD.encode(random.as_ref()))
    }

    /// Makes a passphrase and stores it as [`STORED_FILE`] in the folder of keys, mode 0600, for trying things out.
    ///
    /// Read it again through [`PassphraseSource::stored`].
    pub fn generate_stored(folder: &Path) -> Result<StoredPassphrase, PassphraseError> {
        let path = folder.join(STORED_FILE);
        let passphrase = Self::generate()?;
        let io = |source: io::Error| PassphraseError::Io {
            path: path.clone(),
            source,
        };

        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = match options.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(PassphraseError::AlreadyStored { path });
            }
            opened => opened.map_err(io)?,
        };
        let mut line = Zeroizing::new(passphrase.as_bytes().to_vec());
        line.push(b'\n');
        file.write_all(&line).map_err(io)?;
        file.sync_all().map_err(io)?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;

        let warning = format!(
            "The passphrase of the CA keys was generated and stored in {}, beside the keys that it seals: whoever can \
             read that folder holds the CA. Good for trying things out; for real use, keep the passphrase elsewhere, or \
             the keys in a PKCS #11 token.",
            path.display()
        );
        Ok(StoredPassphrase {
            passphrase,
            path,
            warning,
        })
    }

    /// What is weak about it, in words for the operator; `None` if nothing is.
    pub fn weakness(&self) -> Option<String> {
        let characters = String::from_utf8_lossy(self.as_bytes()).chars().count();
        (characters < Self::ADVISED_OCTETS).then(|| {
            format!(
                "the passphrase has {characters} characters: one of fewer than {} can be guessed by whoever copies a \
                 key file; better take five or more random words",
                Self::ADVISED_OCTETS
            )
        })
    }

    /// The octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.octets
    }

    pub(super) fn derivation(&self) -> &Derivation {
        &self.0.derivation
    }
}

impl PassphraseSource {
    /// The environment variable [`ENVIRONMENT`].
    pub fn environment() -> Self {
        Self::Environment(ENVIRONMENT.to_owned())
    }

    /// The passphrase stored in a folder of keys by [`Passphrase::generate_stored`].
    pub fn stored(folder: &Path) -> Self {
        Self::File(folder.join(STORED_FILE))
    }

    /// Gets the passphrase. May block, on a person or a pipe.
    pub fn read(&self, purpose: Purpose) -> Result<Passphrase, PassphraseError> {
        match self {
            Self::Given(passphrase) => Ok(passphrase.clone()),
            Self::Descriptor(descriptor) => first_line(descriptor.file(), &descriptor.path()),
            Self::Environment(name) => match std::env::var_os(name) {
                Some(value) => Passphrase::new(value.into_vec()),
                None => Err(PassphraseError::NotInEnvironment { name: name.clone() }),
            },
            Self::File(path) => {
                let file = secret_file::open(path).map_err(|source| PassphraseError::Io {
                    path: path.clone(),
                    source,
                })?;
                first_line(file, path)
            }
            Self::Prompt(person) => person.passphrase(purpose),
        }
    }

    /// Whether it can be asked again at any time without bothering anybody, so that nobody needs to keep what it answered.
    pub(super) fn keeps_its_answer(&self) -> bool {
        match self {
            Self::Given(_) | Self::Environment(_) | Self::File(_) => true,
            Self::Descriptor(_) | Self::Prompt(_) => false,
        }
    }

    /// Whether asking again may bring another answer.
    pub(super) fn may_answer_anew(&self) -> bool {
        matches!(self, Self::Prompt(_) | Self::File(_))
    }
}

impl PartialEq for Passphrase {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Passphrase {}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

impl fmt::Debug for PassphraseSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(passphrase) => f.debug_tuple("Given").field(passphrase).finish(),
            Self::Descriptor(descriptor) => f.debug_tuple("Descriptor").field(descriptor).finish(),
            Self::Environment(name) => f.debug_tuple("Environment").field(name).finish(),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Prompt(_) => f.write_str("Ask(…)"),
        }
    }
}

/// Reads up to the first line feed, octet by octet: what follows in a pipe belongs to somebody else.
fn first_line(mut file: impl Read, path: &Path) -> Result<Passphrase, PassphraseError> {
    let io = |source: io::Error| PassphraseError::Io {
        path: path.to_owned(),
        source,
    };
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_OCTETS + 2));
    let mut octet = [0_u8];
    while line.len() < MAX_OCTETS + 2 {
        if file.read(&mut octet).map_err(io)? == 0 || octet[0] == b'\n' {
            break;
        }
        line.push(octet[0]);
    }
    octet.zeroize();
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Passphrase::new(std::mem::take(&mut *line))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Person(Purpose);
    impl PassphrasePrompt for Person {
        fn passphrase(&self, purpose: Purpose) -> Result<Passphrase, PassphraseError> {
            assert_eq!(purpose, self.0);
            Passphrase::new("from a person")
        }
    }

    fn inherited(descriptor: &impl std::os::fd::AsRawFd) -> PassphraseSource {
        let number = u32::try_from(descriptor.as_raw_fd()).unwrap();
        PassphraseSource::Descriptor(InheritedDescriptor::take(number).unwrap())
    }

    #[test]
    fn every_source_gives_its_first_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "correct horse\r\nbattery\n").unwrap();
        let file = File::open(&path).unwrap();

        let expected = Passphrase::new("correct horse").unwrap();
        for source in [
            PassphraseSource::Given(expected.clone()),
            PassphraseSource::File(path.clone()),
            inherited(&file),
        ] {
            assert_eq!(source.read(Purpose::Unseal).unwrap(), expected, "{source:?}");
        }
        let asked = PassphraseSource::Prompt(Arc::new(Person(Purpose::Seal)))
            .read(Purpose::Seal)
            .unwrap();
        assert_eq!(asked.as_bytes(), b"from a person");
        // This one is set in every test run.
        let environment = PassphraseSource::Environment("CARGO_MANIFEST_DIR".into())
            .read(Purpose::Unseal)
            .unwrap();
        assert_eq!(
            environment.as_bytes(),
            std::env::var("CARGO_MANIFEST_DIR").unwrap().as_bytes()
        );
    }

    #[test]
    fn a_pipe_keeps_what_follows_the_first_line() {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"passphrase\npin\n").unwrap();
        drop(writer);
        let source = inherited(&reader);
        assert_eq!(source.read(Purpose::Unseal).unwrap().as_bytes(), b"passphrase");
        assert_eq!(source.read(Purpose::Login).unwrap().as_bytes(), b"pin");
        assert!(matches!(source.read(Purpose::Login), Err(PassphraseError::Empty)));
    }

    #[test]
    fn a_descriptor_is_read_as_it_stands_not_opened_anew() {
        // A socket has no name to open it by: whatever opens /dev/fd/N fails on it, as it does on another user's pipe.
        let (reader, mut writer) = std::os::unix::net::UnixStream::pair().unwrap();
        writer.write_all(b"from a socket\n").unwrap();
        let name = format!("/dev/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
        assert!(File::open(name).is_err());
        let source = inherited(&reader);
        assert_eq!(source.read(Purpose::Unseal).unwrap().as_bytes(), b"from a socket");

        // What somebody else has read of a file is read.
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"first\nsecond\n").unwrap();
        io::Seek::seek(&mut file, io::SeekFrom::Start(6)).unwrap();
        let source = inherited(&file);
        assert_eq!(source.read(Purpose::Unseal).unwrap().as_bytes(), b"second");
    }

    #[test]
    fn a_descriptor_that_is_not_open_is_said_to_be_so() {
        for number in [987_654, u32::MAX] {
            let error = InheritedDescriptor::take(number).unwrap_err();
            assert!(
                error.to_string().contains(&format!("descriptor {number} is not open")),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = PassphraseSource::Environment("CHANCERY_TEST_UNSET".into())
            .read(Purpose::Unseal)
            .unwrap_err();
        assert!(error.to_string().contains("CHANCERY_TEST_UNSET is not set"));
        let error = PassphraseSource::File("/nowhere/passphrase".into())
            .read(Purpose::Unseal)
            .unwrap_err();
        assert!(error.to_string().contains("/nowhere/passphrase"));
        assert!(matches!(Passphrase::new(""), Err(PassphraseError::Empty)));
        assert!(matches!(
            Passphrase::new(vec![b'x'; 1_024]),
            Err(PassphraseError::TooLong)
        ));
    }

    #[test]
    fn short_ones_are_warned_of() {
        assert!(Passphrase::new("eleven char").unwrap().weakness().is_some());
        assert!(Passphrase::new("twelve chars").unwrap().weakness().is_none());
        // Characters, not octets: these are six characters in eighteen octets.
        assert!(Passphrase::new("密码密码密码").unwrap().weakness().is_some());
    }

    #[test]
    fn a_generated_one_is_stored_once_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let stored = Passphrase::generate_stored(folder.path()).unwrap();
        assert!(stored.passphrase.weakness().is_none());
        assert!(stored.warning.contains(&stored.path.display().to_string()));
        assert_eq!(stored.path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let read = PassphraseSource::stored(folder.path()).read(Purpose::Unseal).unwrap();
        assert_eq!(read, stored.passphrase);
        assert!(matches!(
            Passphrase::generate_stored(folder.path()),
            Err(PassphraseError::AlreadyStored { .. })
        ));
        assert_eq!(
            PassphraseSource::stored(folder.path()).read(Purpose::Unseal).unwrap(),
            stored.passphrase
        );
    }

    #[test]
    fn it_is_never_shown() {
        let source = PassphraseSource::Given(Passphrase::new("hush hush hush").unwrap());
        assert!(!format!("{source:?}").contains("hush"));
    }
}
