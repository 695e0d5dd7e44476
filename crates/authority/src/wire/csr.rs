//! The CSR of a request, inline or in a file.

use std::fmt;

use chancery_x509::name::Subject;

use super::{Malformed, RequestedNames};

/// The CSR of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CsrSource {
    /// In the request (`base64_csr_data`): PEM or DER.
    Inline(Vec<u8>),
    /// In a file that the front end stores (`csr_file`).
    File(CsrFile),
}

/// A CSR file that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsrFile {
    /// Its name.
    pub name: CsrFileName,
    /// What the front end found under that name.
    pub found: FoundCsr,
    /// Names that an operator's list gives to the file: a request may use these in addition to the CSR's own. Looked
    /// up, not part of the request as sent.
    pub listed: Vec<ListedNames>,
}

/// What a front end found under the name of a CSR file. Whether a caller learns that depends on who it is: see
/// [`Refusal::CsrFileNotFound`](crate::issue::Refusal::CsrFileNotFound).
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

/// The names that one entry of `tls.json` gives to its CSR file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedNames {
    /// Subject fields.
    pub subject: Subject,
    /// Alternative names.
    pub alt_names: RequestedNames,
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

/// Name of a CSR file, without folder: 1 to 200 octets of letters, digits, spaces and `._-@+=,`, not beginning with a
/// dot. It stays within the folder that it is appended to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CsrFileName(String);

impl CsrSource {
    /// The CSR's octets, where they are available.
    pub fn octets(&self) -> Option<&[u8]> {
        match self {
            Self::Inline(octets)
            | Self::File(CsrFile {
                found: FoundCsr::Content { octets, .. },
                ..
            }) => Some(octets),
            Self::File(_) => None,
        }
    }
}

impl CsrFileName {
    /// Validates the text.
    pub fn new(text: &str) -> Result<Self, Malformed> {
        let legal = |letter: char| letter.is_alphanumeric() || " ._-@+=,".contains(letter);
        if (1..=200).contains(&text.len()) && !text.starts_with('.') && text.chars().all(legal) {
            return Ok(Self(text.to_owned()));
        }
        Err(Malformed::CsrFileName {
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
