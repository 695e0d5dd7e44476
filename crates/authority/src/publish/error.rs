//! Errors of publishing CRLs and CA certificates.

use std::io;

use chancery_x509::crl::writer::CrlWriteError;
use chancery_x509::time::UnixTime;

use crate::belief::error::NotBelieved;
use crate::ca_name::CaName;
use crate::port::{KeyName, KeyStoreError, LedgerError, PublicationError, PublishedName, Receipt};
use crate::signing::{NotSignable, SigningError};

/// Why a CRL, or a CA's certificate, was not made or not published. The previously published one remains.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// There is no CA of that name.
    #[error("there is no CA named {0}")]
    UnknownCa(CaName),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The key store.
    #[error(transparent)]
    KeyStore(#[from] KeyStoreError),
    /// The publication port failed.
    #[error(transparent)]
    Publication(#[from] PublicationError),
    /// The CA's certificate is not believed.
    #[error(transparent)]
    NotBelieved(#[from] NotBelieved),
    /// The CRL cannot be written.
    #[error(transparent)]
    Write(#[from] CrlWriteError),
    /// The CRL would violate a lint. Nothing was signed.
    #[error(
        "the CRL of {issuer} would break {citation}: {message} (lint {rule}); nothing was signed. Look at the CA's certificate with `chancery inspect`, and at public_url"
    )]
    Lint {
        /// The CA.
        issuer: CaName,
        /// The lint's rule.
        rule: &'static str,
        /// The standard that the rule follows.
        citation: &'static str,
        /// What the lint found.
        message: String,
    },
    /// Scratch space failed.
    #[error("scratch space for the CRL failed: {0}")]
    Scratch(io::Error),
    /// Reading the revocations failed.
    #[error("the revocations could not be read: {0}")]
    Revocations(io::Error),
    /// The thread that writes CRLs ended early.
    #[error("writing the CRL was interrupted")]
    Interrupted,
    /// The key store made a signature that the CA's public key does not verify.
    #[error(
        "key {key} made a signature for a CRL that does not verify (receipt {receipt}); check the key store",
        receipt = receipt.0
    )]
    BadSignature {
        /// The key.
        key: KeyName,
        /// The signature's receipt.
        receipt: Receipt,
    },
    /// What was written to be signed is not what was recorded: scratch space that somebody else writes to, or a fault of ours.
    #[error("the CRL {name} is not signed: {reason}")]
    NotSignable {
        /// The CRL's file.
        name: PublishedName,
        /// Why.
        reason: NotSignable,
    },
    /// A CA with shards needs distribution points, and they need a URL.
    #[error("certificates of {0} name shard CRLs, which need distinct URLs: set public_url in the configuration")]
    ShardWithoutUrl(CaName),
    /// The published CRL has a number that cannot have been counted to, and which leaves too few numbers to continue.
    #[error(
        "{name} has number {published}, and the ledger is at {reserved}: no CRL of that number was ever reserved. Find out who signed it, then move the file away"
    )]
    Ahead {
        /// The file.
        name: PublishedName,
        /// Its CRL number.
        published: u64,
        /// The number that was reserved.
        reserved: u64,
    },
    /// Two CRLs would have one file.
    #[error(
        "{name} would be a CRL of {ca} and one of {other}, of which certificates live or may be issued: give {ca} another name, or another number of shards, in the configuration"
    )]
    SharedFile {
        /// The file.
        name: PublishedName,
        /// One CA.
        ca: CaName,
        /// The other.
        other: CaName,
    },
    /// The file of the CRL contains a CRL of another CA.
    #[error("{name} is a CRL of {other} and is left alone; it cannot be one of {ca} as well")]
    OfAnotherCa {
        /// The file.
        name: PublishedName,
        /// The CA whose CRL was to be published.
        ca: CaName,
        /// The CA whose CRL is there.
        other: CaName,
    },
    /// The clock is before the CA's notBefore, and so is behind.
    #[error(
        "the clock says {now}, and the certificate of {ca} is valid from {not_before}: the clock is behind; set it, a CRL made now would be over already"
    )]
    ClockBehind {
        /// The CA.
        ca: CaName,
        /// Its certificate's notBefore.
        not_before: UnixTime,
        /// The time according to the clock.
        now: UnixTime,
    },
    /// The file of the CRL does not contain a CRL of its CA.
    #[error("{name} is no CRL of its CA, or too long to be read, and not the one that was published there")]
    NotOurs {
        /// The file.
        name: PublishedName,
    },
    /// A revocation is recorded, but the published CRL does not list it.
    #[error(
        "{name} number {number} was published, but does not list the certificate; look into the log for damaged rows"
    )]
    NotListed {
        /// The file.
        name: PublishedName,
        /// Its CRL number.
        number: u64,
    },
    /// Other processes changed the file repeatedly.
    #[error("{name} was changed by others {turns} times in a row; try again")]
    Contended {
        /// The file.
        name: PublishedName,
        /// Number of attempts.
        turns: usize,
    },
}

impl From<SigningError> for PublishError {
    fn from(error: SigningError) -> Self {
        match error {
            SigningError::KeyStore(error) => Self::KeyStore(error),
            SigningError::Journal(error) => Self::Ledger(error),
            SigningError::BadSignature { key, receipt } => Self::BadSignature { key, receipt },
        }
    }
}
