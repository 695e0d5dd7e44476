//! The ledger: the authoritative record. An intent is reserved and later completed, each in one transaction.

pub mod crl;
pub mod family;
pub mod record;

use std::collections::HashMap;

use async_trait::async_trait;
use chancery_x509::crl::RevokedEntry;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::san::AltName;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use crate::ca_name::CaName;
use crate::port::publication::ETag;
pub use crl::*;
pub use family::*;
pub use record::*;

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
    /// A certificate of the key was revoked because the key is compromised.
    #[error("the key is blocked: a certificate of it was revoked because the key is compromised")]
    KeyBlocked,
    /// The certificate that the intent renews cannot be renewed.
    #[error("the certificate with serial number {serial} cannot be renewed: {why:?}")]
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
    AuthorityExists(CaName),
    /// Locked, full, throttled, unreachable: a later attempt may succeed.
    #[error("the ledger is unavailable: {detail}")]
    Unavailable {
        /// What happened and what to do about it.
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

    /// The error for a cursor that this ledger did not make.
    pub fn foreign_cursor(cursor: &Cursor) -> Self {
        Self::ForeignCursor {
            cursor: cursor.0.chars().take(40).collect(),
        }
    }
}

/// The revoked certificates that one CRL lists, as one consistent view of the ledger.
///
/// The view is taken by [`Ledger::reserve_crl`]: its totals and its entries agree.
pub trait Revocations: Send {
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

/// The authoritative record of certificates, revocations and CRLs.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Every CA, parents before children.
    async fn authorities(&self) -> Result<Vec<AuthorityRecord>, LedgerError>;

    /// Records the intent to sign a certificate, with its serial, key claim and idempotency token, in one transaction.
    /// When this returns [`Reservation::New`], the intent survives a crash and no other intent can take the serial, the
    /// key (unless that intent allows reuse), the token, or, for a CA's certificate, its name.
    ///
    /// The transaction itself checks whether the issuer's certificate, or that of a CA above it, is revoked, and then
    /// refuses with [`LedgerError::IssuerRevoked`]; what was read earlier does not count. Where the record that would
    /// show this is missing, it refuses with [`LedgerError::no_record_of_ca`].
    ///
    /// A blocked key is refused with [`LedgerError::KeyBlocked`], whatever the intent allows and whatever its name. An
    /// intent that renews is refused with [`LedgerError::NotRenewable`] where its predecessor or an ancestor of that is
    /// revoked, or where the predecessor has a successor that is neither expired at the intent's time nor revoked (an
    /// open intent counts), and with [`LedgerError::NotFound`] where the predecessor was never issued. The result of
    /// the token's earlier request takes precedence over all of these.
    async fn reserve(&self, intent: CertificateIntent) -> Result<Reservation, LedgerError>;

    /// Turns an open intent into a certificate. When this returns `Ok`, the certificate survives a crash, and
    /// [`certificate`](Self::certificate) and [`search`](Self::search) find it. A second call for one intent, or one after
    /// [`mark_lost`](Self::mark_lost), gets [`LedgerError::NoOpenIntent`].
    async fn complete(&self, completion: Completion) -> Result<CertificateRecord, LedgerError>;

    /// Gives up an open intent: its serial is listed as revoked at that time without a reason (a signature may exist),
    /// and its key and token are free again. For a CA's certificate the name is free again too.
    async fn mark_lost(&self, intent: IntentId, at: UnixTime) -> Result<(), LedgerError>;

    /// The first open intents, as [`open_intents_after`](Self::open_intents_after) lists them.
    async fn open_intents(&self, before: UnixTime, limit: usize) -> Result<Vec<OpenIntent>, LedgerError> {
        Ok(self.open_intents_after(None, before, limit).await?.intents)
    }

