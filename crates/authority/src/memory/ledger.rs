//! The ledger in memory: meets every requirement of [`Ledger`] except durability.

mod state;

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;

use async_trait::async_trait;
use chancery_x509::crl::RevokedEntry;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::san::AltName;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::lock;
use crate::ca_name::CaName;
use crate::port::ETag;
use crate::port::ledger::{
    AuthorityRecord, CertificateIntent, CertificateRecord, Certificates, Completion, Counts, CrlIntent, CrlPlan,
    CrlRecord, CrlReservation, CrlScope, CrlState, CrlUse, Crls, Cursor, Evidence, FamilyPosition, IntentId, Intents,
    IssuerChange, Issuers, KeyStatus, LedgerError, Listed, Monitoring, OpenIntents, OpenPosition, Page, Reach,
    Rejection, Rejections, Related, Reminders, Reservation, Revocation, Revocations, RevokedEntries, RevokedTogether,
    Search, ServerNames, ToRevoke, UnfinishedFamilies, Unlisted,
};
use state::State;

/// All state is behind one lock, which makes each call a transaction.
#[derive(Default)]
pub struct MemoryLedger(Mutex<State>, Mutex<Vec<(AltName, UnixTime)>>);

impl MemoryLedger {
    /// Every intent that was given up.
    pub fn lost_intents(&self) -> Vec<CertificateIntent> {
        lock(&self.0).lost_intents()
    }

    /// Every certificate that was completed, in order.
    pub fn issued(&self) -> Vec<CertificateRecord> {
        lock(&self.0).certificates()
    }

    /// The highest CRL number reserved for that scope; zero: none was.
    pub fn crl_numbers_reserved(&self, scope: &CrlScope) -> u64 {
        lock(&self.0).crl_numbers_reserved(scope)
    }

    /// Every CRL that was signed for that scope, by number.
    pub fn signed_crls(&self, scope: &CrlScope) -> Vec<CrlRecord> {
        lock(&self.0).crls(scope)
    }

    /// Replaces the certificate in a CA's record, like an attacker with write access; with `row`, also in its row of
    /// the certificates.
    pub fn replace_ca(&self, ca_name: &CaName, certificate: &[u8], row: bool) {
        lock(&self.0).replace_ca(ca_name, certificate, row);
    }

    /// Overwrites which CA is recorded above one, like an attacker with write access.
    pub fn replace_parent(&self, ca_name: &CaName, parent: Option<&CaName>) {
        lock(&self.0).replace_parent(ca_name, parent);
    }

    /// Every intent to sign a CRL of that scope.
    pub fn crl_intents(&self, scope: &CrlScope) -> Vec<CrlIntent> {
        lock(&self.0).crl_intents(scope)
    }

    /// Overwrites how a certificate is listed, like an attacker with write access.
    pub fn rewrite(&self, issuer: &CaName, serial: Serial, revocation: &Revocation) {
        lock(&self.0).rewrite(issuer, serial, revocation);
    }

    /// Removes a certificate's record, like an attacker with write access.
    pub fn remove_row(&self, issuer: &CaName, serial: Serial) {
        lock(&self.0).remove_row(issuer, serial);
    }

    /// Removes a serial number from a list, like an attacker with write access.
    pub fn unlist(&self, scope: &CrlScope, serial: Serial) {
        lock(&self.0).unlist(scope, serial);
    }

    /// Makes the next CRL list nothing.
    pub fn forget_next(&self) {
        lock(&self.0).forget_next();
    }

    /// Sets a scope's counter of CRL numbers, like an attacker with write access.
    pub fn set_back(&self, scope: &CrlScope, number: u64) {
        lock(&self.0).set_back(scope, number);
    }

    /// Records a CRL without its intent, like an attacker with write access.
    pub fn plant(&self, crl: CrlRecord) {
        lock(&self.0).plant(crl);
    }

    /// Reopens a certificate's intent, like an attacker with write access; the certificate remains as evidence.
    pub fn reopen(&self, issuer: &CaName, serial: Serial) {
        lock(&self.0).reopen(issuer, serial);
    }

    /// Blocks a key, like an attacker with write access.
    pub fn block(&self, key: KeyFingerprint) {
        lock(&self.0).block(key);
    }

