//! A CA is revoked as a whole: with one of its certificates, all others for its key.
//!
//! Otherwise relying parties could go on verifying what it issued, by a former certificate or a cross-certificate. The
//! ledger refuses to reserve under such a CA from the first revocation on; a run that was interrupted is finished by
//! [`finish_revocations`](Authority::finish_revocations).

use chancery_x509::crl::RevocationReason;

use super::RevokeError;
use super::others::{Affected, AlsoRevoked};
use crate::authority::Authority;
use crate::ca::Ca;
use crate::ca_name::CaName;
use crate::event::Event;
use crate::port::ledger::{CertificateRecord, Kind, Reach, Revocation, Revoked, Search, compromises_key};

/// Certificates that are read at a time.
const PAGE: usize = 100;

impl Authority {
    /// Whether the revocation of that certificate revokes its CA: not if it is a former one that was superseded.
    async fn revokes_ca(&self, record: &CertificateRecord, reason: RevocationReason) -> bool {
        let Kind::Authority { ca_name, .. } = &record.kind else {
            return false;
        };
        if reason != RevocationReason::Superseded {
            return true;
        }
        if let Err(error) = self.reload().await {
            tracing::warn!(%error, "the CAs could not be read again: which certificates they have is as it was read before");
        }
        self.ca(ca_name)
            .is_none_or(|ca| ca.certificate().serial() == record.id.serial)
    }

    /// Revokes the other certificates for a CA's key with one of its own. Of a compromised key, the ledger does so.
    pub(super) async fn revoke_with_ca(
        &self,
        record: &CertificateRecord,
        revocation: &Revocation,
        others: &mut AlsoRevoked,
    ) -> Result<(), RevokeError> {
        if compromises_key(revocation.reason) || !self.revokes_ca(record, revocation.reason).await {
            return Ok(());
        }
        let ledger = &self.ports().ledger;
        let query = Search {
            key: Some(record.key),
            revoked: Some(false),
            ..Search::default()
        };
        let (mut after, mut due) = (None, Vec::new());
        loop {
            let page = ledger.certificates().search(&query, after.as_ref(), PAGE).await?;
            due.extend(page.certificates);
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        for other in due {
            // No CRL revokes a root's own.
            let is_root = matches!(other.kind, Kind::Authority { parent: None, .. });
            if other.id == record.id || is_root || !other.is_ca() {
                continue;
            }
            let revoked = ledger
                .revocations()
                .revoke(
                    &other.id.issuer,
                    other.id.serial,
                    revocation.clone(),
                    Reach::Certificate,
                )
                .await;
            self.slots.changed(&other.scope());
            if let Revoked::Now(other) = revoked?.certificate {
                tracing::info!(serial = %other.id.serial, issuer = %other.id.issuer, with = %record.id.serial, "certificate revoked because its CA is");
                others.notice_failed |= !self.notify(Event::CertificateRevoked(other.clone())).await;
                others.certificates.push(Affected::new(&other, true));
            }
        }
        Ok(())
    }

    /// Continues the revocations of CAs whose certificates that issuer, or any, issued.
    pub(super) async fn finish_cas(&self, of: Option<&CaName>) -> Result<Vec<Affected>, RevokeError> {
        let mut others = AlsoRevoked::default();
        let is_due = |ca: &Ca| {
            let parent = ca.record.parent.as_ref();
            parent.is_some_and(|parent| of.is_none_or(|of| of == parent))
        };
        for ca in self.cas().iter().filter(|ca| is_due(ca)) {
            let certificates = self.ports().ledger.certificates();
            let Some(record) = certificates.get(Some(ca.signer()), ca.certificate().serial()).await? else {
                continue;
            };
            if let Some(revocation) = record.revocation.clone() {
                self.revoke_with_ca(&record, &revocation, &mut others).await?;
            }
        }
        Ok(others.certificates)
    }
}
