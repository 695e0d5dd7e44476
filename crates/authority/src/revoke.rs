//! Revocation: recorded first, then published in a CRL, then reported by a notice.

mod of_ca;
mod others;

use std::collections::BTreeSet;

use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use crate::authority::Authority;
use crate::ca_name::CaName;
use crate::event::Event;
use crate::port::LedgerError;
use crate::port::ledger::{
    CertificateRecord, CrlScope, Kind, Reach, Revocation, Revoked, UnreadableRow, compromises_key,
};
use crate::principal::Principal;
use crate::publish::{PublishError, PublishedCrl, is_past};
pub use others::{Affected, StillValid};

/// The result of a recorded revocation.
#[derive(Debug)]
pub struct RevokedCertificate {
    /// The certificate, with its revocation.
    pub record: CertificateRecord,
    /// Whether it was revoked before: the record then contains when and why.
    pub already: bool,
    /// The published CRL that lists it, if the configuration asks to publish at once. A failure here undoes nothing:
    /// the revocation is recorded, and the next publication lists it. `None`: nothing was published or checked.
    pub crl: Option<Result<PublishedCrl, PublishError>>,
    /// Others that the same call revoked, because the key is compromised: see [`Reach::Key`].
    pub others: Vec<Affected>,
    /// Rows to be revoked or given up with it that cannot be read: repair them, and where nothing was done, revoke
    /// again.
    pub unreadable: BTreeSet<UnreadableRow>,
    /// The results for other CRLs that list `others`.
    pub other_crls: Vec<(CrlScope, Result<PublishedCrl, PublishError>)>,
    /// Valid certificates of the same key and, if the key is compromised, those that descend from it by renewal: they
    /// were not changed. `None` where this was not queried, or the ledger failed.
    pub still_valid: Option<StillValid>,
    /// Whether a notice was due and could not be delivered.
    pub notice_failed: bool,
}

