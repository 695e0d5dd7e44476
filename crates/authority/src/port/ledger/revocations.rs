//! Revocations: what a revocation affects beside the certificate asked for, and what the CRLs list.

use std::collections::HashMap;

use async_trait::async_trait;
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::{CertificateRecord, CrlScope, Cursor, IntentId, LedgerError, UNREADABLE_REPORTED};
use crate::ca_name::CaName;

/// Revokes certificates, and keeps the lists from which CRLs are made complete.
#[async_trait]
pub trait Revocations: Send + Sync {
    /// Revokes a certificate. The first revocation remains; a later one changes nothing and gets [`Revoked::Already`].
    /// The one exception: the reason `keyCompromise` replaces any other, never the reverse. The revocation's time then
    /// remains, and the answer is [`Revoked::Now`], since a CRL made before lists the old reason.
    ///
    /// Open intents that renew the certificate, or one that descends from it, are given up, whatever the reason. A
    /// reason that [compromises the key](compromises_key) blocks the key for good in the same transaction and gives up
    /// the key's open intents. With [`Reach::Key`] it also revokes, with the same time, reason and principal, every
    /// certificate of the key (where `keyCompromise` replaces another reason) and every unrevoked one that descends
    /// from any certificate of the key by renewal; open intents among them are given up. Expired ones are included,
    /// since the clock may be ahead. A repeated call with the same reason for an already revoked certificate does the
    /// same, and so finds whatever the first call left.
    ///
    /// The certificate asked for and its key come first. Whatever cannot be read among the others and the open intents
    /// is reported, and stops none of this.
    async fn revoke(
        &self,
        issuer: &CaName,
        serial: Serial,
        revocation: Revocation,
        reach: Reach,
    ) -> Result<RevokedTogether, LedgerError>;

    /// Families of compromised keys that a call of [`revoke`](Self::revoke) began to revoke and no call has finished,
    /// because it left some for the next call or was interrupted. The record is written in the transaction of the first
    /// revocations and removed after the last. In the order of their [positions](UnfinishedFamily::position), starting
    /// after `after`; reads at most `limit` records. One that cannot be read is reported beside the others and does not
    /// stop the listing.
    async fn unfinished_families(
        &self,
        after: Option<FamilyPosition>,
        limit: usize,
    ) -> Result<UnfinishedFamilies, LedgerError>;

    /// The rest of a certificate's family that is neither expired at `at` nor revoked: the other certificates of its
    /// key, and those that descend from any certificate of its key by renewal. At most `limit`, in no order.
    async fn related(&self, id: &IntentId, at: UnixTime, limit: usize) -> Result<Vec<Related>, LedgerError>;

    /// A certificate with everything that revoking it needs. Where the record about a certificate differs from the
    /// certificate itself, the certificate decides. A claimed common name serves only to find the certificate.
    async fn certificate_to_revoke(
        &self,
        serial: Serial,
        common_name: Option<&str>,
    ) -> Result<Option<ToRevoke>, LedgerError>;

    /// Which of the serial numbers are on the issuer's lists, and so will be on its CRLs. Takes many at a time,
    /// duplicates included. May leave out one whose revocation extends to others that it has not reached yet.
    async fn listed(&self, issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Listed>, LedgerError>;

    /// Revocations that a record of the ledger has and the issuer's list lacks, because a row was edited by hand or a
    /// list item was deleted. Reads a bounded number of records, continuing where
    /// [`unlisted_handled`](Self::unlisted_handled) left off, and leaves out certificates that ended long before `at`.
    /// A ledger in which nothing is written by hand has none.
    async fn unlisted(&self, issuer: &CaName, at: UnixTime) -> Result<Unlisted, LedgerError>;

    /// Records that the results of a call of [`unlisted`](Self::unlisted) were handled: the next call starts at `next`.
    async fn unlisted_handled(&self, issuer: &CaName, next: Option<Cursor>) -> Result<(), LedgerError>;

    /// Puts an entry of a published CRL back on the ledger's list, where that lacks it or records its certificate as ended.
    async fn relist(&self, scope: &CrlScope, entry: &RevokedEntry, not_after: UnixTime) -> Result<(), LedgerError>;

    /// Records the key of a certificate that was presented and whose issuer signed it. A restored ledger has serial
    /// numbers of which it knows only that they are revoked: where the reason is a compromised key, this blocks the
    /// key. Returns whether it did. A ledger that is never restored has no such numbers.
    async fn learn_key(&self, certificate: &IntentId, key: KeyFingerprint, at: UnixTime) -> Result<bool, LedgerError>;
}

/// One revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: UnixTime,
    /// Why.
    pub reason: RevocationReason,
    /// invalidityDate (RFC 5280 section 5.3.2): when the key is known or suspected to have become invalid.
    pub invalidity_date: Option<UnixTime>,
    /// Who requested it, as text.
    pub principal: String,
}

