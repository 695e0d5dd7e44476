//! Names of CAs, as used in files, rows and commands.

use std::fmt;

/// A CA's name, e.g. `chancery-issuing-ca`: 1 to 63 lower-case letters, digits and inner hyphens, so that it is
/// safe in a path, a URL and a key alias.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct CaName(String);

/// A text that is not a valid CA name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no CA name: use 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends")]
pub struct CaNameError(String);

impl CaName {
    /// Validates the text.
    pub fn new(text: impl Into<String>) -> Result<Self, CaNameError> {
        let text = text.into();
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=63).contains(&text.len()) && text.bytes().all(legal) && !text.starts_with('-') && !text.ends_with('-') {
            Ok(Self(text))
        } else {
            Err(CaNameError(text.chars().take(80).collect()))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for CaName {
    type Err = CaNameError;

    fn from_str(text: &str) -> Result<Self, CaNameError> {
        Self::new(text)
    }
}
