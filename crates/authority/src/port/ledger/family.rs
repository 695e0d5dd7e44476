//! What a revocation concerns beside the certificate that was asked for: a compromised key's certificates, and what descends
//! from them by renewal.

use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::record::{CertificateRecord, IntentId, Revocation, Revoked, UNREADABLE_TOLD};

/// How far a revocation reaches whose reason says that the [key is compromised](compromises_key).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// To every certificate of the key, and to every one that descends from a certificate of the key by renewal.
    #[default]
    Key,
    /// To that certificate alone. The key is blocked all the same.
    Certificate,
}

/// Whether that reason says that the certified key is in wrong hands (RFC 5280 section 5.3.1): a key is compromised, not a
/// serial number.
pub fn compromises_key(reason: RevocationReason) -> bool {
    matches!(reason, RevocationReason::KeyCompromise | RevocationReason::CaCompromise)
}

/// Certificates beside the one asked for that one [`revoke_reaching`](super::Ledger::revoke_reaching) revokes at most: bounds
/// how long others wait for the ledger.
pub const REVOKED_TOGETHER: usize = 1000;

/// Renewals in a row at most: bounds the walk over a certificate's ancestors and descendants. A certificate of one day's
/// lifetime that is renewed in time comes to it after 18 years.
pub const RENEWALS: u32 = 10_000;

/// A compromised key's family whose revocation is not known to be finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedFamily {
    /// The certificate that was asked for.
    pub id: IntentId,
    /// How it was revoked: the same call again goes on.
    pub revocation: Revocation,
}

impl UnfinishedFamily {
    /// Its place among them.
    pub fn position(&self) -> FamilyPosition {
        FamilyPosition {
            revoked_at: self.revocation.at,
            serial: self.id.serial,
        }
    }
}

/// Where a family stands among the unfinished ones: they are listed by time, and those of one second by serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FamilyPosition {
    /// When its certificate was revoked.
    pub revoked_at: UnixTime,
    /// The certificate's serial number.
    pub serial: Serial,
}

/// Some of the unfinished families.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnfinishedFamilies {
    /// Those that can be read.
    pub families: Vec<UnfinishedFamily>,
    /// What those are called that cannot, and what is wrong with them; at most [`UNREADABLE_TOLD`].
    pub unreadable: Vec<String>,
    /// After which the next ones come; `None` where these are the last.
    pub next: Option<FamilyPosition>,
}

impl UnfinishedFamilies {
    /// Tells of one that cannot be read.
    pub fn add_unreadable(&mut self, what: impl Into<String>) {
        if self.unreadable.len() < UNREADABLE_TOLD {
            self.unreadable.push(what.into());
        }
    }
}

/// A certificate or open intent that a revocation concerns, and of which the ledger cannot read everything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnreadableRow {
    /// What it is called, and what is wrong with it.
    pub what: String,
    /// Whether it was revoked, or given up, all the same. If not, nothing was done about it, and somebody has to mend it and
    /// revoke again.
    pub is_done: bool,
}

/// What came of a revocation.
#[derive(Clone, Debug)]
pub struct RevokedTogether {
    /// The certificate that was asked for.
    pub certificate: Revoked,
    /// Others that this call revoked, because they share its fate.
    pub others: Vec<CertificateRecord>,
    /// Those that share its fate and cannot be read: they stop neither it nor the others. At most [`UNREADABLE_TOLD`].
    pub unreadable: Vec<UnreadableRow>,
    /// Whether there were more than [`REVOKED_TOGETHER`]: the same call again goes on with them.
    pub has_more: bool,
}
