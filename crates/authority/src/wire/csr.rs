//! Where a request's CSR comes from.

use std::fmt;

use super::Malformed;

/// The CSR of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CsrSource {
    /// In the request (`base64_csr_data`): PEM or DER.
    Inline(Vec<u8>),
    /// In a file that the front keeps (`csr_file`).
    File {
        /// Its name.
        name: CsrFileName,
        /// Its content, once the front has read it.
        contents: Option<Vec<u8>>,
    },
}

/// Name of a CSR file, without folder: 1 to 200 letters, digits, spaces and `._-@+=,`, not beginning with a dot. It names
/// no other folder whatever it is appended to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CsrFileName(String);

impl CsrSource {
    /// The octets, where they are at hand.
    pub fn octets(&self) -> Option<&[u8]> {
        match self {
            Self::Inline(octets) => Some(octets),
            Self::File { contents, .. } => contents.as_deref(),
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
