//! The lines of the signing log: writing them, and reading them back across its files.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chancery_authority::port::{KeyName, Receipt};
use chancery_x509::algorithm::{CaKeyAlgorithm, SigningInput};
use data_encoding::HEXLOWER;
use serde::Deserialize;

use super::LogError;
use super::receipt::Made;
use crate::plain;

/// One signature, as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// When it was made, to the microsecond.
    pub time: jiff::Timestamp,
    /// The name of this entry, which the ledger records, too.
    pub receipt: Receipt,
    /// The key that signed.
    pub key: KeyName,
    /// That key's algorithm.
    pub algorithm: CaKeyAlgorithm,
    /// What was signed: a digest, or ML-DSA's µ.
    pub input: Vec<u8>,
}

/// Entries in the order of the files and of the lines within each; a line that is no entry is an error, after which
/// reading continues.
#[derive(Debug)]
pub struct Entries {
    current: Option<(PathBuf, BufReader<File>)>,
    line: u64,
    buffer: Vec<u8>,
    /// Files still to read, the next one last.
    next: Vec<(PathBuf, File)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    time: String,
    receipt: String,
    key: String,
    algorithm: String,
    input: String,
}

/// Writes an entry's line into `line`, with its final line feed.
pub(super) fn write_line(
    line: &mut Vec<u8>,
    made: &Made,
    key: &KeyName,
    algorithm: CaKeyAlgorithm,
    input: &SigningInput,
) {
    line.clear();
    let mut hexadecimal = [0; 128];
    let hexadecimal = &mut hexadecimal[..HEXLOWER.encode_len(input.as_bytes().len())];
    HEXLOWER.encode_mut(input.as_bytes(), hexadecimal);

    // Writing to a vector cannot fail, and neither can writing a string as JSON.
    let _ = write!(
        line,
        r#"{{"time":"{:.6}","receipt":"{}","key":"#,
        made.time, made.receipt.0
    );
    let _ = serde_json::to_writer(&mut *line, &key.0);
    let _ = write!(line, r#","algorithm":"{}","input":""#, algorithm.name());
    line.extend_from_slice(hexadecimal);
    line.extend_from_slice(b"\"}\n");
}

/// The name of the `number`th renamed file.
pub(super) fn numbered(log: &Path, number: u64) -> PathBuf {
    let mut name = OsString::from(log);
    name.push(format!(".{number}"));
    name.into()
}

/// The renamed files, oldest first.
pub(super) fn rotated(log: impl AsRef<Path>) -> io::Result<Vec<(u64, PathBuf)>> {
    let log = log.as_ref();
    let (Some(folder), Some(name)) = (log.parent(), log.file_name().and_then(|name| name.to_str())) else {
        return Ok(Vec::new());
    };
    let listing = match folder.read_dir() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listing => listing?,
    };
    let mut found = Vec::new();
    for entry in listing {
        let entry = entry?;
        let number = entry.file_name().to_str().and_then(|other| {
            let number = other.strip_prefix(name)?.strip_prefix('.')?;
            number.parse::<u64>().ok().filter(|parsed| parsed.to_string() == number)
        });
        found.extend(number.map(|number| (number, entry.path())));
    }
    found.sort_unstable();
    Ok(found)
}

impl Entries {
    /// Opens every file at once, the current one first: one that is renamed meanwhile is still read, and only once.
    pub(super) fn of(log: &Path) -> Result<Self, LogError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| LogError::Io { path, source }
        };
        let current = match plain::open_linked(log) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            opened => Some(opened.map_err(io(log))?),
        };
        let identity = |file: &File| file.metadata().map(|metadata| (metadata.dev(), metadata.ino()));
        let current_identity = current.as_ref().map(identity).transpose().map_err(io(log))?;

        let mut files = Vec::new();
        for (_, path) in rotated(log).map_err(io(log))? {
            let file = plain::open_linked(&path).map_err(io(&path))?;
            if Some(identity(&file).map_err(io(&path))?) != current_identity {
                files.push((path, file));
            }
        }
        files.extend(current.map(|file| (log.to_owned(), file)));
        files.reverse();
        Ok(Self {
            current: None,
            line: 0,
            buffer: Vec::new(),
            next: files,
        })
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((path, file)) = &mut self.current else {
                let (path, file) = self.next.pop()?;
                self.current = Some((path, BufReader::new(file)));
                self.line = 0;
                continue;
            };
            self.buffer.clear();
            match file.read_until(b'\n', &mut self.buffer) {
                Ok(0) => self.current = None,
                Ok(_) => {
                    self.line += 1;
                    return Some(parse(&self.buffer).ok_or(LogError::Torn {
                        path: path.clone(),
                        line: self.line,
                    }));
                }
                Err(source) => {
                    let path = path.clone();
                    self.current = None;
                    return Some(Err(LogError::Io { path, source }));
                }
            }
        }
    }
}

fn parse(line: &[u8]) -> Option<Entry> {
    let line: Line = serde_json::from_slice(line).ok()?;
    Some(Entry {
        time: line.time.parse().ok()?,
        receipt: Receipt(line.receipt),
        key: KeyName(line.key),
        algorithm: CaKeyAlgorithm::from_name(&line.algorithm)?,
        input: HEXLOWER.decode(line.input.as_bytes()).ok()?,
    })
}