/// Why a certificate was not revoked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// No certificate with that serial number.
    #[error("no certificate has serial number {0}")]
    NotFound(Serial),
    /// A root's own certificate: no CRL can revoke it (RFC 5280 section 6.1 does not check a trust anchor).
    #[error("{0} is a root CA, which no CRL can revoke; remove its certificate from every trust store instead")]
    Root(CaName),
    /// An invalidity date in the future.
    #[error(
        "the invalidity date {invalidity_date} lies in the future; it says since when the key is not to be trusted"
    )]
    InvalidityDate {
        /// As given.
        invalidity_date: UnixTime,
    },
    /// An invalidity date before the year 1, which a CRL cannot express.
    #[error(
        "the invalidity date {invalidity_date} is before the year 1, which a CRL cannot express; give the date since which \
         the key is not trusted, or omit it"
    )]
    NoInvalidityDate {
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
    /// Revokes a certificate, a leaf's or a CA's; if the reason is a compromised key, the whole family as well. May be
    /// repeated after any error, and after a success: the first revocation remains, except that `keyCompromise` may
    /// replace another reason.
    pub async fn revoke(
        &self,
        serial: Serial,
        reason: RevocationReason,
        invalidity_date: Option<UnixTime>,
        principal: &Principal,
    ) -> Result<RevokedCertificate, RevokeError> {
        self.revoke_reaching(serial, reason, invalidity_date, principal, Reach::Key)
            .await
    }

    /// The same within `reach`. Also reports what is still valid for the same key.
    pub async fn revoke_reaching(
        &self,
        serial: Serial,
        reason: RevocationReason,
        invalidity_date: Option<UnixTime>,
        principal: &Principal,
        reach: Reach,
    ) -> Result<RevokedCertificate, RevokeError> {
        let record = self
            .ports()
            .ledger
            .revocations()
            .certificate_to_revoke(serial, None)
            .await?;
        let record = record.ok_or(RevokeError::NotFound(serial))?.record;
        let mut revoked = self
            .revoke_within(record, reason, invalidity_date, principal, reach)
            .await?;
        revoked.still_valid = self.still_valid(&revoked.record, compromises_key(reason)).await;
        Ok(revoked)
    }

    /// The same for a record that the caller has, without reporting what is still valid.
    pub async fn revoke_record(
        &self,
        record: CertificateRecord,
        reason: RevocationReason,
        invalidity_date: Option<UnixTime>,
        principal: &Principal,
    ) -> Result<RevokedCertificate, RevokeError> {
        self.revoke_within(record, reason, invalidity_date, principal, Reach::Key)
            .await
    }

    async fn revoke_within(
        &self,
        record: CertificateRecord,
        reason: RevocationReason,
        invalidity_date: Option<UnixTime>,
        principal: &Principal,
        reach: Reach,
    ) -> Result<RevokedCertificate, RevokeError> {
        // What compromises a CA's key revokes all of its certificates.
        let reach = if record.is_ca() { Reach::Key } else { reach };
        let serial = record.id.serial;
        let now = self.ports().clock.now();
        if let Some(invalidity_date) = invalidity_date.filter(|date| *date > now) {
            return Err(RevokeError::InvalidityDate { invalidity_date });
        }
        if let Some(invalidity_date) = invalidity_date.filter(|date| *date < UnixTime::FIRST) {
            return Err(RevokeError::NoInvalidityDate { invalidity_date });
        }
        if let Kind::Ca {
            ca_name, parent: None, ..
        } = &record.kind
        {
            return Err(RevokeError::Root(ca_name.clone()));
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
        let reaching = self
            .ports()
            .ledger
            .revocations()
            .revoke(&scope.issuer, serial, revocation.clone(), reach)
            .await;
        // Also after an error: the revocation may have been written and only the response lost.
        match &reaching {
            Ok(together) if matches!(together.certificate, Revoked::Already(_)) => {}
            Err(LedgerError::NotFound(_)) => {}
            Ok(_) => self.scope_states.changed(&scope),
            Err(_) => {
                self.scope_states.changed(&scope);
                self.others_may_have_changed(reason);
            }
        }
        let together = reaching?;
        let (record, already) = match together.certificate {
            Revoked::Now(record) => (*record, false),
            Revoked::Already(record) => (*record, true),
        };
        if !already {
            tracing::info!(%serial, issuer = %scope.issuer, reason = reason.name(), %principal, "certificate revoked");
        }
        let first = (together.others, together.unreadable, together.has_more);
        let mut others = self.revoke_others(&record, &revocation, first).await?;
        self.revoke_with_ca(&record, &revocation, &mut others).await?;
        let at_once = self.publishes_at_once(&scope);
        let beside = others.certificates.iter();
        let beside = beside.filter(|other| other.scope() == scope && !is_past(other.not_after, now));
        let mut serials: Vec<Serial> = beside.map(|other| other.id.serial).collect();
        let is_new = !already || !serials.is_empty();
        serials.extend(expected(&record, now));
        let crl = if !at_once {
            None
        } else if !is_new {
            // An earlier revocation may not be on a CRL yet: the process that recorded it may have ended before
            // publishing.
            Some(self.publish_unless_listed(&scope, &serials).await)
        } else {
            Some(self.publish_changes(&scope, &serials).await)
        };
        let notified = already || self.notify(Event::CertificateRevoked(Box::new(record.clone()))).await;
        let other_crls = self.publish_others(&scope, &others.certificates).await;
        Ok(RevokedCertificate {
            record,
            already,
            crl,
            others: others.certificates,
            unreadable: others.unreadable,
            other_crls,
            still_valid: None,
            notice_failed: !notified || others.notice_failed,
        })
    }

    fn publishes_at_once(&self, scope: &CrlScope) -> bool {
        self.config()
            .ca(&scope.issuer)
            .is_none_or(|ca| ca.crl().publish_on_revocation())
    }
}

/// The first revocation remains, except that `keyCompromise` may replace another reason.
pub fn replaces(reason: RevocationReason, recorded: &Revocation) -> bool {
    reason == RevocationReason::KeyCompromise && recorded.reason != RevocationReason::KeyCompromise
}

/// Whether an entry for the reason `wanted` is satisfied by a CRL that lists the reason `listed`.
pub fn satisfies(listed: RevocationReason, wanted: RevocationReason) -> bool {
    wanted != RevocationReason::KeyCompromise || listed == RevocationReason::KeyCompromise
}

/// The serial number that a CRL must list; none if the certificate ended so long ago that no CRL lists it.
fn expected(record: &CertificateRecord, now: UnixTime) -> &[Serial] {
    if is_past(record.not_after, now) {
        &[]
    } else {
        std::slice::from_ref(&record.id.serial)
    }
}
