//! The ledger: the authoritative record of certificates, revocations and CRLs, in ports of one purpose each.
//!
//! A function takes the port that it needs. [`Ledger`] is all of them together, for the places where an authority is
//! put together; its methods name the ports, since two of them have methods of one name.

mod attempts;
mod certificates;
mod crls;
mod freezes;
mod intents;
mod issuers;
mod monitoring;
mod rejections;
mod reminders;
mod revocations;
mod server_names;

use chancery_x509::serial::Serial;

use crate::ca_name::CaName;
pub use attempts::*;
pub use certificates::*;
pub use crls::*;
pub use freezes::*;
pub use intents::*;
pub use issuers::*;
pub use monitoring::*;
pub use rejections::*;
pub use reminders::*;
pub use revocations::*;
pub use server_names::*;

/// Why the ledger did not perform an operation. Nothing was changed, except with `Unavailable`: then the caller cannot
/// know, and the sweeper resolves it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The serial number is taken; draw another.
    #[error("the serial number {0} is taken")]
    SerialTaken(Serial),
    /// The key is already certified, and the intent does not allow that.
    #[error("the key is already certified for {common_name:?}")]
    KeyInUse {
        /// The common name that it was certified for first.
        common_name: String,
    },
    /// The CA that would sign, or one above it, is revoked.
    #[error("CA {ca} is revoked: nothing is issued under it")]
    IssuerRevoked {
        /// The revoked CA; of several the one nearest to the issuer.
        ca: CaName,
    },
    /// The CA that would sign does not issue.
    #[error("CA {ca} is {state}: it issues nothing")]
    IssuerNotActive {
        /// The CA.
        ca: CaName,
        /// Its state.
        state: IssuerState,
    },
    /// A CA's state does not lead to the wanted one.
    #[error("CA {ca} is {from}, and cannot become {to}")]
    IssuerState {
        /// The CA.
        ca: CaName,
        /// Its state.
        from: IssuerState,
        /// The wanted one.
        to: IssuerState,
    },
    /// The CA issues where a profile names none: another has to do that before it stops.
    #[error("CA {0} issues where a profile names no other: make another CA the default issuer first")]
    IssuerIsDefault(CaName),
    /// A CA below it is in use, or will be: its certificate could not be renewed any more, and none made beside it.
    #[error("CA {ca} is above {below}, which has not been retired: retire that one first")]
    IssuerIsAbove {
        /// The CA.
        ca: CaName,
        /// The CA below it.
        below: CaName,
    },
    /// No CA of that name.
    #[error("there is no CA {0}")]
    NoSuchIssuer(CaName),
    /// A certificate of the key was revoked because the key is compromised.
    #[error("the key is blocked: a certificate of it was revoked because the key is compromised")]
    KeyBlocked,
    /// The certificate that the intent renews cannot be renewed.
    #[error("the certificate with serial number {serial} cannot be renewed: {why}")]
    NotRenewable {
        /// The predecessor.
        serial: Serial,
        /// Why.
        why: NotRenewable,
    },
    /// The idempotency token was used with another request.
    #[error("the idempotency token was already used for a different request")]
    TokenReused,
    /// No open intent of that id: it was never reserved, or is already completed or given up.
    #[error("there is no open intent {0}")]
    NoOpenIntent(IntentId),
    /// Another process has recorded an attempt of that number, or the intent is no longer open.
    #[error("attempt {number} to sign {subject} is another process's, or no longer needed")]
    AttemptTaken {
        /// What was to be signed.
        subject: Box<AttemptSubject>,
        /// The attempt's number.
        number: u32,
    },
    /// No attempt at that position.
    #[error("the attempt {} is not recorded", .0.id)]
    UnknownAttempt(AttemptPosition),
    /// Issuance is frozen.
    #[error("issuance is frozen since {}, by {}: {}", .0.at, .0.principal, .0.reason)]
    Frozen(Statement),
    /// Issuance is not frozen.
    #[error("issuance is not frozen")]
    NotFrozen,
    /// A CRL number for which no intent, or no signed CRL, is recorded.
    #[error("CRL number {number} of {issuer} is not recorded")]
    UnknownCrl {
        /// The CA.
        issuer: CaName,
        /// The number.
        number: u64,
    },
    /// The CRL number is recorded with another CRL's intent.
    #[error("CRL number {number} of {issuer} is that of another CRL")]
    CrlNumberTaken {
        /// The CA.
        issuer: CaName,
        /// The number.
        number: u64,
    },
    /// No certificate with that serial number.
    #[error("the ledger has no certificate with serial number {0}")]
    NotFound(Serial),
    /// A cursor that this ledger did not return.
    #[error("{cursor:?} is not where a page of this ledger ended: send what the page before gave as next, or nothing")]
    ForeignCursor {
        /// Its first 40 characters.
        cursor: String,
    },
    /// A CA of that name is already recorded.
    #[error("a CA named {0} is already recorded")]
    CaExists(CaName),
    /// Locked, full, throttled, unreachable: a later attempt may succeed.
    #[error("the ledger is unavailable: {detail}")]
    Unavailable {
        /// What happened and what to do about it.
        detail: String,
    },
    /// There is none yet, or no longer: it has to be made first. For every other purpose it is unavailable.
    #[error("the ledger is unavailable: {detail}")]
    NotCreated {
        /// What is missing and what to do about it.
        detail: String,
    },
    /// A row that cannot be read.
    #[error("the ledger is damaged: {detail}")]
    Damaged {
        /// Which row, what is wrong.
        detail: String,
    },
}

