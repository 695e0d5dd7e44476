//! The rest of a certificate's family: revoked with it if its key is compromised, otherwise reported.

use std::collections::{BTreeSet, HashSet};

use chancery_x509::crl::RevocationReason;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::RevokeError;
use crate::authority::Authority;
use crate::ca_name::CaName;
use crate::event::Event;
use crate::port::ledger::{
    CertificateRecord, CrlScope, IntentId, LedgerError, Reach, Revocation, Revoked, UNREADABLE_REPORTED,
    UnfinishedFamily, UnreadableRow, compromises_key,
};
use crate::publish::{PublishError, PublishedCrl, is_past};
use crate::sweep::GRACE;

/// Most still valid certificates that are reported.
const TOLD: usize = 100;

/// Most further calls to the ledger for what the first left: each revokes a thousand.
const ROUNDS: usize = 1000;

/// Unfinished families read at a time.
const FAMILIES: usize = 100;

/// Another certificate that a revocation affects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affected {
    /// Issuer and serial number.
    pub id: IntentId,
    /// The common name; empty where the subject has none.
    pub common_name: String,
    /// Its notAfter.
    pub not_after: UnixTime,
    /// Its CRL shard.
    pub shard: Option<u16>,
    /// Whether it has the same key; otherwise it descends from one that has, by renewal.
    pub same_key: bool,
}

/// Certificates that are still valid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StillValid {
    /// The certificates, at most a hundred.
    pub certificates: Vec<Affected>,
    /// Whether there are more.
    pub has_more: bool,
}

/// What was revoked in addition to the certificate that was asked for.
#[derive(Default)]
pub(super) struct AlsoRevoked {
    pub(super) certificates: Vec<Affected>,
    pub(super) unreadable: BTreeSet<UnreadableRow>,
    pub(super) notice_failed: bool,
}

impl Affected {
    pub(super) fn new(record: &CertificateRecord, same_key: bool) -> Self {
        Self {
            id: record.id.clone(),
            common_name: record.common_name.clone(),
            not_after: record.not_after,
            shard: record.shard,
            same_key,
        }
    }

    /// The CRL that lists it.
    pub fn scope(&self) -> CrlScope {
        CrlScope {
            issuer: self.id.issuer.clone(),
            shard: self.shard,
        }
    }
}

impl Authority {
    /// Handles what the ledger's first call revoked in addition to `record`, and calls it again until nothing is left.
    pub(super) async fn revoke_others(
        &self,
        record: &CertificateRecord,
        revocation: &Revocation,
        first: (Vec<CertificateRecord>, Vec<UnreadableRow>, bool),
    ) -> Result<AlsoRevoked, RevokeError> {
        let now = self.ports().clock.now();
        let mut others = AlsoRevoked::default();
        let (mut batch, mut unreadable, mut has_more) = first;
        for _ in 0..ROUNDS {
            self.report_unreadable(unreadable, revocation.reason, &mut others.unreadable);
            for other in &batch {
                let affected = Affected::new(other, other.key == record.key);
                self.scope_states.changed(&affected.scope());
                tracing::info!(
                    serial = %other.id.serial,
                    issuer = %other.id.issuer,
                    common_name = other.common_name,
                    with = %record.id.serial,
                    same_key = affected.same_key,
                    "certificate revoked because it belongs to the family of a compromised key"
                );
                // A chain of short-lived certificates may have thousands that ended long ago: they are logged, without
                // notices.
                if !is_past(other.not_after, now) {
                    others.notice_failed |= !self.notify(Event::CertificateRevoked(Box::new(other.clone()))).await;
                }
                others.certificates.push(affected);
            }
            if !has_more {
                break;
            }
            let next = self
                .ports()
                .ledger
                .revocations()
                .revoke(&record.id.issuer, record.id.serial, revocation.clone(), Reach::Key)
                .await;
            if next.is_err() {
                self.others_may_have_changed(revocation.reason);
            }
            let next = next?;
            (batch, unreadable, has_more) = (next.others, next.unreadable, next.has_more);
        }
        Ok(others)
    }

    /// Continues families of compromised keys whose revocation was interrupted, for certificates of that issuer or of
    /// any: the original caller has its answer, or is gone, and will not repeat the call. Returns the certificates that
    /// this call revoked. A family that was begun recently is left to the process working on it; one that fails stops
    /// no other.
    pub async fn finish_revocations(&self, of: Option<&CaName>) -> Result<Vec<Affected>, RevokeError> {
        let now = self.ports().clock.now();
        let (mut finished, mut failure, mut after) = (Vec::new(), None, None);
        loop {
            let unfinished = self
                .ports()
                .ledger
                .revocations()
                .unfinished_families(after, FAMILIES)
                .await?;
            for detail in unfinished.unreadable {
                tracing::error!(
                    detail,
                    "which others are to be revoked with a compromised key cannot be read: revoke the certificate again"
                );
                failure.get_or_insert(LedgerError::Damaged { detail }.into());
            }
            for certificate in unfinished.unconfirmed {
                tracing::error!(
                    %certificate,
                    "the ledger marks a family for revocation, but the certificate is not revoked for a compromised key; the \
                     family is left alone; find out who wrote the mark"
                );
            }
            for family in unfinished.families {
                // A time far in the future counts as old: the clock was ahead then.
                let is_left = family.revocation.at.0.abs_diff(now.0) >= GRACE.unsigned_abs();
                if !is_left || of.is_some_and(|of| *of != family.id.issuer) {
                    continue;
                }
                match self.finish_revocation(&family).await {
                    Ok(others) => finished.extend(others),
                    Err(error) => {
                        tracing::error!(%error, certificate = %family.id, "the revocation of a compromised key's family cannot go on");
                        failure.get_or_insert(error);
                    }
                }
            }
            // A family that cannot be finished is kept; the ones after it are processed all the same.
            after = unfinished.next;
            if after.is_none() {
                break;
            }
        }
        match self.finish_cas(of).await {
            Ok(others) => finished.extend(others),
            Err(error) => {
                failure.get_or_insert(error);
            }
        }
        failure.map_or(Ok(finished), Err)
    }