    /// Adds an unreadable open intent, independent of its time.
    pub fn damage_intents(&self, description: &str) {
        lock(&self.0).damage_intents(description);
    }

    /// Adds an unreadable row to that scope's revocations.
    pub fn damage(&self, scope: &CrlScope, description: &str) {
        lock(&self.0).damage(scope, description);
    }
}

#[async_trait]
impl Intents for MemoryLedger {
    async fn reserve(&self, intent: CertificateIntent) -> Result<Reservation, LedgerError> {
        lock(&self.0).reserve(intent)
    }

    async fn complete(&self, completion: Completion) -> Result<CertificateRecord, LedgerError> {
        lock(&self.0).complete(completion)
    }

    async fn mark_lost(&self, intent: IntentId, at: UnixTime) -> Result<(), LedgerError> {
        lock(&self.0).mark_lost(&intent, at)
    }

    async fn list_open(
        &self,
        after: Option<OpenPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<OpenIntents, LedgerError> {
        Ok(lock(&self.0).open_intents(after, before, limit))
    }
}

#[async_trait]
impl Certificates for MemoryLedger {
    async fn evidence(&self, issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Evidence>, LedgerError> {
        Ok(lock(&self.0).evidence(issuer, serials))
    }

    async fn get(&self, issuer: Option<&CaName>, serial: Serial) -> Result<Option<CertificateRecord>, LedgerError> {
        Ok(lock(&self.0).certificate(issuer, serial))
    }

    async fn key_status(&self, key: KeyFingerprint, _common_name: &str) -> Result<KeyStatus, LedgerError> {
        Ok(lock(&self.0).key_holder(key))
    }

    async fn search(&self, query: &Search, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        lock(&self.0).search(query, after, limit)
    }

    async fn named(&self, common_name: &str, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        let query = Search {
            common_name: Some(common_name.to_owned()),
            ..Search::default()
        };
        lock(&self.0).search(&query, after, limit)
    }
}

#[async_trait]
impl Revocations for MemoryLedger {
    async fn revoke(
        &self,
        issuer: &CaName,
        serial: Serial,
        revocation: Revocation,
        reach: Reach,
    ) -> Result<RevokedTogether, LedgerError> {
        lock(&self.0).revoke(issuer, serial, &revocation, reach)
    }

    async fn unfinished_families(
        &self,
        after: Option<FamilyPosition>,
        limit: usize,
    ) -> Result<UnfinishedFamilies, LedgerError> {
        Ok(lock(&self.0).unfinished_families(after, limit))
    }

    async fn related(&self, id: &IntentId, at: UnixTime, limit: usize) -> Result<Vec<Related>, LedgerError> {
        lock(&self.0).related(id, at, limit)
    }

    async fn relist(&self, scope: &CrlScope, entry: &RevokedEntry, not_after: UnixTime) -> Result<(), LedgerError> {
        lock(&self.0).relist(scope, entry, not_after);
        Ok(())
    }

    async fn certificate_to_revoke(
        &self,
        serial: Serial,
        _common_name: Option<&str>,
    ) -> Result<Option<ToRevoke>, LedgerError> {
        let record = lock(&self.0).certificate(None, serial);
        Ok(record.map(|record| ToRevoke { record, damaged: None }))
    }

    async fn listed(&self, issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Listed>, LedgerError> {
        Ok(lock(&self.0).listed(issuer, serials))
    }

    /// Nothing writes to this ledger by hand.
    async fn unlisted(&self, _issuer: &CaName, _at: UnixTime) -> Result<Unlisted, LedgerError> {
        Ok(Unlisted::default())
    }

    async fn unlisted_handled(&self, _issuer: &CaName, _next: Option<Cursor>) -> Result<(), LedgerError> {
        Ok(())
    }

    /// It is never restored, and so knows every key.
    async fn learn_key(
        &self,
        _certificate: &IntentId,
        _key: KeyFingerprint,
        _at: UnixTime,
    ) -> Result<bool, LedgerError> {
        Ok(false)
    }
}

#[async_trait]
impl Crls for MemoryLedger {
    async fn reserve(&self, scope: &CrlScope, plan: CrlPlan) -> Result<CrlReservation, LedgerError> {
        let (reserved, entries, damaged) = lock(&self.0).reserve_crl(scope, plan);
        Ok(CrlReservation {
            number: reserved.number,
            not_believed: reserved.not_believed,
            mark: reserved.mark,
            revocations: Box::new(View { entries, damaged }),
        })
    }

