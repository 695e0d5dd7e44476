//! A CA is revoked as a whole: with one of its certificates, all others for its key.
//!
//! Otherwise relying parties could go on verifying what it issued, by a former certificate or a cross-certificate. The
//! ledger refuses to reserve under such a CA from the first revocation on; a run that was interrupted is finished by
//! [`finish_revocations`](Authority::finish_revocations).
//!
//! Which certificates are the CA's is decided by the certificates: they have its key, and a CA of this authority signed
//! them. What is recorded beside them proves nothing, and would let whoever writes it revoke another CA.

use std::collections::HashMap;

use chancery_x509::certificate::Certificate;
use chancery_x509::crl::RevocationReason;

use super::RevokeError;
use super::others::{Affected, AlsoRevoked};
use crate::authority::Authority;
use crate::ca::Ca;
use crate::ca_name::CaName;
use crate::event::Event;
use crate::port::LedgerError;
use crate::port::ledger::{CertificateRecord, IntentId, Kind, Reach, Revocation, Revoked, Search, compromises_key};
use crate::principal::Principal;

/// Certificates that are read at a time.
const PAGE: usize = 100;

/// Most former certificates that are followed from the present one.
const FORMER: usize = 1000;

impl Authority {
    /// Revokes the other certificates for a CA's key with one of its own, as far as the ledger has the CA as revoked then: a
    /// former certificate that was superseded revokes nothing else. Of a compromised key, the ledger revokes them.
    pub(super) async fn revoke_with_ca(
        &self,
        record: &CertificateRecord,
        revocation: &Revocation,
        others: &mut AlsoRevoked,
    ) -> Result<(), RevokeError> {
        let Kind::Ca { ca_name, .. } = &record.kind else {
            return Ok(());
        };
        if compromises_key(revocation.reason) || !self.ports().ledger.issuers().is_revoked(ca_name).await? {
            return Ok(());
        }
        match self.ca(ca_name) {
            Some(ca) => self.revoke_all_of(&ca, Some(revocation), others).await,
            None => Ok(()),
        }
    }

    /// Revokes every certificate for a CA's key. One that fails stops no other; the first failure is returned.
    async fn revoke_all_of(
        &self,
        ca: &Ca,
        revocation: Option<&Revocation>,
        others: &mut AlsoRevoked,
    ) -> Result<(), RevokeError> {
        let mut failure = None;
        let found = self.certificates_of(ca, &mut failure).await;
        let of_ca = |record: &&CertificateRecord| matches!(record.kind, Kind::Ca { .. });
        let recorded = || {
            let revoked = found
                .iter()
                .filter(of_ca)
                .filter_map(|record| record.revocation.as_ref());
            revoked.min_by_key(|revocation| revocation.at).cloned()
        };
        let revocation = revocation.cloned().or_else(recorded).unwrap_or_else(|| Revocation {
            at: self.ports().clock.now(),
            reason: RevocationReason::Unspecified,
            invalidity_date: None,
            principal: Principal::AUTHORITY.to_string(),
        });
        for other in found.iter().filter(|record| record.revocation.is_none()) {
            let revoked = self
                .ports()
                .ledger
                .revocations()
                .revoke(
                    &other.id.issuer,
                    other.id.serial,
                    revocation.clone(),
                    Reach::Certificate,
                )
                .await;
            self.scope_states.changed(&other.scope());
            match revoked.map(|revoked| revoked.certificate) {
                Ok(Revoked::Now(other)) => {
                    tracing::info!(serial = %other.id.serial, issuer = %other.id.issuer, ca = %ca.name(), "certificate revoked because its CA is");
                    others.notice_failed |= !self.notify(Event::CertificateRevoked(other.clone())).await;
                    others.certificates.push(Affected::new(&other, true));
                }
                Ok(Revoked::Already(_)) => {}
                Err(error) => {
                    tracing::error!(%error, serial = %other.id.serial, ca = %ca.name(), "a certificate of a revoked CA is not revoked");
                    failure.get_or_insert(error);
                }
            }
        }
        failure.map_or(Ok(()), |error| Err(error.into()))
    }

    /// The certificates for a CA's key that CAs of this authority signed, other than a root's own, which no CRL revokes.
    async fn certificates_of(&self, ca: &Ca, failure: &mut Option<LedgerError>) -> Vec<CertificateRecord> {
        let certificates = self.ports().ledger.certificates();
        let mut found: HashMap<IntentId, CertificateRecord> = HashMap::new();
        // By the line of renewals, which does not depend on how the ledger finds certificates of a key.
        let mut next = Some(IntentId {
            issuer: ca.signer().clone(),
            serial: ca.certificate().serial(),
        });
        while let Some(id) = next.take().filter(|id| found.len() < FORMER && !found.contains_key(id)) {
            match certificates.get(Some(&id.issuer), id.serial).await {
                Ok(Some(record)) => {
                    next.clone_from(&record.renews);
                    found.insert(id, record);
                }
                Ok(None) => {}
                Err(error) => {
                    failure.get_or_insert(error);
                }
            }
        }
        let query = Search {
            key: Some(ca.issuer.public_key().fingerprint()),
            ..Search::default()
        };
        let mut after = None;
        loop {
            match certificates.search(&query, after.as_ref(), PAGE).await {
                Ok(page) => {
                    found.extend(page.certificates.into_iter().map(|record| (record.id.clone(), record)));
                    after = page.next;
                }
                Err(error) => {
                    failure.get_or_insert(error);
                    break;
                }
            }
            if after.is_none() {
                break;
            }
        }
        let mut found: Vec<CertificateRecord> = found.into_values().collect();
        found.retain(|record| self.is_for_key_of(ca, record));
        found.sort_by_key(|record| (record.not_before, record.id.serial.to_string()));
        found
    }

    fn is_for_key_of(&self, ca: &Ca, record: &CertificateRecord) -> bool {
        let Ok(certificate) = Certificate::parse(&record.certificate) else {
            return false;
        };
        let Some(issuer) = self.ca(&record.id.issuer) else {
            return false;
        };
        let is_root = issuer.name() == ca.name();
        !is_root
            && certificate.spki_der() == ca.issuer.public_key().as_der()
            && certificate.is_signed_by(issuer.issuer.public_key())
    }

    /// Continues the revocations of CAs whose certificates that issuer, or any, issued.
    pub(super) async fn finish_cas(&self, of: Option<&CaName>) -> Result<Vec<Affected>, RevokeError> {
        let mut others = AlsoRevoked::default();
        let mut failure = None;
        let is_due = |ca: &Ca| {
            let parent = ca.record.parent.as_ref();
            parent.is_some_and(|parent| of.is_none_or(|of| of == parent)) && !self.has_ended(ca)
        };
        for ca in self.cas().iter().filter(|ca| is_due(ca)) {
            let finished = async {
                if self.ports().ledger.issuers().is_revoked(ca.name()).await? {
                    self.revoke_all_of(ca, None, &mut others).await?;
                }
                Ok::<_, RevokeError>(())
            };
            if let Err(error) = finished.await {
                tracing::error!(%error, ca = %ca.name(), "the revocation of a CA cannot go on");
                failure.get_or_insert(error);
            }
        }
        failure.map_or(Ok(others.certificates), Err)
    }
}
