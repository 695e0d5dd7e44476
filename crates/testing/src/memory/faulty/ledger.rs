//! The calls of each port of the ledger, with faults before and after them.

use std::collections::HashMap;
use std::io;

use async_trait::async_trait;
use chancery_authority::ca_name::CaName;
use chancery_authority::port::ledger::{
    Attempt, AttemptOrigin, AttemptPage, AttemptPosition, Attempts, CaRecord, CertificateIntent, CertificateRecord,
    Certificates, Completion, Counts, CrlIntent, CrlPlan, CrlRecord, CrlReservation, CrlScope, CrlState, CrlUse, Crls,
    Cursor, Evidence, FamilyPosition, Freezes, Frozen, IntentId, Intents, IssuerChange, Issuers, KeyStatus,
    LedgerError, Listed, Monitoring, OpenIntents, OpenPosition, Outcome, Page, Reach, Rejection, Rejections, Related,
    Reminders, Reservation, Revocation, Revocations, RevokedEntries, RevokedTogether, Search, ServerNames, Statement,
    Thaw, Thawing, ToRevoke, UnfinishedFamilies, Unlisted,
};
use chancery_authority::port::publication::ETag;
use chancery_x509::crl::RevokedEntry;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::san::AltName;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::{Faulty, Verdict};

fn ledger(detail: String) -> LedgerError {
    LedgerError::Unavailable { detail }
}

#[async_trait]
impl<T: Intents + ?Sized> Intents for Faulty<T> {
    async fn reserve(&self, intent: CertificateIntent) -> Result<Reservation, LedgerError> {
        self.faults
            .around("intents.reserve", ledger, self.inner.reserve(intent))
            .await
    }

    async fn complete(&self, completion: Completion) -> Result<CertificateRecord, LedgerError> {
        self.faults
            .around("intents.complete", ledger, self.inner.complete(completion))
            .await
    }

    async fn mark_lost(&self, intent: IntentId, at: UnixTime) -> Result<(), LedgerError> {
        self.faults
            .around("intents.mark_lost", ledger, self.inner.mark_lost(intent, at))
            .await
    }

    async fn list_open(
        &self,
        after: Option<OpenPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<OpenIntents, LedgerError> {
        let work = self.inner.list_open(after, before, limit);
        self.faults.around("intents.list_open", ledger, work).await
    }
}

#[async_trait]
impl<T: Attempts + ?Sized> Attempts for Faulty<T> {
    async fn record(&self, attempt: Attempt) -> Result<(), LedgerError> {
        self.faults
            .around("attempts.record", ledger, self.inner.record(attempt))
            .await
    }

    async fn conclude(&self, attempt: AttemptPosition, outcome: Outcome, at: UnixTime) -> Result<(), LedgerError> {
        let work = self.inner.conclude(attempt, outcome, at);
        self.faults.around("attempts.conclude", ledger, work).await
    }

    async fn list(
        &self,
        after: Option<AttemptPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<AttemptPage, LedgerError> {
        self.faults
            .around("attempts.list", ledger, self.inner.list(after, before, limit))
            .await
    }
}

#[async_trait]
impl<T: Freezes + ?Sized> Freezes for Faulty<T> {
    async fn freeze(&self, freeze: Statement) -> Result<(), LedgerError> {
        self.faults
            .around("freezes.freeze", ledger, self.inner.freeze(freeze))
            .await
    }

    async fn thaw(&self, thaw: Thaw) -> Result<Thawing, LedgerError> {
        self.faults.around("freezes.thaw", ledger, self.inner.thaw(thaw)).await
    }

