//! Why a recorded CA certificate is not believed.

use crate::ca_name::CaName;
use crate::port::{KeyName, KeyStoreError, LedgerError};

/// Why a CA's certificate is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotBelieved {
    /// The key store has a different key under the name.
    #[error(
        "the certificate recorded for CA {ca_name} is not believed: its key is not {key} in the key store; if that key is the \
         right one, somebody has replaced the certificate in the ledger: restore it"
    )]
    OtherKey {
        /// Which CA.
        ca_name: CaName,
        /// Its key's name.
        key: KeyName,
    },
    /// Not signed by the CA above, or for a root by its own key.
    #[error(
        "the certificate recorded for CA {ca_name} is not believed: it was not signed by {signer}; somebody has replaced it in \
         the ledger: restore it"
    )]
    NotSigned {
        /// Which CA.
        ca_name: CaName,
        /// Who should have signed.
        signer: CaName,
    },
    /// The CA above is not recorded.
    #[error("the certificate recorded for CA {ca_name} is not believed: the CA above it, {parent}, is not recorded")]
    NoParent {
        /// Which CA.
        ca_name: CaName,
        /// The CA above.
        parent: CaName,
    },
    /// Another CA is recorded above it, or none, than the one that the configuration has there, or that signed it.
    #[error(
        "the certificate recorded for CA {ca_name} is not believed: its record has {} above it, and {signer} signed it; somebody \
         has changed the record: restore it", recorded.as_ref().map_or("no CA", CaName::as_str)
    )]
    OtherParent {
        /// Which CA.
        ca_name: CaName,
        /// The CA above it in its record.
        recorded: Option<CaName>,
        /// Who signed its certificate: a name of the configuration, or the issuer's in the certificate.
        signer: String,
    },
    /// The ledger has the CA's certificate in two places, and they differ.
    #[error(
        "the certificate recorded for CA {ca_name} is not the one in its row of the certificates; somebody has replaced one of \
         them: restore it"
    )]
    RecordsDiffer {
        /// Which CA.
        ca_name: CaName,
    },
    /// The ledger has the CA, but no row of its certificate.
    #[error(
        "the certificate recorded for CA {ca_name} is not believed: its row of the certificates is gone, or cannot be read, which \
         would say whether it is revoked; somebody has removed or changed it: restore it"
    )]
    NoRow {
        /// Which CA.
        ca_name: CaName,
    },
    /// The key store does not return the key, so that nothing can be decided.
    #[error("the certificate recorded for CA {ca_name} cannot be compared with its key: {error}")]
    KeyStore {
        /// Which CA.
        ca_name: CaName,
        /// The key store's error.
        error: KeyStoreError,
    },
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl NotBelieved {
    /// Whether the certificate was found to be wrong; `false` where the check itself failed.
    pub fn is_refuted(&self) -> bool {
        match self {
            Self::OtherKey { .. }
            | Self::NotSigned { .. }
            | Self::NoParent { .. }
            | Self::OtherParent { .. }
            | Self::RecordsDiffer { .. }
            | Self::NoRow { .. } => true,
            // A key store that holds the CA's certificate reports the mismatch as damage.
            Self::KeyStore { error, .. } => matches!(error, KeyStoreError::Damaged { .. }),
            Self::Ledger(_) => false,
        }
    }
}
