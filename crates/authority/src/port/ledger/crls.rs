//! CRLs: their numbers, what was signed and what is published; and which CRLs certificates name.

use async_trait::async_trait;
use chancery_x509::crl::RevokedEntry;
use chancery_x509::time::UnixTime;

use super::{Attempt, AttemptOrigin, AttemptPosition, AttemptSubject, LedgerError};
use crate::ca_name::CaName;
use crate::port::keystore::Receipt;
use crate::port::publication::ETag;

/// The record of CRLs. A number is reserved, the intent to sign is recorded, then the signed CRL, then its publication.
#[async_trait]
pub trait Crls: Send + Sync {
    /// Reserves the next CRL number of a scope and takes a consistent view of its revoked certificates, without those
    /// that the plan excludes. Its cost grows with the number of revoked certificates, never with that of issued ones.
    ///
    /// An entry that can be read only in part is listed with defaults for the rest: the plan's time for an invalid one,
    /// no reason for an unknown one, no invalidity date. [`RevokedEntries::damaged`] describes it as well.
    async fn reserve(&self, scope: &CrlScope, plan: CrlPlan) -> Result<CrlReservation, LedgerError>;

    /// Records what is about to be signed, and the first attempt to sign it, in one transaction. When this returns `Ok`, the record survives a crash, and no other CRL of
    /// that number can be signed: the same intent may be recorded again, another one gets
    /// [`LedgerError::CrlNumberTaken`]. So does one whose number is below the newest [`CRLS_KEPT`], since a ledger may
    /// have forgotten those.
    async fn intend(&self, intent: CrlIntent, attempt: AttemptOrigin) -> Result<(), LedgerError>;

    /// Intents whose CRL was never recorded, newest first, at most `limit`: their signatures may exist.
    async fn open_intents(&self, scope: &CrlScope, limit: usize) -> Result<Vec<CrlIntent>, LedgerError>;

    /// Records a signed CRL, before it is published, and its receipt as the outcome of the attempt that signed it. Without an intent of that number it gets [`LedgerError::UnknownCrl`].
    async fn complete(&self, crl: CrlRecord, attempt: AttemptPosition) -> Result<(), LedgerError>;

    /// Records that the CRL of that number was published under that version. A CRL that is not recorded gets
    /// [`LedgerError::UnknownCrl`], and nothing is written.
    async fn mark_published(&self, scope: &CrlScope, number: u64, etag: ETag) -> Result<(), LedgerError>;

    /// The state of a scope's CRLs, ignoring every record of a number above `at_most`: what a process needs to decide
    /// what is due, whichever process published last. [`crl_state`] is that of all numbers.
    async fn state_up_to(&self, scope: &CrlScope, at_most: u64) -> Result<CrlState, LedgerError>;

    /// Records that certificates name a CRL by that URL. Of several records of one scope and URL the latest `until` is
    /// kept.
    async fn record_use(&self, used: CrlUse) -> Result<(), LedgerError>;

    /// Every recorded use, in no order.
    async fn uses(&self) -> Result<Vec<CrlUse>, LedgerError>;
}

/// The state of a scope's CRLs, of whatever number.
pub async fn crl_state(crls: &dyn Crls, scope: &CrlScope) -> Result<CrlState, LedgerError> {
    crls.state_up_to(scope, u64::MAX).await
}

/// The newest completed CRL of a scope.
pub async fn latest_crl(crls: &dyn Crls, scope: &CrlScope) -> Result<Option<CrlRecord>, LedgerError> {
    Ok(crl_state(crls, scope).await?.latest)
}

/// The revoked certificates that one CRL lists, as one consistent view of the ledger.
///
/// The view is taken by [`Crls::reserve`]: its totals and its entries agree.
pub trait RevokedEntries: Send {
    /// Number of entries.
    fn entries(&self) -> u64;
    /// Sum of the entries' [`encoded_len`](chancery_x509::crl::RevokedEntry::encoded_len).
    fn octets(&self) -> u64;
    /// Calls `each` for every entry, ordered by serial number, in constant memory.
    ///
    /// A row that cannot be read is left out of the totals as well, and [`damaged`](Self::damaged) reports it; the walk
    /// continues with the others. An error of `each` ends the walk.
    fn for_each(&mut self, each: &mut dyn FnMut(&RevokedEntry) -> std::io::Result<()>) -> std::io::Result<()>;
    /// Descriptions of rows that could not be read (at most 100).
    fn damaged(&self) -> &[String];
}

/// The newest CRLs of one scope, with their intents, that a ledger keeps at least, in addition to the newest published
/// one. Older ones influence no decision any more; that their numbers were assigned is never forgotten.
pub const CRLS_KEPT: usize = 128;

