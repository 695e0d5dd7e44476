//! The CSR of a request: from the requester, or from a file that operators keep.

use std::fmt;

use chancery_x509::csr::{CertificationRequest, CsrBudget, CsrError};
use chancery_x509::name::Subject;

use super::csr_names;
use super::request::{RequestedNames, budget};
use super::{IssueError, Refusal};

/// Bounds of a CSR. Its requested extensions are bounded even where they are not used.
const CSR_BUDGET: CsrBudget = CsrBudget {
    octets: budget::CSR,
    subject_attributes: 32,
    extensions: 32,
    alt_names: budget::ALT_NAMES,
};

/// A CSR with proof of possession of its key: parsed once, within its budget, and its signature verified.
#[derive(Clone, Debug)]
pub struct Csr {
    verified: CertificationRequest,
    received: Vec<u8>,
    origin: Origin,
}

/// Where a CSR came from.
#[derive(Clone, Debug)]
enum Origin {
    Requester,
    /// A file, which may be used for these names: having its name does not mean having its key.
    File {
        asked: ListedNames,
    },
}

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
/// [`Refusal::CsrFileNotFound`].
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

/// Names that a request asks for, or that an operator's list gives to a CSR file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedNames {
    /// Subject fields.
    pub subject: Subject,
    /// Alternative names.
    pub alt_names: RequestedNames,
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

impl Csr {
    /// The requester's own, PEM or DER, if it is valid and its signature verifies.
    pub fn parse(received: &[u8]) -> Result<Self, CsrError> {
        Ok(Self {
            verified: CertificationRequest::parse(received, &CSR_BUDGET)?,
            received: received.to_vec(),
            origin: Origin::Requester,
        })
    }

    /// The content of a CSR file, if a request for the names `asked` may use it. Every other request gets the same
    /// answer, whether the file is missing, damaged, or belongs to other names.
    pub fn of_file(file: CsrFile, asked: ListedNames) -> Result<Self, IssueError> {
        let verified = csr_names::of_file(&asked, &file)?;
        let received = match file.found {
            FoundCsr::Content { octets, .. } => octets,
            FoundCsr::Unread | FoundCsr::Missing { .. } | FoundCsr::TooLong { .. } | FoundCsr::Unreadable { .. } => {
                Vec::new()
            }
        };
        Ok(Self {
            verified,
            received,
            origin: Origin::File { asked },
        })
    }

    /// The parsed CSR.
    pub fn verified(&self) -> &CertificationRequest {
        &self.verified
    }

    /// The octets that were received, PEM or DER.
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// Whether it came from a file, which stays the same from request to request.
    pub fn is_of_file(&self) -> bool {
        matches!(self.origin, Origin::File { .. })
    }

    /// For a CSR of a file: the names that it may be used for.
    pub(super) fn names_of_file(&self) -> Option<&ListedNames> {
        match &self.origin {
            Origin::Requester => None,
            Origin::File { asked } => Some(asked),
        }
    }
}

/// The content of a CSR file as a CSR.
pub(super) fn parse_file(octets: &[u8]) -> Result<CertificationRequest, Refusal> {
    Ok(CertificationRequest::parse(octets, &CSR_BUDGET)?)
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