    async fn frozen(&self) -> Result<Option<Frozen>, LedgerError> {
        self.faults.around("freezes.frozen", ledger, self.inner.frozen()).await
    }
}

#[async_trait]
impl<T: Certificates + ?Sized> Certificates for Faulty<T> {
    async fn evidence(&self, issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Evidence>, LedgerError> {
        self.faults
            .around("certificates.evidence", ledger, self.inner.evidence(issuer, serials))
            .await
    }

    async fn get(&self, issuer: Option<&CaName>, serial: Serial) -> Result<Option<CertificateRecord>, LedgerError> {
        self.faults
            .around("certificates.get", ledger, self.inner.get(issuer, serial))
            .await
    }

    async fn named(&self, common_name: &str, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        let work = self.inner.named(common_name, after, limit);
        self.faults.around("certificates.named", ledger, work).await
    }

    async fn key_status(&self, key: KeyFingerprint, common_name: &str) -> Result<KeyStatus, LedgerError> {
        self.faults
            .around(
                "certificates.key_status",
                ledger,
                self.inner.key_status(key, common_name),
            )
            .await
    }

    async fn search(&self, query: &Search, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        self.faults
            .around("certificates.search", ledger, self.inner.search(query, after, limit))
            .await
    }
}

#[async_trait]
impl<T: Revocations + ?Sized> Revocations for Faulty<T> {
    async fn revoke(
        &self,
        issuer: &CaName,
        serial: Serial,
        revocation: Revocation,
        reach: Reach,
    ) -> Result<RevokedTogether, LedgerError> {
        let work = self.inner.revoke(issuer, serial, revocation, reach);
        self.faults.around("revocations.revoke", ledger, work).await
    }

    async fn related(&self, id: &IntentId, at: UnixTime, limit: usize) -> Result<Vec<Related>, LedgerError> {
        self.faults
            .around("revocations.related", ledger, self.inner.related(id, at, limit))
            .await
    }

    async fn unfinished_families(
        &self,
        after: Option<FamilyPosition>,
        limit: usize,
    ) -> Result<UnfinishedFamilies, LedgerError> {
        self.faults
            .around(
                "revocations.unfinished_families",
                ledger,
                self.inner.unfinished_families(after, limit),
            )
            .await
    }

    async fn listed(&self, issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Listed>, LedgerError> {
        self.faults
            .around("revocations.listed", ledger, self.inner.listed(issuer, serials))
            .await
    }

    async fn unlisted(&self, issuer: &CaName, at: UnixTime) -> Result<Unlisted, LedgerError> {
        self.faults
            .around("revocations.unlisted", ledger, self.inner.unlisted(issuer, at))
            .await
    }

    async fn unlisted_handled(&self, issuer: &CaName, next: Option<Cursor>) -> Result<(), LedgerError> {
        self.faults
            .around(
                "revocations.unlisted_handled",
                ledger,
                self.inner.unlisted_handled(issuer, next),
            )
            .await
    }

    async fn certificate_to_revoke(
        &self,
        serial: Serial,
        common_name: Option<&str>,
    ) -> Result<Option<ToRevoke>, LedgerError> {
        let work = self.inner.certificate_to_revoke(serial, common_name);
        self.faults
            .around("revocations.certificate_to_revoke", ledger, work)
            .await
    }

    async fn relist(&self, scope: &CrlScope, entry: &RevokedEntry, not_after: UnixTime) -> Result<(), LedgerError> {
        self.faults
            .around("revocations.relist", ledger, self.inner.relist(scope, entry, not_after))
            .await
    }

    async fn learn_key(&self, certificate: &IntentId, key: KeyFingerprint, at: UnixTime) -> Result<bool, LedgerError> {
        let work = self.inner.learn_key(certificate, key, at);
        self.faults.around("revocations.learn_key", ledger, work).await
    }
}

#[async_trait]
impl<T: Crls + ?Sized> Crls for Faulty<T> {
    async fn reserve(&self, scope: &CrlScope, plan: CrlPlan) -> Result<CrlReservation, LedgerError> {
        let work = self.inner.reserve(scope, plan);
        let reservation = self.faults.around("crls.reserve", ledger, work).await?;
        let fails = matches!(
            self.faults.next("crls.entries"),
            Verdict::FailBefore | Verdict::FailAfter
        );
        let revocations = FaultyEntries {
            inner: reservation.revocations,
            fails,
        };
        Ok(CrlReservation {
            revocations: Box::new(revocations),
            ..reservation
        })
    }

    async fn intend(&self, intent: CrlIntent, attempt: AttemptOrigin) -> Result<(), LedgerError> {
        self.faults
            .around("crls.intend", ledger, self.inner.intend(intent, attempt))
            .await
    }

    async fn open_intents(&self, scope: &CrlScope, limit: usize) -> Result<Vec<CrlIntent>, LedgerError> {
        self.faults
            .around("crls.open_intents", ledger, self.inner.open_intents(scope, limit))
            .await
    }

