//! The ledger: the only record of truth. Reserve → complete, atomically; nothing is ever half written.

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

/// Why the ledger did not do what was asked. Nothing was changed, unless it is `Unavailable`: then the caller
/// cannot know, and the sweeper will find out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The serial number is taken; draw another.
    #[error("the serial number {0} is taken")]
    SerialTaken(Serial),
    /// The key is already certified, and the intent does not allow that.
    #[error("the key is already certified for {common_name:?}")]
    KeyInUse {
        /// The name that it was certified for first.
        common_name: String,
    },
    /// The CA that would sign, or one above it, is revoked.
    #[error("CA {ca} is revoked: nothing is issued under it")]
    IssuerRevoked {
        /// Which CA: of several the nearest.
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
    /// No open intent of that id: it was never reserved, or is complete or lost.
    #[error("there is no open intent {0}")]
    NoOpenIntent(IntentId),
    /// A CRL number that nobody recorded the intent to sign with, or the signed CRL of.
    #[error("CRL number {number} of {issuer} is not recorded")]
    UnknownCrl {
        /// The CA.
        issuer: CaName,
        /// The number.
        number: u64,
    },
    /// A CRL number that another CRL has.
    #[error("CRL number {number} of {issuer} is that of another CRL")]
    CrlNumberTaken {
        /// The CA.
        issuer: CaName,
        /// The number.
        number: u64,
    },
    /// No such certificate.
    #[error("the ledger has no certificate with serial number {0}")]
    NotFound(Serial),
    /// A cursor that no page of this ledger ended with.
    #[error("{cursor:?} is not where a page of this ledger ended: send what the page before gave as next, or nothing")]
    ForeignCursor {
        /// Its first 40 characters.
        cursor: String,
    },
    /// A CA of that name is already recorded.
    #[error("a CA named {0} is already recorded")]
    AuthorityExists(CaName),
    /// Locked, full, throttled, unreachable: may work later.
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
    /// That a CA stands in the ledger, and its certificate's own record does not, or is another one's: whether it is revoked,
    /// nobody knows.
    pub fn no_record_of_ca(ca: &CaName) -> Self {
        Self::Damaged {
            detail: format!(
                "the record of {ca}'s own certificate is gone, or is that of another certificate, so that nobody can tell \
                 whether {ca} is revoked: somebody has removed or replaced it. Restore the ledger, or on AWS the row, from a \
                 backup; until then nothing is issued under {ca}"
            ),
        }
    }

    /// That a cursor was not made by this ledger.
    pub fn foreign_cursor(cursor: &Cursor) -> Self {
        Self::ForeignCursor {
            cursor: cursor.0.chars().take(40).collect(),
        }
    }
}

/// The revoked certificates that one CRL lists, as one consistent view of the ledger.
///
/// The view is that of the moment of [`Ledger::reserve_crl`]: its totals and its entries agree.
pub trait Revocations: Send {
    /// Number of entries.
    fn entries(&self) -> u64;
    /// Sum of the entries' [`encoded_len`](chancery_x509::crl::RevokedEntry::encoded_len).
    fn octets(&self) -> u64;
    /// Calls `each` for every entry, ordered by serial number, in constant memory.
    ///
    /// A row that cannot be read must have been left out of the totals already, and is reported by
    /// [`damaged`](Self::damaged); it never stops the others. An error of `each` ends the walk.
    fn for_each(&mut self, each: &mut dyn FnMut(&RevokedEntry) -> std::io::Result<()>) -> std::io::Result<()>;
    /// Descriptions of rows that could not be read (at most 100).
    fn damaged(&self) -> &[String];
}