    /// Open intents for certificates reserved before `before`, in the order of their [positions](OpenIntent::position),
    /// starting after `after`, at most `limit`. A result of fewer is complete. An intent that cannot be read is
    /// reported beside the others and does not stop the listing.
    async fn open_intents_after(
        &self,
        after: Option<OpenPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<OpenIntents, LedgerError>;

    /// Records a rejected request, the only trace that it leaves. Also deletes some older rejections: those beyond the
    /// newest [`REJECTIONS_KEPT`], or those older than [`REJECTION_DAYS`]; each ledger chooses one of the two rules.
    async fn record_rejection(&self, rejection: Rejection) -> Result<(), LedgerError>;

    /// The newest rejections, at most `limit`.
    async fn rejections(&self, limit: usize) -> Result<Vec<Rejection>, LedgerError>;

    /// Revokes a certificate. The first revocation remains; a later one changes nothing and gets [`Revoked::Already`].
    /// The one exception: the reason `keyCompromise` replaces any other, never the reverse. The revocation's time then
    /// remains, and the answer is [`Revoked::Now`], since a CRL made before lists the old reason.
    async fn revoke(&self, issuer: &CaName, serial: Serial, revocation: Revocation) -> Result<Revoked, LedgerError> {
        let reaching = self.revoke_reaching(issuer, serial, revocation, Reach::Key).await?;
        Ok(reaching.certificate)
    }

    /// Like [`revoke`](Self::revoke). Open intents that renew the certificate, or one that descends from it, are given
    /// up, whatever the reason. A reason that [compromises the key](compromises_key) blocks the key for good in the
    /// same transaction and gives up the key's open intents. With [`Reach::Key`] it also revokes, with the same time,
    /// reason and principal, every certificate of the key (where `keyCompromise` replaces another reason) and every
    /// unrevoked one that descends from any certificate of the key by renewal; open intents among them are given up.
    /// Expired ones are included, since the clock may be ahead. A repeated call with the same reason for an already
    /// revoked certificate does the same, and so finds whatever the first call left.
    ///
    /// The certificate asked for and its key come first. Whatever cannot be read among the others and the open intents
    /// is reported, and stops none of this.
    async fn revoke_reaching(
        &self,
        issuer: &CaName,
        serial: Serial,
        revocation: Revocation,
        reach: Reach,
    ) -> Result<RevokedTogether, LedgerError>;

    /// Families of compromised keys that a call of [`revoke_reaching`](Self::revoke_reaching) began to revoke and no
    /// call has finished, because it left some for the next call or was interrupted. The record is written in the
    /// transaction of the first revocations and removed after the last. In the order of their
    /// [positions](UnfinishedFamily::position), starting after `after`; reads at most `limit` records. One that cannot
    /// be read is reported beside the others and does not stop the listing.
    async fn unfinished_families_after(
        &self,
        after: Option<FamilyPosition>,
        limit: usize,
    ) -> Result<UnfinishedFamilies, LedgerError>;

    /// The first unfinished families, as [`unfinished_families_after`](Self::unfinished_families_after) lists them.
    async fn unfinished_families(&self, limit: usize) -> Result<Vec<UnfinishedFamily>, LedgerError> {
        Ok(self.unfinished_families_after(None, limit).await?.families)
    }

    /// The rest of a certificate's family that is neither expired at `at` nor revoked: the other certificates of its
    /// key, and those that descend from any certificate of its key by renewal. At most `limit`, in no order.
    async fn related(&self, id: &IntentId, at: UnixTime, limit: usize) -> Result<Vec<Related>, LedgerError>;

    /// Reserves the next CRL number of a scope and takes a consistent view of its revoked certificates, without those
    /// that the plan excludes. Its cost grows with the number of revoked certificates, never with that of issued ones.
    ///
    /// An entry that can be read only in part is listed with defaults for the rest: the plan's time for an invalid one,
    /// no reason for an unknown one, no invalidity date. [`Revocations::damaged`] describes it as well.
    async fn reserve_crl(&self, scope: &CrlScope, plan: CrlPlan) -> Result<CrlReservation, LedgerError>;

    /// Records what is about to be signed. When this returns `Ok`, the record survives a crash, and no other CRL of
    /// that number can be signed: the same intent may be recorded again, another one gets
    /// [`LedgerError::CrlNumberTaken`]. So does one whose number is below the newest [`CRLS_KEPT`], since a ledger may
    /// have forgotten those.
    async fn intend_crl(&self, intent: CrlIntent) -> Result<(), LedgerError>;

    /// Intents whose CRL was never recorded, newest first, at most `limit`: their signatures may exist.
    async fn open_crl_intents(&self, scope: &CrlScope, limit: usize) -> Result<Vec<CrlIntent>, LedgerError>;

    /// Records a signed CRL, before it is published. Without an intent of that number it gets [`LedgerError::UnknownCrl`].
    async fn complete_crl(&self, crl: CrlRecord) -> Result<(), LedgerError>;

    /// Records that the CRL of that number was published under that version. A CRL that is not recorded gets
    /// [`LedgerError::UnknownCrl`], and nothing is written.
    async fn crl_published(&self, scope: &CrlScope, number: u64, etag: ETag) -> Result<(), LedgerError>;

    /// The error of the last attempted write, if no write has succeeded since. `None` also from a ledger that does not
    /// track this: there, each caller that writes gets the error itself.
    fn write_failure(&self) -> Option<LedgerError> {
        None
    }

    /// The state of a scope's CRLs: what a process needs to decide what is due, whichever process published last.
    async fn crl_state(&self, scope: &CrlScope) -> Result<CrlState, LedgerError> {
        self.crl_state_up_to(scope, u64::MAX).await
    }

    /// Like [`crl_state`](Self::crl_state), ignoring every record of a number above `at_most`.
    async fn crl_state_up_to(&self, scope: &CrlScope, at_most: u64) -> Result<CrlState, LedgerError>;

    /// Which of the serial numbers are on the issuer's lists, and so will be on its CRLs. Takes many at a time,
    /// duplicates included. May leave out one whose revocation extends to others that it has not reached yet.
    async fn listed_among(&self, issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Listed>, LedgerError> {
        let mut listed = HashMap::new();
        for serial in serials {
            if let Some(record) = self.certificate(Some(issuer), *serial).await?
                && let Some(revocation) = record.revocation
            {
                let (reason, not_after) = (revocation.reason, record.not_after);
                listed.insert(*serial, Listed { reason, not_after });
            }
        }
        Ok(listed)
    }

    /// Revocations that a record of the ledger has and the issuer's list lacks, because a row was edited by hand or a
    /// list item was deleted. Reads a bounded number of records, continuing where
    /// [`keep_unlisted`](Self::keep_unlisted) left off, and leaves out certificates that ended long before `at`. A
    /// ledger in which nothing is written by hand has none.
    async fn unlisted(&self, issuer: &CaName, at: UnixTime) -> Result<Unlisted, LedgerError> {
        let _ = (issuer, at);
        Ok(Unlisted::default())
    }

    /// Records that the results of a call of [`unlisted`](Self::unlisted) were handled: the next call starts at `next`.
    async fn keep_unlisted(&self, issuer: &CaName, next: Option<Cursor>) -> Result<(), LedgerError> {
        let _ = (issuer, next);
        Ok(())
    }

    /// A certificate with everything that revoking it needs. Where the record about a certificate differs from the
    /// certificate itself, the certificate decides.
    async fn certificate_to_revoke(&self, serial: Serial) -> Result<Option<ToRevoke>, LedgerError> {
        let record = self.certificate(None, serial).await?;
        Ok(record.map(|record| ToRevoke { record, damaged: None }))
    }

    /// The same by serial number and a claimed common name, which serves only to find the certificate.
    async fn named_certificate_to_revoke(
        &self,
        serial: Serial,
        common_name: &str,
    ) -> Result<Option<ToRevoke>, LedgerError> {
        let _ = common_name;
        self.certificate_to_revoke(serial).await
    }

    /// The evidence for these serial numbers, duplicates allowed. Those without any are left out, and so is whatever
    /// cannot be read: one of them never stops the others.
    async fn evidence(&self, issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Evidence>, LedgerError>;

    /// Puts an entry of a published CRL back on the ledger's list, where that lacks it or records its certificate as ended.
    async fn relist(&self, scope: &CrlScope, entry: &RevokedEntry, not_after: UnixTime) -> Result<(), LedgerError>;

    /// Records that certificates name a CRL by that URL. Of several records of one scope and URL the latest `until` is
    /// kept.
    async fn record_crl_use(&self, used: CrlUse) -> Result<(), LedgerError>;

    /// Every recorded use, in no order.
    async fn crl_uses(&self) -> Result<Vec<CrlUse>, LedgerError>;

    /// The newest completed CRL of a scope.
    async fn latest_crl(&self, scope: &CrlScope) -> Result<Option<CrlRecord>, LedgerError> {
        Ok(self.crl_state(scope).await?.latest)
    }

    /// One certificate. `issuer` may be omitted where only the serial is known: serials of 159 random bits do not
    /// collide.
    async fn certificate(
        &self,
        issuer: Option<&CaName>,
        serial: Serial,
    ) -> Result<Option<CertificateRecord>, LedgerError>;

    /// Which certificate or open intent holds a key, as [`reserve`](Self::reserve) would find it for a leaf of
    /// `common_name` and refuse it as [`LedgerError::KeyInUse`] or [`LedgerError::KeyBlocked`]. Reserves nothing.
    async fn key_holder(&self, key: KeyFingerprint, common_name: &str) -> Result<KeyStatus, LedgerError>;

    /// A page of certificates, in the query's order. It may hold fewer than `limit`, or none, and still have a next
    /// page: a ledger bounds the work for one page. Pages are stable: a certificate issued meanwhile causes no
    /// repetition or gap among those that existed at the first page.
    async fn search(&self, query: &Search, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError>;

    /// A page of the certificates of exactly that name, in an order of the ledger's own: for callers that want all of
    /// them. Reads about `limit` certificates.
    async fn certificates_named(
        &self,
        common_name: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        let query = Search {
            common_name: Some(common_name.to_owned()),
            ..Search::default()
        };
        self.search(&query, after, limit).await
    }

    /// Certificates with `notify_expiry` whose notAfter is in the window, page by page.
    async fn expiring(
        &self,
        from: UnixTime,
        to: UnixTime,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError>;

    /// Records that a reminder was sent for a certificate.
    async fn record_reminder(&self, issuer: &CaName, serial: Serial, at: UnixTime) -> Result<(), LedgerError>;

    /// Records the names by which clients reach a server of this authority, until its certificate for them ends. A name
    /// that is already recorded keeps the later of both ends. A ledger that is used without a server records none.
    async fn keep_own_names(&self, names: &[AltName], until: UnixTime) -> Result<(), LedgerError> {
        let _ = (names, until);
        Ok(())
    }

    /// Every such name whose end is not past at `at`, in no order.
    async fn own_names(&self, at: UnixTime) -> Result<Vec<AltName>, LedgerError> {
        let _ = at;
        Ok(Vec::new())
    }

    /// Reports the key of a certificate that was presented and whose issuer signed it. A restored ledger has serial
    /// numbers of which it knows only that they are revoked: where the reason is a compromised key, this blocks the
    /// key. Returns whether it did. A ledger that is never restored has no such numbers.
    async fn hear_of_key(
        &self,
        certificate: &IntentId,
        key: KeyFingerprint,
        at: UnixTime,
    ) -> Result<bool, LedgerError> {
        let _ = (certificate, key, at);
        Ok(false)
    }

    /// Counts for metrics: issued, revoked, open intents, rejected.
    async fn counts(&self) -> Result<Counts, LedgerError>;
}

/// Certificates of one name that are read per page.
const PAGE: usize = 1000;

/// Calls `each` for every certificate of exactly that name, page by page, in no order.
pub async fn for_each_named(
    ledger: &dyn Ledger,
    common_name: &str,
    each: &mut (dyn FnMut(CertificateRecord) + Send),
) -> Result<(), LedgerError> {
    // `search` treats a final `*` as a prefix search.
    if common_name.ends_with('*') {
        return Ok(());
    }
    let mut after = None;
    loop {
        let page = ledger.certificates_named(common_name, after.as_ref(), PAGE).await?;
        page.certificates.into_iter().for_each(&mut *each);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}
