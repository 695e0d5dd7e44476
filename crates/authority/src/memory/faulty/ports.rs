//! The calls of each port, with faults before and after them.

use std::collections::HashMap;
use std::io;

use async_trait::async_trait;
use chancery_x509::algorithm::CaKeyAlgorithm;
use chancery_x509::crl::RevokedEntry;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::key::ca::CaPublicKey;
use chancery_x509::san::AltName;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::{Faulty, Verdict};
use crate::ca_name::CaName;
use crate::event::Event;
use crate::port::ledger::{
    AuthorityRecord, CertificateIntent, CertificateRecord, Completion, Counts, CrlIntent, CrlPlan, CrlRecord,
    CrlReservation, CrlScope, CrlState, CrlUse, Cursor, Evidence, FamilyPosition, IntentId, KeyStatus, Ledger,
    LedgerError, Listed, OpenIntents, OpenPosition, Page, Reach, Rejection, Related, Reservation, Revocation,
    Revocations, RevokedTogether, Search, ToRevoke, UnfinishedFamilies, Unlisted,
};
use crate::port::publication::Stat;
use crate::port::{
    Body, ETag, IntentKey, IntentKeys, IntentNonce, KeyName, KeyStore, KeyStoreError, NoticeError, Notices,
    Precondition, Publication, PublicationError, PublishedName, Scratch, Signed, SigningRequest,
};

fn ledger(detail: String) -> LedgerError {
    LedgerError::Unavailable { detail }
}

fn keys(detail: String) -> KeyStoreError {
    KeyStoreError::Unavailable { detail }
}

#[async_trait]
impl<T: KeyStore + ?Sized> KeyStore for Faulty<T> {
    async fn create(&self, key: &KeyName, algorithm: CaKeyAlgorithm) -> Result<CaPublicKey, KeyStoreError> {
        self.faults
            .around("keys.create", keys, self.inner.create(key, algorithm))
            .await
    }

    async fn public_key(&self, key: &KeyName) -> Result<CaPublicKey, KeyStoreError> {
        self.faults
            .around("keys.public_key", keys, self.inner.public_key(key))
            .await
    }

    async fn sign(&self, request: &SigningRequest) -> Result<Signed, KeyStoreError> {
        self.faults.around("keys.sign", keys, self.inner.sign(request)).await
    }
}

#[async_trait]
impl<T: IntentKeys + ?Sized> IntentKeys for Faulty<T> {
    async fn derive(&self, nonce: &IntentNonce) -> Result<IntentKey, KeyStoreError> {
        self.faults
            .around("intent_keys.derive", keys, self.inner.derive(nonce))
            .await
    }
}

#[async_trait]
impl<T: Notices + ?Sized> Notices for Faulty<T> {
    async fn notify(&self, event: Event) -> Result<(), NoticeError> {
        let error = |detail| NoticeError { detail };
        self.faults
            .around("notices.notify", error, self.inner.notify(event))
            .await
    }
}

#[async_trait]
impl<T: Publication + ?Sized> Publication for Faulty<T> {
    async fn put(
        &self,
        name: &PublishedName,
        body: Body,
        precondition: Precondition,
    ) -> Result<ETag, PublicationError> {
        let error = |detail| PublicationError::Failed {
            name: name.clone(),
            detail,
        };
        self.faults
            .around("publication.put", error, self.inner.put(name, body, precondition))
            .await
    }

    async fn stat(&self, name: &PublishedName) -> Result<Option<Stat>, PublicationError> {
        let error = |detail| PublicationError::Failed {
            name: name.clone(),
            detail,
        };
        self.faults
            .around("publication.stat", error, self.inner.stat(name))
            .await
    }

    async fn read(&self, name: &PublishedName) -> Result<Option<(Stat, Vec<u8>)>, PublicationError> {
        let error = |detail| PublicationError::Failed {
            name: name.clone(),
            detail,
        };
        self.faults
            .around("publication.read", error, self.inner.read(name))
            .await
    }

    fn read_back(&self) -> u64 {
        self.inner.read_back()
    }

    fn read_through(&self) -> u64 {
        self.inner.read_through()
    }

    fn scratch(&self) -> io::Result<Box<dyn Scratch>> {
        match self.faults.next("publication.scratch") {
            Verdict::GoOn | Verdict::Delay(_) => self.inner.scratch(),
            Verdict::FailBefore | Verdict::FailAfter => Err(io::Error::other("scratch space was made to fail")),
        }
    }
}