/// Answer to [`revoke`](Revocations::revoke).
#[derive(Clone, Debug)]
pub enum Revoked {
    /// Revoked by this call.
    Now(Box<CertificateRecord>),
    /// Revoked before: the record contains when and why.
    Already(Box<CertificateRecord>),
}

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

/// Most certificates beside the one asked for that one call of [`revoke`](Revocations::revoke)
/// revokes: bounds how long other callers wait for the ledger.
pub const REVOKED_TOGETHER: usize = 1000;

/// The result of a revocation.
#[derive(Clone, Debug)]
pub struct RevokedTogether {
    /// The certificate that was asked for.
    pub certificate: Revoked,
    /// Others that this call revoked, because they belong to the same family.
    pub others: Vec<CertificateRecord>,
    /// Those of the family that cannot be read; the rest is revoked all the same. At most [`UNREADABLE_REPORTED`].
    pub unreadable: Vec<UnreadableRow>,
    /// Whether there were more than [`REVOKED_TOGETHER`]: the same call again continues with them.
    pub has_more: bool,
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
    /// Names of those that cannot be read, and what is wrong with them; at most [`UNREADABLE_REPORTED`].
    pub unreadable: Vec<String>,
    /// The certificates of marks that no revocation for a compromised key confirms: somebody else may have written them,
    /// so they are left alone. At most [`UNREADABLE_REPORTED`].
    pub unconfirmed: Vec<IntentId>,
    /// Position after which the next ones follow; `None` where these are the last.
    pub next: Option<FamilyPosition>,
}

impl UnfinishedFamilies {
    /// Adds one that nothing confirms.
    pub fn add_unconfirmed(&mut self, id: IntentId) {
        if self.unconfirmed.len() < UNREADABLE_REPORTED {
            self.unconfirmed.push(id);
        }
    }

    /// Adds one that cannot be read.
    pub fn add_unreadable(&mut self, what: impl Into<String>) {
        if self.unreadable.len() < UNREADABLE_REPORTED {
            self.unreadable.push(what.into());
        }
    }
}

/// A certificate that is affected if another's key is compromised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// The certificate.
    pub record: CertificateRecord,
    /// Whether it has the same key; otherwise it descends from one that has, by renewal.
    pub same_key: bool,
}

/// A certificate that is to be revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToRevoke {
    /// Its record. The certificate's octets may be missing, where they cannot be read.
    pub record: CertificateRecord,
    /// A description of the ledger's rows that are inconsistent: it can be revoked all the same, but the operator has
    /// to check it.
    pub damaged: Option<String>,
}

/// A list's entry for a serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The reason.
    pub reason: RevocationReason,
    /// The notAfter of its certificate, according to the list: CRLs leave out what ended long ago.
    pub not_after: UnixTime,
}

/// One step of the search for revocations that a record has and no list has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unlisted {
    /// Certificates whose record says that they are revoked while the issuer's list lacks them, or has another reason.
    pub certificates: Vec<CertificateRecord>,
    /// Descriptions of records that claim a revocation of nothing that can be revoked (at most 100).
    pub damaged: Vec<String>,
    /// Where the next step begins; `None`: this one reached the end, and the next starts again.
    pub next: Option<Cursor>,
}
