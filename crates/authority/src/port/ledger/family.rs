//! Which certificates a revocation affects beside the one asked for: those of a compromised key, and those that descend
//! from them by renewal.

use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::record::{CertificateRecord, IntentId, Revocation, Revoked, UNREADABLE_TOLD};

/// How far a revocation reaches whose reason is that the [key is compromised](compromises_key).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Every certificate of the key, and every one that descends from a certificate of the key by renewal.
    #[default]
    Key,
    /// That certificate alone. The key is blocked all the same.
    Certificate,
}

/// Whether the reason means that the certified key is compromised (RFC 5280 section 5.3.1): that affects every
/// certificate of the key, not one serial number.
pub fn compromises_key(reason: RevocationReason) -> bool {
    matches!(reason, RevocationReason::KeyCompromise | RevocationReason::CaCompromise)
}

/// Most certificates beside the one asked for that one call of [`revoke_reaching`](super::Ledger::revoke_reaching)
/// revokes: bounds how long other callers wait for the ledger.
pub const REVOKED_TOGETHER: usize = 1000;

/// Most renewals in a row: bounds the walk over a certificate's ancestors and descendants. A certificate of one day's
/// lifetime that is renewed at two thirds of it reaches this after 18 years.
pub const RENEWALS: u32 = 10_000;

/// A compromised key's family whose revocation is not known to be finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedFamily {
    /// The certificate that was asked for.
    pub id: IntentId,
    /// How it was revoked: the same call again continues.
    pub revocation: Revocation,
}

impl UnfinishedFamily {
    /// Its position in the order of listing.
    pub fn position(&self) -> FamilyPosition {
        FamilyPosition {
            revoked_at: self.revocation.at,
            serial: self.id.serial,
        }
    }
}

/// The position of an unfinished family in their order: by time, and within one second by serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FamilyPosition {
    /// When the family's certificate was revoked.
    pub revoked_at: UnixTime,
    /// The certificate's serial number.
    pub serial: Serial,
}

/// Some of the unfinished families.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnfinishedFamilies {
    /// Those that can be read.
    pub families: Vec<UnfinishedFamily>,
    /// Names of those that cannot be read, and what is wrong with them; at most [`UNREADABLE_TOLD`].
    pub unreadable: Vec<String>,
    /// Position after which the next ones follow; `None` where these are the last.
    pub next: Option<FamilyPosition>,
}

impl UnfinishedFamilies {
    /// Adds one that cannot be read.
    pub fn add_unreadable(&mut self, what: impl Into<String>) {
        if self.unreadable.len() < UNREADABLE_TOLD {
            self.unreadable.push(what.into());
        }
    }
}

/// A certificate or open intent that a revocation affects and that the ledger cannot read in full.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnreadableRow {
    /// Its name, and what is wrong with it.
    pub what: String,
    /// Whether it was revoked, or given up, all the same. If not, it is unchanged: the operator has to repair it and
    /// revoke again.
    pub is_done: bool,
}

/// The result of a revocation.
#[derive(Clone, Debug)]
pub struct RevokedTogether {
    /// The certificate that was asked for.
    pub certificate: Revoked,
    /// Others that this call revoked, because they belong to the same family.
    pub others: Vec<CertificateRecord>,
    /// Those of the family that cannot be read; the rest is revoked all the same. At most [`UNREADABLE_TOLD`].
    pub unreadable: Vec<UnreadableRow>,
    /// Whether there were more than [`REVOKED_TOGETHER`]: the same call again continues with them.
    pub has_more: bool,
}