#[async_trait]
impl<T: Ledger + ?Sized> Ledger for Faulty<T> {
    async fn authorities(&self) -> Result<Vec<AuthorityRecord>, LedgerError> {
        self.faults
            .around("ledger.authorities", ledger, self.inner.authorities())
            .await
    }

    async fn reserve(&self, intent: CertificateIntent) -> Result<Reservation, LedgerError> {
        self.faults
            .around("ledger.reserve", ledger, self.inner.reserve(intent))
            .await
    }

    async fn complete(&self, completion: Completion) -> Result<CertificateRecord, LedgerError> {
        self.faults
            .around("ledger.complete", ledger, self.inner.complete(completion))
            .await
    }

    async fn mark_lost(&self, intent: IntentId, at: UnixTime) -> Result<(), LedgerError> {
        self.faults
            .around("ledger.mark_lost", ledger, self.inner.mark_lost(intent, at))
            .await
    }

    async fn open_intents_after(
        &self,
        after: Option<OpenPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<OpenIntents, LedgerError> {
        let work = self.inner.open_intents_after(after, before, limit);
        self.faults.around("ledger.open_intents", ledger, work).await
    }

    async fn record_rejection(&self, rejection: Rejection) -> Result<(), LedgerError> {
        self.faults
            .around(
                "ledger.record_rejection",
                ledger,
                self.inner.record_rejection(rejection),
            )
            .await
    }

    async fn rejections(&self, limit: usize) -> Result<Vec<Rejection>, LedgerError> {
        self.faults
            .around("ledger.rejections", ledger, self.inner.rejections(limit))
            .await
    }

    async fn revoke_reaching(
        &self,
        issuer: &CaName,
        serial: Serial,
        revocation: Revocation,
        reach: Reach,
    ) -> Result<RevokedTogether, LedgerError> {
        let work = self.inner.revoke_reaching(issuer, serial, revocation, reach);
        self.faults.around("ledger.revoke", ledger, work).await
    }

    async fn related(&self, id: &IntentId, at: UnixTime, limit: usize) -> Result<Vec<Related>, LedgerError> {
        self.faults
            .around("ledger.related", ledger, self.inner.related(id, at, limit))
            .await
    }

    async fn reserve_crl(&self, scope: &CrlScope, plan: CrlPlan) -> Result<CrlReservation, LedgerError> {
        let work = self.inner.reserve_crl(scope, plan);
        let reservation = self.faults.around("ledger.reserve_crl", ledger, work).await?;
        let fails = matches!(
            self.faults.next("ledger.revocations"),
            Verdict::FailBefore | Verdict::FailAfter
        );
        let revocations = FaultyRevocations {
            inner: reservation.revocations,
            fails,
        };
        Ok(CrlReservation {
            revocations: Box::new(revocations),
            ..reservation
        })
    }

    async fn intend_crl(&self, intent: CrlIntent) -> Result<(), LedgerError> {
        self.faults
            .around("ledger.intend_crl", ledger, self.inner.intend_crl(intent))
            .await
    }

    async fn open_crl_intents(&self, scope: &CrlScope, limit: usize) -> Result<Vec<CrlIntent>, LedgerError> {
        self.faults
            .around(
                "ledger.open_crl_intents",
                ledger,
                self.inner.open_crl_intents(scope, limit),
            )
            .await
    }

    async fn complete_crl(&self, crl: CrlRecord) -> Result<(), LedgerError> {
        self.faults
            .around("ledger.complete_crl", ledger, self.inner.complete_crl(crl))
            .await
    }

    async fn crl_published(&self, scope: &CrlScope, number: u64, etag: ETag) -> Result<(), LedgerError> {
        self.faults
            .around(
                "ledger.crl_published",
                ledger,
                self.inner.crl_published(scope, number, etag),
            )
            .await
    }

    async fn crl_state_up_to(&self, scope: &CrlScope, at_most: u64) -> Result<CrlState, LedgerError> {
        self.faults
            .around("ledger.crl_state", ledger, self.inner.crl_state_up_to(scope, at_most))
            .await
    }

    async fn record_crl_use(&self, used: CrlUse) -> Result<(), LedgerError> {
        self.faults
            .around("ledger.record_crl_use", ledger, self.inner.record_crl_use(used))
            .await
    }

    async fn unfinished_families_after(
        &self,
        after: Option<FamilyPosition>,
        limit: usize,
    ) -> Result<UnfinishedFamilies, LedgerError> {
        self.faults
            .around(
                "ledger.unfinished_families",
                ledger,
                self.inner.unfinished_families_after(after, limit),
            )
            .await
    }

    async fn crl_uses(&self) -> Result<Vec<CrlUse>, LedgerError> {
        self.faults
            .around("ledger.crl_uses", ledger, self.inner.crl_uses())
            .await
    }

    async fn listed_among(&self, issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Listed>, LedgerError> {
        self.faults
            .around("ledger.listed_among", ledger, self.inner.listed_among(issuer, serials))
            .await
    }

    async fn unlisted(&self, issuer: &CaName, at: UnixTime) -> Result<Unlisted, LedgerError> {
        self.faults
            .around("ledger.unlisted", ledger, self.inner.unlisted(issuer, at))
            .await
    }

    async fn keep_unlisted(&self, issuer: &CaName, next: Option<Cursor>) -> Result<(), LedgerError> {
        self.faults
            .around("ledger.keep_unlisted", ledger, self.inner.keep_unlisted(issuer, next))
            .await
    }

    async fn certificate_to_revoke(&self, serial: Serial) -> Result<Option<ToRevoke>, LedgerError> {
        self.faults
            .around(
                "ledger.certificate_to_revoke",
                ledger,
                self.inner.certificate_to_revoke(serial),
            )
            .await
    }

    async fn named_certificate_to_revoke(
        &self,
        serial: Serial,
        common_name: &str,
    ) -> Result<Option<ToRevoke>, LedgerError> {
        self.faults
            .around(
                "ledger.certificate_to_revoke",
                ledger,
                self.inner.named_certificate_to_revoke(serial, common_name),
            )
            .await
    }

    async fn evidence(&self, issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Evidence>, LedgerError> {
        self.faults
            .around("ledger.evidence", ledger, self.inner.evidence(issuer, serials))
            .await
    }

    async fn relist(&self, scope: &CrlScope, entry: &RevokedEntry, not_after: UnixTime) -> Result<(), LedgerError> {
        self.faults
            .around("ledger.relist", ledger, self.inner.relist(scope, entry, not_after))
            .await
    }

    async fn certificate(
        &self,
        issuer: Option<&CaName>,
        serial: Serial,
    ) -> Result<Option<CertificateRecord>, LedgerError> {
        self.faults
            .around("ledger.certificate", ledger, self.inner.certificate(issuer, serial))
            .await
    }

    async fn key_holder(&self, key: KeyFingerprint, common_name: &str) -> Result<KeyStatus, LedgerError> {
        self.faults
            .around("ledger.key_holder", ledger, self.inner.key_holder(key, common_name))
            .await
    }

    async fn search(&self, query: &Search, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        self.faults
            .around("ledger.search", ledger, self.inner.search(query, after, limit))
            .await
    }

    async fn expiring(
        &self,
        from: UnixTime,
        to: UnixTime,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        self.faults
            .around("ledger.expiring", ledger, self.inner.expiring(from, to, after, limit))
            .await
    }

    async fn record_reminder(&self, issuer: &CaName, serial: Serial, at: UnixTime) -> Result<(), LedgerError> {
        self.faults
            .around(
                "ledger.record_reminder",
                ledger,
                self.inner.record_reminder(issuer, serial, at),
            )
            .await
    }

    async fn keep_own_names(&self, names: &[AltName], until: UnixTime) -> Result<(), LedgerError> {
        let work = self.inner.keep_own_names(names, until);
        self.faults.around("ledger.keep_own_names", ledger, work).await
    }

    async fn own_names(&self, at: UnixTime) -> Result<Vec<AltName>, LedgerError> {
        self.inner.own_names(at).await
    }

    async fn hear_of_key(
        &self,
        certificate: &IntentId,
        key: KeyFingerprint,
        at: UnixTime,
    ) -> Result<bool, LedgerError> {
        self.inner.hear_of_key(certificate, key, at).await
    }

    async fn counts(&self) -> Result<Counts, LedgerError> {
        self.faults.around("ledger.counts", ledger, self.inner.counts()).await
    }
}

struct FaultyRevocations {
    inner: Box<dyn Revocations>,
    fails: bool,
}

impl Revocations for FaultyRevocations {
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