    async fn complete(&self, crl: CrlRecord, attempt: AttemptPosition) -> Result<(), LedgerError> {
        self.faults
            .around("crls.complete", ledger, self.inner.complete(crl, attempt))
            .await
    }

    async fn mark_published(&self, scope: &CrlScope, number: u64, etag: ETag) -> Result<(), LedgerError> {
        self.faults
            .around(
                "crls.mark_published",
                ledger,
                self.inner.mark_published(scope, number, etag),
            )
            .await
    }

    async fn state_up_to(&self, scope: &CrlScope, at_most: u64) -> Result<CrlState, LedgerError> {
        self.faults
            .around("crls.state_up_to", ledger, self.inner.state_up_to(scope, at_most))
            .await
    }

    async fn record_use(&self, used: CrlUse) -> Result<(), LedgerError> {
        self.faults
            .around("crls.record_use", ledger, self.inner.record_use(used))
            .await
    }

    async fn uses(&self) -> Result<Vec<CrlUse>, LedgerError> {
        self.faults.around("crls.uses", ledger, self.inner.uses()).await
    }
}

#[async_trait]
impl<T: Issuers + ?Sized> Issuers for Faulty<T> {
    async fn list(&self) -> Result<Vec<CaRecord>, LedgerError> {
        self.faults.around("issuers.list", ledger, self.inner.list()).await
    }

    async fn is_revoked(&self, ca: &CaName) -> Result<bool, LedgerError> {
        self.faults
            .around("issuers.is_revoked", ledger, self.inner.is_revoked(ca))
            .await
    }

    async fn change(&self, change: IssuerChange) -> Result<(), LedgerError> {
        self.faults
            .around("issuers.change", ledger, self.inner.change(change))
            .await
    }
}

#[async_trait]
impl<T: Rejections + ?Sized> Rejections for Faulty<T> {
    async fn record(&self, rejection: Rejection) -> Result<(), LedgerError> {
        self.faults
            .around("rejections.record", ledger, self.inner.record(rejection))
            .await
    }

    async fn latest(&self, limit: usize) -> Result<Vec<Rejection>, LedgerError> {
        self.faults
            .around("rejections.latest", ledger, self.inner.latest(limit))
            .await
    }
}

#[async_trait]
impl<T: Reminders + ?Sized> Reminders for Faulty<T> {
    async fn expiring(
        &self,
        from: UnixTime,
        to: UnixTime,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        self.faults
            .around(
                "reminders.expiring",
                ledger,
                self.inner.expiring(from, to, after, limit),
            )
            .await
    }

    async fn record(&self, issuer: &CaName, serial: Serial, at: UnixTime) -> Result<(), LedgerError> {
        self.faults
            .around("reminders.record", ledger, self.inner.record(issuer, serial, at))
            .await
    }
}

#[async_trait]
impl<T: ServerNames + ?Sized> ServerNames for Faulty<T> {
    async fn record(&self, names: &[AltName], until: UnixTime) -> Result<(), LedgerError> {
        let work = self.inner.record(names, until);
        self.faults.around("server_names.record", ledger, work).await
    }

    async fn list(&self, at: UnixTime) -> Result<Vec<AltName>, LedgerError> {
        self.faults
            .around("server_names.list", ledger, self.inner.list(at))
            .await
    }
}

#[async_trait]
impl<T: Monitoring + ?Sized> Monitoring for Faulty<T> {
    async fn counts(&self) -> Result<Counts, LedgerError> {
        self.faults
            .around("monitoring.counts", ledger, self.inner.counts())
            .await
    }

    fn write_failure(&self) -> Option<LedgerError> {
        self.inner.write_failure()
    }
}

struct FaultyEntries {
    inner: Box<dyn RevokedEntries>,
    fails: bool,
}

impl RevokedEntries for FaultyEntries {
    fn entries(&self) -> u64 {
        self.inner.entries()
    }

    fn octets(&self) -> u64 {
        self.inner.octets()
    }

    fn for_each(&mut self, each: &mut dyn FnMut(&RevokedEntry) -> io::Result<()>) -> io::Result<()> {
        self.inner.for_each(each)?;
        if self.fails {
            return Err(io::Error::other(
                "the walk through the revocations was made to fail at its end",
            ));
        }
        Ok(())
    }

    fn damaged(&self) -> &[String] {
        self.inner.damaged()
    }
}
