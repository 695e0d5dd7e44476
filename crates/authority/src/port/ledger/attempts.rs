//! The journal of attempts: every request to a key store for a signature is recorded before it is made, and what became of it
//! afterwards.
//!
//! The first attempt for a certificate or a CRL is recorded with its intent, in one transaction
//! ([`Intents::reserve`](super::Intents::reserve), [`Crls::intend`](super::Crls::intend)), and its receipt with the completion, so
//! that a signature costs no further call. Each further attempt is recorded on its own, before it is made.
//!
//! The journal is kept as long as the ledger. An attempt without an outcome whose process is gone is unknown: a signature may
//! exist. Who compares the key store's own log with the journal looks for it there.

use std::fmt;

use async_trait::async_trait;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::{CrlScope, IntentId, Kind, LedgerError};
use crate::ca_name::CaName;
use crate::port::keystore::{KeyName, Purpose, Receipt};

/// The record of attempts to sign.
#[async_trait]
pub trait Attempts: Send + Sync {
    /// Records an attempt that is about to be made, and was not recorded with an intent. When this returns `Ok`, the record
    /// survives a crash.
    ///
    /// A certificate's attempt is recorded only while its intent is open, and of two of one number only one: the other gets
    /// [`LedgerError::AttemptTaken`]. While issuance is [frozen](super::Freezes), it gets [`LedgerError::Frozen`]. So no two processes sign for one intent at the same time without the journal showing both.
    async fn record(&self, attempt: Attempt) -> Result<(), LedgerError>;

    /// Records what became of an attempt, where that is not recorded by completing its intent. An outcome that is already
    /// recorded stays; an attempt that is not recorded gets [`LedgerError::UnknownAttempt`].
    async fn conclude(&self, attempt: AttemptPosition, outcome: Outcome, at: UnixTime) -> Result<(), LedgerError>;

    /// Attempts in the order of their [positions](Attempt::position), starting after `after`, made before `before`, at most
    /// `limit`. A page without [`AttemptPage::next`] is the last one. An attempt that cannot be read is reported beside the others
    /// and does not stop the listing.
    async fn list(
        &self,
        after: Option<AttemptPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<AttemptPage, LedgerError>;
}

/// Identifies an attempt: 96 random bits behind a counter of the process that made it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptId(pub [u8; 16]);

/// The position of an attempt in their order: by time, and within one second by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptPosition {
    /// When it was made.
    pub at: UnixTime,
    /// Its id.
    pub id: AttemptId,
}

/// What is known of an attempt besides what its intent says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptOrigin {
    /// The attempt's id.
    pub id: AttemptId,
    /// The key that is asked for.
    pub key: KeyName,
    /// The front's id of the request that led to it: on Lambda the invocation's. `None`: there was no request, or its front gives
    /// none.
    pub request_id: Option<String>,
}

/// One request to the key store for a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its id, its key, and what led to it.
    pub origin: AttemptOrigin,
    /// What is signed.
    pub subject: AttemptSubject,
    /// Counts the attempts for one subject, from 1.
    pub number: u32,
    /// The digest that is signed, or µ where the algorithm requires that.
    pub signing_input: Vec<u8>,
    /// Who caused it, as text; `None`: the authority itself, on its schedule.
    pub principal: Option<String>,
    /// When it was recorded, before it was made.
    pub at: UnixTime,
}

/// What an attempt is to sign.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AttemptSubject {
    /// A certificate that is no CA's, by its issuer and serial number.
    Certificate(IntentId),
    /// A CA's certificate.
    CaCertificate(IntentId),
    /// A CRL.
    Crl {
        /// Its scope.
        scope: CrlScope,
        /// Its number.
        number: u64,
    },
    /// The manifest of a backup, by the CA whose key signs it.
    BackupManifest(CaName),
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The key store signed; its own log has the receipt.
    Signed(Receipt),
    /// The key store refused: it made no signature.
    Refused {
        /// What it said.
        detail: String,
    },
    /// Its answer was lost, or did not say: a signature may exist.
    Unknown {
        /// What happened.
        detail: String,
    },
}

/// An attempt as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRecord {
    /// The attempt.
    pub attempt: Attempt,
    /// What became of it; `None`: it is under way, or its process is gone.
    pub outcome: Option<(Outcome, UnixTime)>,
}

/// Some attempts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttemptPage {
    /// Those that can be read.
    pub attempts: Vec<AttemptRecord>,
    /// Names of those that cannot be read, and what is wrong with them.
    pub unreadable: Vec<String>,
    /// Where to go on; `None`: there are no more.
    pub next: Option<AttemptPosition>,
}

