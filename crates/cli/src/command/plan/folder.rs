//! A folder with a proposal.
//!
//! The author of a pull request controls its contents: links that lead out of it, and anything that is not a file, are
//! not read.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use chancery_authority::issue::CsrFileName;
use chancery_contract::plan::{Proposal, Unreadable};
use chancery_contract::{REVOKED_JSON, REVOKED_ROOT_CA_JSON, TLS_JSON, budget};

/// The subfolder with the CSRs.
const CSRS: &str = "csrs";

/// The lists that a proposal may contain.
const LISTS: [&str; 3] = [TLS_JSON, REVOKED_JSON, REVOKED_ROOT_CA_JSON];

/// A folder that exists.
pub(super) struct Folder {
    /// Path as the user gave it.
    given: PathBuf,
    /// Path with links resolved.
    real: PathBuf,
}

impl Folder {
    /// Opens a folder, which may be empty.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let real = fs::canonicalize(path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(
            real.is_dir(),
            "{} is no folder: name the one that holds tls.json",
            path.display()
        );
        Ok(Self {
            given: path.to_owned(),
            real,
        })
    }

    /// Whether any of the lists is there, readable or not.
    pub(super) fn has_lists(&self) -> bool {
        LISTS
            .iter()
            .any(|name| fs::symlink_metadata(self.real.join(name)).is_ok())
    }

    /// The path as the user gave it.
    pub(super) fn shown(&self) -> String {
        self.given.display().to_string()
    }

    /// The resolved path of a file in it; `None` where there is none.
    fn within(&self, name: &Path) -> Result<Option<PathBuf>, Unreadable> {
        match fs::canonicalize(self.real.join(name)) {
            Ok(path) if path.starts_with(&self.real) => Ok(Some(path)),
            Ok(_) => Err(other("it is a link that leads out of the folder, and is not read")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(other(error)),
        }
    }

    fn read(&self, name: &Path, limit: usize) -> Result<Option<Vec<u8>>, Unreadable> {
        let Some(path) = self.within(name)? else {
            return Ok(None);
        };
        // Checked before it is opened: opening a pipe waits for a writer.
        let facts = fs::metadata(&path).map_err(other)?;
        if !facts.is_file() {
            return Err(other("it is no file"));
        }
        let mut octets = Vec::new();
        let file = File::open(&path).map_err(other)?;
        file.take(limit as u64 + 1).read_to_end(&mut octets).map_err(other)?;
        if octets.len() > limit {
            let actual = usize::try_from(facts.len()).unwrap_or(usize::MAX).max(octets.len());
            return Err(Unreadable::TooLong { actual, limit });
        }
        Ok(Some(octets))
    }
}

fn other(error: impl std::fmt::Display) -> Unreadable {
    Unreadable::Other {
        detail: error.to_string(),
    }
}

impl Proposal for Folder {
    fn list(&self, name: &'static str) -> Result<Option<Vec<u8>>, Unreadable> {
        self.read(Path::new(name), budget::LIST)
    }

    fn csr(&self, name: &CsrFileName) -> Result<Option<Vec<u8>>, Unreadable> {
        self.read(&Path::new(CSRS).join(name.as_str()), budget::CSR)
    }

    /// Names without a leading dot, which excludes `.gitkeep`: no entry can name such a file.
    fn csr_names(&self) -> Result<Vec<String>, Unreadable> {
        let Some(folder) = self.within(Path::new(CSRS))? else {
            return Ok(Vec::new());
        };
        let entries = fs::read_dir(folder).map_err(other)?;
        let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
        let names: Vec<String> = names.collect::<io::Result<_>>().map_err(other)?;
        Ok(names.into_iter().filter(|name| !name.starts_with('.')).collect())
    }

    fn place(&self) -> String {
        format!("the folder {}", self.given.join(CSRS).display())
    }
}