    /// What stands of revocations of compromised keys that did not come to their end, with the CA of the certificate that
    /// was asked for, if it is known: certificates of such a key may still be valid.
    pub(crate) async fn unfinished_revocations(&self) -> Result<Vec<(Option<CaName>, String)>, LedgerError> {
        let unfinished = self
            .ports()
            .ledger
            .revocations()
            .unfinished_families(None, FAMILIES)
            .await?;
        let left = unfinished.families.into_iter().map(|UnfinishedFamily { id, .. }| {
            let note = format!(
                "certificates of the compromised key of {serial} may still be valid: revoking them has not come to its end; \
                 `chancery start` goes on with it, or revoke {serial} once more, with --reason keyCompromise",
                serial = id.serial
            );
            (Some(id.issuer), note)
        });
        let unconfirmed = unfinished.unconfirmed.into_iter().map(|id| {
            let note = format!(
                "the ledger marks the key of {serial} as compromised, and no revocation says so: nothing is revoked for it; find \
                 out who wrote the mark, and revoke {serial} if the key is compromised",
                serial = id.serial
            );
            (Some(id.issuer), note)
        });
        let unreadable = unfinished.unreadable.into_iter().map(|detail| {
            let note = format!(
                "certificates of a compromised key may still be valid, and which ones cannot be read ({detail}): revoke the \
                 certificate again"
            );
            (None, note)
        });
        Ok(left.chain(unconfirmed).chain(unreadable).collect())
    }

    async fn finish_revocation(&self, family: &UnfinishedFamily) -> Result<Vec<Affected>, RevokeError> {
        let UnfinishedFamily { id, revocation } = family;
        tracing::warn!(certificate = %id, "the revocation of a compromised key's family was interrupted; it goes on");
        let reaching = self
            .ports()
            .ledger
            .revocations()
            .revoke(&id.issuer, id.serial, revocation.clone(), Reach::Key)
            .await;
        if reaching.is_err() {
            self.others_may_have_changed(revocation.reason);
        }
        let together = reaching?;
        let (Revoked::Now(record) | Revoked::Already(record)) = together.certificate;
        self.scope_states.changed(&Affected::new(&record, true).scope());
        let first = (together.others, together.unreadable, together.has_more);
        Ok(self.revoke_others(&record, revocation, first).await?.certificates)
    }

    /// Reports each row once, however many calls find it.
    fn report_unreadable(
        &self,
        unreadable: Vec<UnreadableRow>,
        reason: RevocationReason,
        reported: &mut BTreeSet<UnreadableRow>,
    ) {
        for row in unreadable {
            if reported.len() >= UNREADABLE_REPORTED || reported.contains(&row) {
                continue;
            }
            if row.is_done {
                // The row's CRL cannot be determined.
                self.others_may_have_changed(reason);
            }
            tracing::error!(
                row.what,
                row.is_done,
                "a certificate or intent of the compromised key's family cannot be read: repair it, and if it was not \
                 revoked or given up, revoke again"
            );
            reported.insert(row);
        }
    }

    /// The response with the other revoked certificates was lost: any CRL may have to list one.
    pub(super) fn others_may_have_changed(&self, reason: RevocationReason) {
        if compromises_key(reason) {
            for ca in self.cas().iter() {
                self.scope_states.issuer_changed(ca.name());
            }
        }
    }

    /// Publishes the CRLs that list others, except the one of `scope`.
    pub(super) async fn publish_others(
        &self,
        scope: &CrlScope,
        others: &[Affected],
    ) -> Vec<(CrlScope, Result<PublishedCrl, PublishError>)> {
        let now = self.ports().clock.now();
        let mut seen = HashSet::from([scope.clone()]);
        let mut crls = Vec::new();
        // Certificates that ended long ago are on no CRL.
        let others: Vec<&Affected> = others.iter().filter(|other| !is_past(other.not_after, now)).collect();
        for other in others.iter().map(|other| other.scope()) {
            if seen.insert(other.clone()) && self.publishes_at_once(&other) {
                let of_scope = others.iter().filter(|affected| affected.scope() == other);
                let serials: Vec<Serial> = of_scope.map(|affected| affected.id.serial).collect();
                let outcome = self.publish_changes(&other, &serials).await;
                crls.push((other, outcome));
            }
        }
        crls
    }

    /// Valid certificates of the same key and, if the key is compromised, those that descend from it.
    pub(super) async fn still_valid(&self, record: &CertificateRecord, compromised: bool) -> Option<StillValid> {
        let now = self.ports().clock.now();
        let related = self
            .ports()
            .ledger
            .revocations()
            .related(&record.id, now, TOLD * 2)
            .await;
        let related = match related {
            Ok(related) => related,
            Err(error) => {
                tracing::warn!(%error, serial = %record.id.serial, "what else is valid for its key is not known");
                return None;
            }
        };
        let concerned = related.iter().filter(|other| other.same_key || compromised);
        let mut certificates: Vec<_> = concerned
            .map(|other| Affected::new(&other.record, other.same_key))
            .collect();
        let has_more = certificates.len() > TOLD || related.len() == TOLD * 2;
        certificates.truncate(TOLD);
        Some(StillValid { certificates, has_more })
    }
}
