//! The one door to a signature by a CA's key.
//!
//! A [`KeyStore`](crate::port::KeyStore) signs what a [`SigningRequest`](crate::port::SigningRequest) asks for, and only this module makes one, for a
//! [`Purpose`](crate::port::Purpose), after it checked that the input is what the purpose says and what this authority prepared:
//! - `certificate`: a TBSCertificate, a CA's own among them, against the intent that was recorded for it;
//! - `crl`: a TBSCertList, against the intent that was recorded for it;
//! - `backup`: a statement over a backup's manifest, which is no certificate and no CRL.
//!
//! What is about to be signed is recorded before it comes here, and so is each attempt to sign it (`attempt`). Then the key store is
//! asked, and its signature is verified with the issuer's public key: a faulty key store must not get anything out that nobody can
//! verify, or that leaks the key.
//!
//! An intent in a ledger is untrusted: otherwise an attacker who can write there could have anything signed, such as a CA's
//! certificate, a CRL or two octets. So a certificate's intent that is resumed, and did not just come from
//! [`Prepared`](crate::issue::Prepared), must
//! - carry an authentication code that only processes that may prepare certificates can make (`authentication`);
//! - have a TBSCertificate that parses as exactly one, and matches the intent's fields (`Signable::against`);
//! - equal, octet for octet, what the current rules produce for such names, usages and key, and pass every lint.

pub(crate) mod attempt;
pub mod authentication;
pub mod backup;
pub(crate) mod certificate;
pub(crate) mod crl;

use chancery_x509::certificate::CertificateError;

pub(crate) use certificate::{Signable, SignedCertificate, Signer};

use crate::port::{KeyName, KeyStoreError, LedgerError, Receipt};

/// Why something is not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotSignable {
    /// Not made by a process that may prepare certificates, or by a version that did not authenticate its intents.
    #[error("it has no authentication code: an unauthorized process wrote it, or a former version did")]
    NoCode,
    /// The code does not match what is recorded.
    #[error("its authentication code does not match the recorded intent: an unauthorized process wrote or changed it")]
    WrongCode,
    /// The code's key is of a day that is too long past, or in the future.
    #[error(
        "its authentication code is older than {days} days or from the future: it waited too long, a former version made it, \
         or an attacker used an old key", days = crate::port::IntentNonce::DAYS
    )]
    OldCode,
    /// Not a TBSCertificate, or one with trailing data.
    #[error("what is recorded to be signed is no TBSCertificate: {0}")]
    NotATbsCertificate(#[from] CertificateError),
    /// Not a TBSCertList, or not one alone.
    #[error("what is to be signed is no TBSCertList")]
    NotATbsCertList,
    /// The TBSCertificate or TBSCertList does not match the intent.
    #[error("the {what} in what is to be signed is not what is recorded beside it")]
    Differs {
        /// The field that differs.
        what: &'static str,
    },
    /// A leaf's intent with the TBSCertificate of a CA, or the reverse.
    #[error("its TBSCertificate is a CA's, and what is recorded beside it is not, or the other way round")]
    WrongKind,
    /// The current rules forbid it.
    #[error("it may not be issued: {0}")]
    Forbidden(String),
    /// Not the TBSCertificate that this authority would build.
    #[error("its TBSCertificate is not the one that this authority writes for such a certificate")]
    OtherOctets,
}

/// How a signature did not come to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    /// The key store made none, or its answer was lost.
    #[error(transparent)]
    KeyStore(#[from] KeyStoreError),
    /// It made one that does not verify.
    #[error("the key store's signature by {key} does not verify with the key that was expected (receipt {})", receipt.0)]
    BadSignature {
        /// Which key was to sign.
        key: KeyName,
        /// The key store's name for the signature.
        receipt: Receipt,
    },
    /// A further attempt was not made, because it could not be recorded, or another process makes it.
    #[error(transparent)]
    Journal(#[from] LedgerError),
}