impl LedgerError {
    /// A CA is recorded, but its certificate's own record is missing or holds another certificate, so that nothing
    /// shows whether the CA is revoked.
    pub fn no_record_of_ca(ca: &CaName) -> Self {
        Self::Damaged {
            detail: format!(
                "the record of {ca}'s own certificate is missing or holds another certificate, so whether {ca} is revoked is \
                 unknown. Restore the ledger, or on AWS the row, from a backup; until then nothing is issued under {ca}"
            ),
        }
    }

    /// The error for a CA's certificate that is to be renewed and is not the CA's present one.
    pub fn not_present(renewed: &IntentId) -> Self {
        Self::NotRenewable {
            serial: renewed.serial,
            why: NotRenewable::Replaced,
        }
    }

    /// The error for a cursor that this ledger did not make.
    pub fn foreign_cursor(cursor: &Cursor) -> Self {
        Self::ForeignCursor {
            cursor: cursor.0.chars().take(40).collect(),
        }
    }
}

/// Every port of the ledger. Whatever implements them all is one.
pub trait Ledger:
    Intents
    + Attempts
    + Freezes
    + Certificates
    + Revocations
    + Crls
    + Issuers
    + Rejections
    + Reminders
    + ServerNames
    + Monitoring
{
    /// Intents to sign certificates.
    fn intents(&self) -> &dyn Intents;
    /// The journal of attempts to sign.
    fn attempts(&self) -> &dyn Attempts;
    /// Whether issuance is frozen.
    fn freezes(&self) -> &dyn Freezes;
    /// Certificates that were issued.
    fn certificates(&self) -> &dyn Certificates;
    /// Revocations.
    fn revocations(&self) -> &dyn Revocations;
    /// CRLs.
    fn crls(&self) -> &dyn Crls;
    /// CAs.
    fn issuers(&self) -> &dyn Issuers;
    /// Rejected requests.
    fn rejections(&self) -> &dyn Rejections;
    /// Reminders of certificates that end soon.
    fn reminders(&self) -> &dyn Reminders;
    /// Names of the authority's own servers.
    fn server_names(&self) -> &dyn ServerNames;
    /// What operators watch.
    fn monitoring(&self) -> &dyn Monitoring;
}

impl<T> Ledger for T
where
    T: Intents
        + Attempts
        + Freezes
        + Certificates
        + Revocations
        + Crls
        + Issuers
        + Rejections
        + Reminders
        + ServerNames
        + Monitoring,
{
    fn intents(&self) -> &dyn Intents {
        self
    }

    fn attempts(&self) -> &dyn Attempts {
        self
    }

    fn freezes(&self) -> &dyn Freezes {
        self
    }

    fn certificates(&self) -> &dyn Certificates {
        self
    }

    fn revocations(&self) -> &dyn Revocations {
        self
    }

    fn crls(&self) -> &dyn Crls {
        self
    }

    fn issuers(&self) -> &dyn Issuers {
        self
    }

    fn rejections(&self) -> &dyn Rejections {
        self
    }

    fn reminders(&self) -> &dyn Reminders {
        self
    }

    fn server_names(&self) -> &dyn ServerNames {
        self
    }

    fn monitoring(&self) -> &dyn Monitoring {
        self
    }
}