impl Attempt {
    /// Its position in their order, by which it is found.
    pub fn position(&self) -> AttemptPosition {
        AttemptPosition {
            at: self.at,
            id: self.origin.id,
        }
    }
}

impl AttemptSubject {
    /// A certificate of that kind.
    pub fn of_certificate(id: IntentId, kind: &Kind) -> Self {
        if kind.is_ca() {
            Self::CaCertificate(id)
        } else {
            Self::Certificate(id)
        }
    }

    /// The CA whose key signs.
    pub fn issuer(&self) -> &CaName {
        match self {
            Self::Certificate(id) | Self::CaCertificate(id) => &id.issuer,
            Self::Crl { scope, .. } => &scope.issuer,
            Self::BackupManifest(ca) => ca,
        }
    }

    /// The intent that it is for, if it is for a certificate.
    pub fn intent(&self) -> Option<&IntentId> {
        match self {
            Self::Certificate(id) | Self::CaCertificate(id) => Some(id),
            Self::Crl { .. } | Self::BackupManifest(_) => None,
        }
    }

    /// What the key store is asked for.
    pub fn purpose(&self) -> Purpose {
        match self {
            Self::Certificate(_) => Purpose::Certificate,
            Self::CaCertificate(_) => Purpose::CaCertificate,
            Self::Crl { .. } => Purpose::Crl,
            Self::BackupManifest(_) => Purpose::BackupManifest,
        }
    }

    /// What is signed, without the CA, as ledgers record it: the serial number, or `full#7` and `3#7` for a CRL's shard and number.
    pub fn as_recorded(&self) -> String {
        match self {
            Self::Certificate(id) | Self::CaCertificate(id) => id.serial.to_string(),
            Self::Crl { scope, number } => match scope.shard {
                None => format!("full#{number}"),
                Some(shard) => format!("{shard}#{number}"),
            },
            Self::BackupManifest(_) => String::new(),
        }
    }

    /// Reads [`as_recorded`](Self::as_recorded); `None` where it is something else.
    pub fn from_recorded(purpose: Purpose, issuer: CaName, recorded: &str) -> Option<Self> {
        let intent = |issuer| {
            let serial: Serial = recorded.parse().ok()?;
            Some(IntentId { issuer, serial })
        };
        match purpose {
            Purpose::Certificate => intent(issuer).map(Self::Certificate),
            Purpose::CaCertificate => intent(issuer).map(Self::CaCertificate),
            Purpose::Crl => {
                let (shard, number) = recorded.split_once('#')?;
                let shard = match shard {
                    "full" => None,
                    shard => Some(shard.parse().ok()?),
                };
                Some(Self::Crl {
                    scope: CrlScope { issuer, shard },
                    number: number.parse().ok()?,
                })
            }
            Purpose::BackupManifest => recorded.is_empty().then_some(Self::BackupManifest(issuer)),
        }
    }
}

impl AttemptId {
    /// Reads 32 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let octets = data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?;
        octets.try_into().ok().map(Self)
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttemptId({self})")
    }
}

impl fmt::Display for AttemptSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(id) => write!(f, "the certificate {id}"),
            Self::CaCertificate(id) => write!(f, "the CA certificate {id}"),
            Self::Crl { scope, number } => match scope.shard {
                None => write!(f, "CRL number {number} of {}", scope.issuer),
                Some(shard) => write!(f, "CRL number {number} of {}, shard {shard}", scope.issuer),
            },
            Self::BackupManifest(ca) => write!(f, "a backup's manifest by {ca}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_read_as_they_are_recorded() {
        let issuer = CaName::new("a-ca").unwrap();
        let id = IntentId {
            issuer: issuer.clone(),
            serial: Serial::from_octets(&[7, 9]).unwrap(),
        };
        let crl = |shard, number| AttemptSubject::Crl {
            scope: CrlScope {
                issuer: issuer.clone(),
                shard,
            },
            number,
        };
        for subject in [
            AttemptSubject::Certificate(id.clone()),
            AttemptSubject::CaCertificate(id),
            crl(None, 1),
            crl(Some(3), u64::MAX),
            AttemptSubject::BackupManifest(issuer.clone()),
        ] {
            let read = AttemptSubject::from_recorded(subject.purpose(), issuer.clone(), &subject.as_recorded());
            assert_eq!(read, Some(subject));
        }
        for (purpose, wrong) in [
            (Purpose::Certificate, ""),
            (Purpose::Crl, "7"),
            (Purpose::Crl, "a#7"),
            (Purpose::Crl, "full#-1"),
            (Purpose::BackupManifest, "x"),
        ] {
            assert_eq!(
                AttemptSubject::from_recorded(purpose, issuer.clone(), wrong),
                None,
                "{wrong}"
            );
        }
    }
}