/// The record of truth.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Every CA, parents before children.
    async fn authorities(&self) -> Result<Vec<AuthorityRecord>, LedgerError>;

    /// Records the intent to sign a certificate, with its serial, key claim and idempotency token, in one transaction.
    /// When this returns [`Reservation::New`], the intent survives a crash and nobody else can take the serial, the key
    /// (unless their intent allows reuse), the token, or for a CA's certificate its name.
    ///
    /// Where the certificate of the intent's issuer is revoked, or of a CA above it, as the ledger has them at that moment, it
    /// is refused as [`LedgerError::IssuerRevoked`]: whatever was read before is no part of that decision. Where what would say
    /// so is gone, it is refused as [`LedgerError::no_record_of_ca`].
    ///
    /// A blocked key is refused as [`LedgerError::KeyBlocked`], whatever the intent allows and whatever its name. An intent
    /// that renews is refused as [`LedgerError::NotRenewable`] where its predecessor or an ancestor of that is revoked, or the
    /// predecessor has a successor that is neither expired at the intent's time nor revoked (an open intent counts), and as
    /// [`LedgerError::NotFound`] where the predecessor is none that was issued. What a token's earlier request got comes
    /// first.
    async fn reserve(&self, intent: CertificateIntent) -> Result<Reservation, LedgerError>;

    /// Turns an open intent into a certificate. When this returns `Ok`, the certificate survives a crash, and
    /// [`certificate`](Self::certificate) and [`search`](Self::search) find it. A second call for one intent, or one after
    /// [`mark_lost`](Self::mark_lost), gets [`LedgerError::NoOpenIntent`].
    async fn complete(&self, completion: Completion) -> Result<CertificateRecord, LedgerError>;

    /// Gives an open intent up: its serial enters the revoked ones (a signature may exist) with that time and no reason,
    /// its key and token are free again. For a CA's certificate the name is free again too.
    async fn mark_lost(&self, intent: IntentId, at: UnixTime) -> Result<(), LedgerError>;

    /// The first open intents, as [`open_intents_after`](Self::open_intents_after) lists them.
    async fn open_intents(&self, before: UnixTime, limit: usize) -> Result<Vec<OpenIntent>, LedgerError> {
        Ok(self.open_intents_after(None, before, limit).await?.intents)
    }

    /// Open intents for certificates reserved before that time, in the order of their
    /// [positions](OpenIntent::position), beginning after `after`, at most `limit`. Fewer than that are all that there are.
    /// One that cannot be read keeps nobody from the others, and is told beside them.
    async fn open_intents_after(
        &self,
        after: Option<OpenPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<OpenIntents, LedgerError>;

    /// Records a rejected request, and forgets older ones: some of those that are older than the newest [`REJECTIONS_KEPT`],
    /// or than [`REJECTION_DAYS`]; which of the two is the ledger's own. The only thing that a refused request leaves behind.
    async fn record_rejection(&self, rejection: Rejection) -> Result<(), LedgerError>;

    /// The newest rejections, at most `limit`.
    async fn rejections(&self, limit: usize) -> Result<Vec<Rejection>, LedgerError>;

    /// Revokes. The first revocation stands; a later one changes nothing and gets [`Revoked::Already`]. The one exception:
    /// the reason `keyCompromise` may replace another, never the other way round; the time of the revocation stays then,
    /// and the answer is [`Revoked::Now`], since a CRL made before does not tell it.
    async fn revoke(&self, issuer: &CaName, serial: Serial, revocation: Revocation) -> Result<Revoked, LedgerError> {
        let reaching = self.revoke_reaching(issuer, serial, revocation, Reach::Key).await?;
        Ok(reaching.certificate)
    }

    /// The same. Open intents that renew the certificate, or what descends from it, are given up, whatever the reason. A reason
    /// that [says so](compromises_key) blocks the key for good, in the same transaction, and gives its open intents up; with
    /// [`Reach::Key`] it revokes, with the same time, reason, and principal, every certificate that shares its fate: those of
    /// its key (there `keyCompromise` replaces another reason), and those that descend from any certificate of its key by
    /// renewal, as far as they are not revoked; open intents among them are given up. Those that have ended are no exception:
    /// the clock may be ahead. So does a repeated call for one that was revoked before, of the same reason: whatever the first
    /// left is found.
    ///
    /// The certificate that was asked for and its key come first. Whatever cannot be read of the others and of open intents is
    /// told, and stops neither it nor any of them.
    async fn revoke_reaching(
        &self,
        issuer: &CaName,
        serial: Serial,
        revocation: Revocation,
        reach: Reach,
    ) -> Result<RevokedTogether, LedgerError>;

    /// Families of compromised keys that a call of [`revoke_reaching`](Self::revoke_reaching) began to revoke and that none has
    /// finished: it left some for the next call, or was interrupted. It is recorded in the transaction of its first
    /// revocations, and taken back once the last are made. In the order of their [positions](UnfinishedFamily::position),
    /// beginning after `after`, out of `limit` records at most. One that cannot be read keeps nobody from the others, and is
    /// told beside them.
    async fn unfinished_families_after(
        &self,
        after: Option<FamilyPosition>,
        limit: usize,
    ) -> Result<UnfinishedFamilies, LedgerError>;

    /// The first of them.
    async fn unfinished_families(&self, limit: usize) -> Result<Vec<UnfinishedFamily>, LedgerError> {
        Ok(self.unfinished_families_after(None, limit).await?.families)
    }

    /// Certificates that share that one's fate and are neither expired at that time nor revoked, without itself: those of its
    /// key, and those that descend from any certificate of its key by renewal. At most `limit`, in no order.
    async fn related(&self, id: &IntentId, at: UnixTime, limit: usize) -> Result<Vec<Related>, LedgerError>;

    /// Reserves the next CRL number of a scope and takes a consistent view of its revoked certificates, but for those that the
    /// plan leaves out. Its cost follows the revoked, never the issued.
    ///
    /// An entry that cannot be read in part is listed with what can be: the plan's time for one that is none, no reason for
    /// one that is unknown, no invalidity date. It is described in [`Revocations::damaged`] as well.
    async fn reserve_crl(&self, scope: &CrlScope, plan: CrlPlan) -> Result<CrlReservation, LedgerError>;

    /// Records what is about to be signed. When this returns `Ok`, the record survives a crash, and no other CRL of that
    /// number can be signed: the same intent may be recorded again, another one gets [`LedgerError::CrlNumberTaken`]. So does
    /// one whose number is below the newest [`CRLS_KEPT`], which a ledger may have forgotten.
    async fn intend_crl(&self, intent: CrlIntent) -> Result<(), LedgerError>;

    /// Intents whose CRL was never recorded, the newest first, at most `limit`: signatures of them may exist.
    async fn open_crl_intents(&self, scope: &CrlScope, limit: usize) -> Result<Vec<CrlIntent>, LedgerError>;

    /// Records a signed CRL, before it is published. Without an intent of that number it gets [`LedgerError::UnknownCrl`].
    async fn complete_crl(&self, crl: CrlRecord) -> Result<(), LedgerError>;

    /// Records that the CRL of that number was published under that version. A CRL that is not recorded gets
    /// [`LedgerError::UnknownCrl`], and leaves nothing.
    async fn crl_published(&self, scope: &CrlScope, number: u64, etag: ETag) -> Result<(), LedgerError>;

    /// Why the last change that was tried could not be written, as long as none has succeeded since. `None` also where the
    /// ledger does not keep that: whoever changes something there is told.
    fn write_failure(&self) -> Option<LedgerError> {
        None
    }

    /// How it is with the CRLs of a scope: what a process must know to decide what is due, whoever published last.
    async fn crl_state(&self, scope: &CrlScope) -> Result<CrlState, LedgerError> {
        self.crl_state_up_to(scope, u64::MAX).await
    }

    /// The same, as if nothing of a number above `at_most` had ever been recorded.
    async fn crl_state_up_to(&self, scope: &CrlScope, at_most: u64) -> Result<CrlState, LedgerError>;

    /// Those of the serial numbers that the issuer's lists have: what CRLs will list. For many at a time; the same one may be
    /// among them several times. One whose revocation has others to follow that it did not come to yet may be left out.
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

    /// Revocations that a record of the ledger has and the issuer's list does not: somebody wrote one by hand, or an item of the
    /// list is gone. Looks at so many records and no more, going on where [`keep_unlisted`](Self::keep_unlisted) says, and leaves
    /// out what had ended long before that time. Ledgers in which nobody writes by hand have none.
    async fn unlisted(&self, issuer: &CaName, at: UnixTime) -> Result<Unlisted, LedgerError> {
        let _ = (issuer, at);
        Ok(Unlisted::default())
    }

    /// All that a look came to was seen to: the next one begins there.
    async fn keep_unlisted(&self, issuer: &CaName, next: Option<Cursor>) -> Result<(), LedgerError> {
        let _ = (issuer, next);
        Ok(())
    }

    /// A certificate with all that revoking it takes. Where what is said of a certificate differs from what the certificate
    /// itself says, the certificate decides.
    async fn certificate_to_revoke(&self, serial: Serial) -> Result<Option<ToRevoke>, LedgerError> {
        let record = self.certificate(None, serial).await?;
        Ok(record.map(|record| ToRevoke { record, damaged: None }))
    }

    /// The same by serial number and the common name that somebody says it has, which is only ever a way to find it.
    async fn named_certificate_to_revoke(
        &self,
        serial: Serial,
        common_name: &str,
    ) -> Result<Option<ToRevoke>, LedgerError> {
        let _ = common_name;
        self.certificate_to_revoke(serial).await
    }

    /// What there is to show of these serial numbers, of which the same may be given several times. Those of which there is
    /// nothing are left out, and so is whatever cannot be read: one of them never stops the others.
    async fn evidence(&self, issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Evidence>, LedgerError>;

    /// Puts an entry of a published CRL, which the ledger does not list or lists as over, back on its list.
    async fn relist(&self, scope: &CrlScope, entry: &RevokedEntry, not_after: UnixTime) -> Result<(), LedgerError>;

    /// Records that certificates name a CRL by that URL. Of several records of one scope and URL the latest end stands.
    async fn record_crl_use(&self, used: CrlUse) -> Result<(), LedgerError>;

    /// Every use that was ever recorded, in no order.
    async fn crl_uses(&self) -> Result<Vec<CrlUse>, LedgerError>;

    /// The newest completed CRL of a scope.
    async fn latest_crl(&self, scope: &CrlScope) -> Result<Option<CrlRecord>, LedgerError> {
        Ok(self.crl_state(scope).await?.latest)
    }

    /// One certificate. `issuer` may be left out where the serial is known alone: serials of 159 random bits do not meet.
    async fn certificate(
        &self,
        issuer: Option<&CaName>,
        serial: Serial,
    ) -> Result<Option<CertificateRecord>, LedgerError>;

    /// Who holds a key, by a certificate or an open intent, as [`reserve`](Self::reserve) would find it for a leaf of
    /// `common_name` and refuse it as [`LedgerError::KeyInUse`] or [`LedgerError::KeyBlocked`]. Reserves nothing.
    async fn key_holder(&self, key: KeyFingerprint, common_name: &str) -> Result<KeyStatus, LedgerError>;

    /// A page of certificates, in the query's order. It may hold fewer than were asked for, or none, and have a next page all
    /// the same: a ledger looks at so much for one page and no more. Pages are stable: a certificate issued meanwhile is neither repeated nor skipped
    /// among those that were there at the first page.
    async fn search(&self, query: &Search, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError>;

    /// A page of the certificates of exactly that name, in an order of the ledger's own: for whoever wants all of them. Some
    /// `limit` certificates are looked at.
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

    /// Certificates with `notify_expiry` whose notAfter lies in the window, page by page.
    async fn expiring(
        &self,
        from: UnixTime,
        to: UnixTime,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError>;

    /// Records that a reminder was sent for a certificate.
    async fn record_reminder(&self, issuer: &CaName, serial: Serial, at: UnixTime) -> Result<(), LedgerError>;

    /// Records the names that a server of this authority is reached by, until its certificate for them ends. A name that is
    /// there already stays until the later of both ends. Ledgers beside which no server runs keep none.
    async fn keep_own_names(&self, names: &[AltName], until: UnixTime) -> Result<(), LedgerError> {
        let _ = (names, until);
        Ok(())
    }

    /// Every such name whose end is not over at that time, in no order.
    async fn own_names(&self, at: UnixTime) -> Result<Vec<AltName>, LedgerError> {
        let _ = at;
        Ok(Vec::new())
    }

    /// Hears of the key of a certificate that was shown, and whose issuer signed it. A ledger that was restored has serial
    /// numbers of which it knows nothing but that they are revoked: where the reason is that the key is compromised, the key
    /// is blocked from now on. Whether it was. Ledgers that are never restored have none of these.
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

/// Certificates of one name that are read at a time.
const PAGE: usize = 1000;

/// Calls `each` for every certificate of exactly that name, page by page, in no order.
pub async fn for_each_named(
    ledger: &dyn Ledger,
    common_name: &str,
    each: &mut (dyn FnMut(CertificateRecord) + Send),
) -> Result<(), LedgerError> {
    // The ledger would take it for the beginning of a name.
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
