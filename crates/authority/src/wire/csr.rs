//! Where a request's CSR comes from.

use std::fmt;

use chancery_x509::name::Subject;

use super::{Malformed, RequestedNames};

/// The CSR of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CsrSource {
    /// In the request (`base64_csr_data`): PEM or DER.
    Inline(Vec<u8>),
    /// In a file that the front keeps (`csr_file`).
    File(CsrFile),
}

/// A CSR file that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsrFile {
    /// Its name.
    pub name: CsrFileName,
    /// What the front found under that name.
    pub found: FoundCsr,
    /// Names that an operator's list gives to the file: a request may have these, beside the CSR's own. Looked
    /// up, and no part of the request as it was sent.
    pub listed: Vec<ListedNames>,
}

/// What a front end found under the name of a CSR file. Whether a caller learns that depends on who it is: see
/// [`Refusal::CsrFileNotFound`](crate::issue::Refusal::CsrFileNotFound).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundCsr {
    /// Nobody has looked yet.
    Unread,
    /// No such file.
    Missing {
        /// Where it was looked for, e.g. `S3 bucket 'my-bucket'`.
        place: String,
    },
    /// More octets than a CSR has.
    TooLong {
        /// Octets found.
        actual: usize,
        /// The limit.
        limit: usize,
        /// Where.
        place: String,
    },
    /// It is there, and cannot be read.
    Unreadable {
        /// Why, for the log.
        detail: String,
        /// Where.
        place: String,
    },
    /// Its content.
    Content {
        /// The octets.
        octets: Vec<u8>,
        /// Where.
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
    /// Where it was looked for.
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

/// Name of a CSR file, without folder: 1 to 200 letters, digits, spaces and `._-@+=,`, not beginning with a dot. It names
/// no other folder whatever it is appended to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CsrFileName(String);

impl CsrSource {
    /// The octets, where they are at hand.
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
    /// Checks and keeps.
    pub fn new(text: &str) -> Result<Self, Malformed> {
        let legal = |letter: char| letter.is_alphanumeric() || " ._-@+=,".contains(letter);
        if (1..=200).contains(&text.len()) && !text.starts_with('.') && text.chars().all(legal) {
            return Ok(Self(text.to_owned()));
        }
        Err(Malformed::CsrFileName {
            name: text.chars().take(80).collect(),
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CsrFileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