    async fn intend(&self, intent: CrlIntent) -> Result<(), LedgerError> {
        lock(&self.0).intend_crl(intent)
    }

    async fn open_intents(&self, scope: &CrlScope, limit: usize) -> Result<Vec<CrlIntent>, LedgerError> {
        Ok(lock(&self.0).open_crl_intents(scope, limit))
    }

    async fn complete(&self, crl: CrlRecord) -> Result<(), LedgerError> {
        lock(&self.0).complete_crl(crl)
    }

    async fn mark_published(&self, scope: &CrlScope, number: u64, etag: ETag) -> Result<(), LedgerError> {
        lock(&self.0).crl_published(scope, number, etag)
    }

    async fn state_up_to(&self, scope: &CrlScope, at_most: u64) -> Result<CrlState, LedgerError> {
        Ok(lock(&self.0).crl_state(scope, at_most))
    }

    async fn record_use(&self, used: CrlUse) -> Result<(), LedgerError> {
        lock(&self.0).record_crl_use(used);
        Ok(())
    }

    async fn uses(&self) -> Result<Vec<CrlUse>, LedgerError> {
        Ok(lock(&self.0).crl_uses())
    }
}

#[async_trait]
impl Issuers for MemoryLedger {
    async fn list(&self) -> Result<Vec<AuthorityRecord>, LedgerError> {
        Ok(lock(&self.0).authorities())
    }

    async fn change(&self, change: IssuerChange) -> Result<(), LedgerError> {
        lock(&self.0).change_issuer(change)
    }
}

#[async_trait]
impl Rejections for MemoryLedger {
    async fn record(&self, rejection: Rejection) -> Result<(), LedgerError> {
        lock(&self.0).record_rejection(rejection);
        Ok(())
    }

    async fn latest(&self, limit: usize) -> Result<Vec<Rejection>, LedgerError> {
        Ok(lock(&self.0).rejections(limit))
    }
}

#[async_trait]
impl Reminders for MemoryLedger {
    async fn expiring(
        &self,
        from: UnixTime,
        to: UnixTime,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        lock(&self.0).expiring(from, to, after, limit)
    }

    async fn record(&self, issuer: &CaName, serial: Serial, at: UnixTime) -> Result<(), LedgerError> {
        lock(&self.0).record_reminder(issuer, serial, at)
    }
}

#[async_trait]
impl ServerNames for MemoryLedger {
    async fn record(&self, names: &[AltName], until: UnixTime) -> Result<(), LedgerError> {
        lock(&self.1).extend(names.iter().map(|name| (name.clone(), until)));
        Ok(())
    }

    async fn list(&self, at: UnixTime) -> Result<Vec<AltName>, LedgerError> {
        let kept = lock(&self.1);
        let current = kept.iter().filter(|(_, until)| *until > at);
        Ok(current.map(|(name, _)| name.clone()).collect())
    }
}

#[async_trait]
impl Monitoring for MemoryLedger {
    async fn counts(&self) -> Result<Counts, LedgerError> {
        Ok(lock(&self.0).counts())
    }

    /// It has no disk that could be full.
    fn write_failure(&self) -> Option<LedgerError> {
        None
    }
}

/// A view is a copy: later revocations do not change it.
struct View {
    entries: Vec<RevokedEntry>,
    damaged: Vec<String>,
}

impl RevokedEntries for View {
    fn entries(&self) -> u64 {
        self.entries.len() as u64
    }

    fn octets(&self) -> u64 {
        self.entries.iter().map(|entry| entry.encoded_len() as u64).sum()
    }

    fn for_each(&mut self, each: &mut dyn FnMut(&RevokedEntry) -> io::Result<()>) -> io::Result<()> {
        self.entries.iter().try_for_each(each)
    }

    fn damaged(&self) -> &[String] {
        &self.damaged
    }
}
