//! Why something is not a CRL.

use crate::pem::PemError;
use crate::serial::Serial;

/// Why bytes are not a CRL, or not one that can be used here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrlError {
    /// Neither DER nor PEM labelled X509 CRL.
    #[error("this is not a CRL, which is X.509 in PEM or DER: {why}")]
    NotACrl {
        /// What is wrong, as far as it can be determined.
        why: PemError,
    },
    /// Not the structure of RFC 5280.
    #[error("the CRL is malformed: {detail}")]
    Malformed {
        /// What is wrong.
        detail: &'static str,
    },
    /// An entry has a critical extension that is not supported here, and so the CRL must not be used for any
    /// certificate (RFC 5280 section 5.3).
    #[error("an entry of the CRL has the critical extension {oid}, which is not supported; the CRL cannot be used")]
    CriticalEntryExtension {
        /// Its object identifier.
        oid: String,
    },
    /// A delta CRL's entry that removes a certificate from the base CRL.
    #[error(
        "the entry of serial {serial} removes it from a base CRL (removeFromCRL): delta CRLs are not supported here"
    )]
    RemoveFromCrl {
        /// The certificate's serial number.
        serial: Serial,
    },
}
