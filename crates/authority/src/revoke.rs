//! Revocation: recorded first, then put on a CRL, then told.

mod listed;

use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use crate::authority::Authority;
use crate::port::LedgerError;
use crate::port::ledger::{CertificateRecord, CrlScope, Kind, Revocation, Revoked};
use crate::principal::Principal;
use crate::publish::{PublishError, PublishedCrl, is_past};
use crate::slug::Slug;
use crate::wire::notice;
pub use listed::{ListedRevocation, SkippedRevocation, decide_listed, stands};

/// What came of a revocation that stands.
#[derive(Debug)]
pub struct RevokedCertificate {
    /// The certificate, with its revocation.
    pub record: CertificateRecord,
    /// Whether it was revoked before: then the record says when and why.
    pub already: bool,
    /// The CRL that it was seen in, where the configuration says to publish at once. A failure here undoes nothing: the
    /// revocation is recorded, and the next publication lists it. `None`: nothing was published, and nothing looked at.
    pub crl: Option<Result<PublishedCrl, PublishError>>,
    /// Whether a notice was due and could not be delivered.
    pub notice_failed: bool,
}

/// Why a certificate was not revoked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// No such certificate.
    #[error("no certificate has serial number {0}")]
    NotFound(Serial),
    /// A root's own certificate: no CRL can say that (RFC 5280 section 6.1 does not look for one).
    #[error("{0} is a root: nobody looks for its revocation; take its certificate out of every trust store instead")]
    Root(Slug),
    /// An invalidity date to come.
    #[error(
        "the invalidity date {invalidity_date} lies in the future; it says since when the key is not to be trusted"
    )]
    InvalidityDate {
        /// As given.
        invalidity_date: UnixTime,
    },
    /// The ledger.
    #[error(transparent)]
    Ledger(LedgerError),
}

impl From<LedgerError> for RevokeError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::NotFound(serial) => Self::NotFound(serial),
            other => Self::Ledger(other),
        }
    }
}

impl Authority {
    /// Revokes a certificate, a leaf's or a CA's. May be repeated after any error, and after a success: the first
    /// revocation stands, but for `keyCompromise`, which may replace another reason.
    pub async fn revoke(
        &self,
        serial: Serial,
        reason: RevocationReason,
        invalidity_date: Option<UnixTime>,
        principal: &Principal,
    ) -> Result<RevokedCertificate, RevokeError> {
        let record = self.ports().ledger.certificate_to_revoke(serial).await?;
        let record = record.ok_or(RevokeError::NotFound(serial))?;
        self.revoke_record(record, reason, invalidity_date, principal).await
    }

    /// The same for a certificate whose record is at hand.
    pub async fn revoke_record(
        &self,
        record: CertificateRecord,
        reason: RevocationReason,
        invalidity_date: Option<UnixTime>,
        principal: &Principal,
    ) -> Result<RevokedCertificate, RevokeError> {
        let serial = record.id.serial;
        let now = self.ports().clock.now();
        if let Some(invalidity_date) = invalidity_date.filter(|date| *date > now) {
            return Err(RevokeError::InvalidityDate { invalidity_date });
        }
        if let Kind::Authority { slug, parent: None, .. } = record.kind {
            return Err(RevokeError::Root(slug));
        }
        let scope = CrlScope {
            issuer: record.id.issuer,
            shard: record.shard,
        };
        let revocation = Revocation {
            at: now,
            reason,
            invalidity_date,
            principal: principal.to_string(),
        };
        let outcome = self.ports().ledger.revoke(&scope.issuer, serial, revocation).await;
        // Also where it failed: the answer may have been lost, not the revocation.
        if !matches!(outcome, Ok(Revoked::Already(_)) | Err(LedgerError::NotFound(_))) {
            self.slots.changed(&scope);
        }
        let (record, already) = match outcome? {
            Revoked::Now(record) => (*record, false),
            Revoked::Already(record) => (*record, true),
        };
        if !already {
            tracing::info!(%serial, issuer = %scope.issuer, reason = reason.name(), %principal, "certificate revoked");
        }
        let at_once = self
            .config()
            .ca(&scope.issuer)
            .is_none_or(|ca| ca.crl().publish_on_revocation());
        let serials = expected(&record, now);
        let crl = if !at_once {
            None
        } else if already {
            // One that stood before may not be on a CRL yet: who recorded it may not have come to publish it.
            Some(self.publish_unless_listed(&scope, serials).await)
        } else {
            Some(self.publish_changes(&scope, serials).await)
        };
        let notice_failed = !already && !self.tell(notice::certificate_revoked(&record)).await;
        Ok(RevokedCertificate {
            record,
            already,
            crl,
            notice_failed,
        })
    }
}

/// What a CRL must list of it: nothing, where it ended so long ago that no CRL does.
fn expected(record: &CertificateRecord, now: UnixTime) -> &[Serial] {
    if is_past(record.not_after, now) {
        &[]
    } else {
        std::slice::from_ref(&record.id.serial)
    }
}