/// Identifies a CRL by the certificates that it answers for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CrlScope {
    /// The CA.
    pub issuer: CaName,
    /// The shard; `None`: certificates without a shard.
    pub shard: Option<u16>,
}

/// Changes with every revocation in one scope, whichever process records it. Opaque, made by the ledger; two marks are
/// only compared for equality, so that no clock influences what a CRL covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeMark(pub String);

/// The parameters of a new CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlPlan {
    /// When it is made. Replaces the time of a revocation whose own cannot be read.
    pub at: UnixTime,
    /// Revocations of certificates whose notAfter is before this are left out; `None`: all are listed.
    pub expired_before: Option<UnixTime>,
    /// A number that the new one must exceed, in addition to all that the ledger assigned: it was seen in a published
    /// CRL or a record.
    pub above: u64,
    /// The highest plausible value of the counter. A counter above it was tampered with: the ledger ignores it and
    /// continues above [`above`](Self::above).
    pub at_most: u64,
}

/// A CRL number and the content of that CRL.
pub struct CrlReservation {
    /// Greater than every number reserved for this scope before, and than [`CrlPlan::above`]; except when
    /// `not_believed` is set.
    pub number: u64,
    /// The counter's value, where that was more than [`CrlPlan::at_most`].
    pub not_believed: Option<u64>,
    /// Taken no later than the view: everything that was revoked up to it is in the view.
    pub mark: ChangeMark,
    /// The entries.
    pub revocations: Box<dyn RevokedEntries>,
}

/// The intent to sign one CRL. Until the CRL is recorded, a signature may exist that no process has kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlIntent {
    /// The CRL's scope.
    pub scope: CrlScope,
    /// cRLNumber.
    pub number: u64,
    /// What is signed: the digest of the TBSCertList, or µ where the algorithm requires that.
    pub signing_input: Vec<u8>,
    /// When the intent was made.
    pub at: UnixTime,
}

impl CrlIntent {
    /// The first attempt to sign it.
    pub fn first_attempt(&self, origin: AttemptOrigin) -> Attempt {
        Attempt {
            origin,
            subject: AttemptSubject::Crl {
                scope: self.scope.clone(),
                number: self.number,
            },
            number: 1,
            signing_input: self.signing_input.clone(),
            principal: None,
            at: self.at,
        }
    }
}

/// A CRL that was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlRecord {
    /// The CRL's scope.
    pub scope: CrlScope,
    /// cRLNumber.
    pub number: u64,
    /// When it was made.
    pub made_at: UnixTime,
    /// thisUpdate: slightly before `made_at`, for verifiers whose clocks are behind.
    pub this_update: UnixTime,
    /// nextUpdate: when the next is due.
    pub next_update: UnixTime,
    /// Number of entries.
    pub entries: u64,
    /// SHA-256 of the DER.
    pub digest: [u8; 32],
    /// The key store's receipt.
    pub receipt: Receipt,
    /// The revocations that it covers; `None`: recorded by a version that did not store that.
    pub mark: Option<ChangeMark>,
    /// The version under which it was published; `None`: not yet, or recording it failed.
    pub published: Option<ETag>,
}

/// The state of one scope's CRLs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrlState {
    /// The current mark.
    pub mark: ChangeMark,
    /// The highest number of a recorded intent or CRL; zero: there is none.
    pub number: u64,
    /// The newest CRL that was signed.
    pub latest: Option<CrlRecord>,
    /// The newest one that is recorded as published.
    pub published: Option<CrlRecord>,
    /// When the oldest change was made that the newest published CRL does not cover, or an earlier time; `None`: there
    /// is no such change, or the ledger does not know the time. A ledger whose CRLs are made on a schedule rather than
    /// on revocation need not know it.
    pub changed_at: Option<UnixTime>,
}

impl CrlState {
    /// Whether there are revocations or given-up intents that the newest published CRL does not cover, or no published
    /// CRL.
    pub fn has_changes(&self) -> bool {
        let covered = self.published.as_ref().and_then(|crl| crl.mark.as_ref());
        covered != Some(&self.mark)
    }
}

/// Records that certificates name a CRL. Written before the first of them is signed, so that the CRL is published until
/// the last of them ends, whatever the configuration becomes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CrlUse {
    /// The scope of the CRL that lists their revocations.
    pub scope: CrlScope,
    /// The URL of the distribution point in them; `None`: they have none.
    pub url: Option<String>,
    /// The latest notAfter among them.
    pub until: UnixTime,
}
