//! The CAs that exist.

use async_trait::async_trait;

use super::LedgerError;
use crate::ca_name::CaName;
use crate::port::keystore::KeyName;

/// Reads the CAs. One is recorded by completing the intent of its certificate.
#[async_trait]
pub trait Issuers: Send + Sync {
    /// Every CA, parents before children.
    async fn list(&self) -> Result<Vec<AuthorityRecord>, LedgerError>;
}

/// A CA that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityRecord {
    /// Its name.
    pub ca_name: CaName,
    /// The name of the CA above; `None` for a root.
    pub parent: Option<CaName>,
    /// Its key's name.
    pub key: KeyName,
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
}
