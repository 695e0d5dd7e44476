//! The names that a request asks for.

use chancery_x509::name::Subject;
use chancery_x509::san::AltName;

/// Where the alternative names come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RequestedNames {
    /// From the common name, if it is a domain.
    #[default]
    FromCommonName,
    /// These; empty where every given name is invalid.
    Listed(Vec<AltName>),
}

/// Names that a request asks for, or that an operator's list gives to a CSR file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedNames {
    /// Subject fields.
    pub subject: Subject,
    /// Alternative names.
    pub alt_names: RequestedNames,
}

impl RequestedNames {
    /// The names that are listed.
    pub fn listed(&self) -> &[AltName] {
        match self {
            Self::FromCommonName => &[],
            Self::Listed(names) => names,
        }
    }
}
