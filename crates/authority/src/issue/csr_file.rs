//! A CSR file that operators keep, and what a front found under its name.

use std::fmt;

use super::requested_names::ListedNames;

/// A CSR file that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsrFile {
    /// Its name.
    pub name: CsrFileName,
    /// What the front found under that name.
    pub found: FoundCsr,
    /// Names that an operator's list gives to the file: a request may use these in addition to the CSR's own. Looked
    /// up, not part of the request as sent.
    pub listed: Vec<ListedNames>,
}

/// What a front found under the name of a CSR file. Whether a caller learns that depends on who it is: see
/// [`Refusal::CsrFileNotFound`](super::Refusal::CsrFileNotFound).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundCsr {
    /// The file has not been read yet.
    Unread,
    /// No such file.
    Missing {
        /// The location that was searched, e.g. `S3 bucket 'my-bucket'`.
        place: String,
    },
    /// Longer than a CSR may be.
    TooLong {
        /// Length in octets.
        actual: usize,
        /// The limit in octets.
        limit: usize,
        /// The location that was searched.
        place: String,
    },
    /// It exists, but cannot be read.
    Unreadable {
        /// Why, for the log.
        detail: String,
        /// The location that was searched.
        place: String,
    },
    /// The file was read.
    Content {
        /// The file's content.
        octets: Vec<u8>,
        /// The location that was searched.
        place: String,
    },
}

/// Name of a CSR file, without folder: 1 to 200 octets of letters, digits, spaces and `._-@+=,`, not beginning with a
/// dot. It stays within the folder that it is appended to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CsrFileName(String);

/// The error for a text that is no [`CsrFileName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("csr_file {name:?} is no file name: use letters, digits, spaces and ._-@+=, without any folder")]
pub struct NoCsrFileName {
    /// As given, shortened to 80 characters.
    pub name: String,
}

impl FoundCsr {
    /// The location that was searched.
    pub fn place(&self) -> &str {
        match self {
            Self::Unread => "this authority, which takes no CSR files here: send the CSR as base64_csr_data",
            Self::Missing { place }
            | Self::TooLong { place, .. }
            | Self::Unreadable { place, .. }
            | Self::Content { place, .. } => place,
        }
    }
}

impl CsrFileName {
    /// Validates the text.
    pub fn new(text: &str) -> Result<Self, NoCsrFileName> {
        let legal = |letter: char| letter.is_alphanumeric() || " ._-@+=,".contains(letter);
        if (1..=200).contains(&text.len()) && !text.starts_with('.') && text.chars().all(legal) {
            return Ok(Self(text.to_owned()));
        }
        Err(NoCsrFileName {
            name: text.chars().take(80).collect(),
        })
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CsrFileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
