//! The ledger in memory: every obligation of [`Ledger`] but surviving the process.

mod state;

use std::io;
use std::sync::Mutex;

use async_trait::async_trait;
use chancery_x509::crl::RevokedEntry;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::lock;
use crate::port::ETag;
use crate::port::ledger::{
    AuthorityRecord, CertificateIntent, CertificateRecord, Completion, Counts, CrlRecord, CrlReservation, CrlScope,
    Cursor, IntentId, Ledger, LedgerError, OpenIntent, Page, Rejection, Reservation, Revocation, Revocations, Revoked,
    Search,
};
use crate::slug::Slug;
use state::State;

/// Keeps everything behind one lock, which makes each call a transaction.
#[derive(Default)]
pub struct MemoryLedger(Mutex<State>);

impl MemoryLedger {
    /// Every intent that was given up.
    pub fn lost_intents(&self) -> Vec<CertificateIntent> {
        lock(&self.0).lost_intents()
    }

    /// Every certificate that was completed, in order.
    pub fn certificates(&self) -> Vec<CertificateRecord> {
        lock(&self.0).certificates()
    }

    /// Every CRL number ever reserved for that scope is at most this; zero: none was.
    pub fn crl_numbers_reserved(&self, scope: &CrlScope) -> u64 {
        lock(&self.0).crl_numbers_reserved(scope)
    }

    /// Every CRL that was completed for that scope, by number.
    pub fn crls(&self, scope: &CrlScope) -> Vec<CrlRecord> {
        lock(&self.0).crls(scope)
    }

    /// Puts another certificate into a CA's record, as somebody would who can write to the ledger; with `row`, into its row of
    /// the certificates as well.
    pub fn replace_ca(&self, slug: &Slug, certificate: &[u8], row: bool) {
        lock(&self.0).replace_ca(slug, certificate, row);
    }

    /// Adds a row to that scope's revocations that cannot be read.
    pub fn damage(&self, scope: &CrlScope, description: &str) {
        lock(&self.0).damage(scope, description);
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn authorities(&self) -> Result<Vec<AuthorityRecord>, LedgerError> {
        Ok(lock(&self.0).authorities())
    }

    async fn reserve(&self, intent: CertificateIntent) -> Result<Reservation, LedgerError> {
        lock(&self.0).reserve(intent)
    }

    async fn complete(&self, completion: Completion) -> Result<CertificateRecord, LedgerError> {
        lock(&self.0).complete(completion)
    }

    async fn mark_lost(&self, intent: IntentId, at: UnixTime) -> Result<(), LedgerError> {
        lock(&self.0).mark_lost(&intent, at)
    }

    async fn open_intents(&self, before: UnixTime, limit: usize) -> Result<Vec<OpenIntent>, LedgerError> {
        Ok(lock(&self.0).open_intents(before, limit))
    }

    async fn record_rejection(&self, rejection: Rejection) -> Result<(), LedgerError> {
        lock(&self.0).record_rejection(rejection);
        Ok(())
    }

    async fn rejections(&self, limit: usize) -> Result<Vec<Rejection>, LedgerError> {
        Ok(lock(&self.0).rejections(limit))
    }

    async fn revoke(&self, issuer: &Slug, serial: Serial, revocation: Revocation) -> Result<Revoked, LedgerError> {
        lock(&self.0).revoke(issuer, serial, revocation)
    }

    async fn reserve_crl(
        &self,
        scope: &CrlScope,
        _at: UnixTime,
        expired_before: Option<UnixTime>,
    ) -> Result<CrlReservation, LedgerError> {
        let (number, entries, damaged) = lock(&self.0).reserve_crl(scope, expired_before);
        Ok(CrlReservation {
            number,
            revocations: Box::new(View { entries, damaged }),
        })
    }

    async fn complete_crl(&self, crl: CrlRecord) -> Result<(), LedgerError> {
        lock(&self.0).complete_crl(crl);
        Ok(())
    }

    async fn crl_published(&self, scope: &CrlScope, number: u64, etag: ETag) -> Result<(), LedgerError> {
        lock(&self.0).crl_published(scope, number, etag);
        Ok(())
    }

    async fn latest_crl(&self, scope: &CrlScope) -> Result<Option<CrlRecord>, LedgerError> {
        Ok(lock(&self.0).crls(scope).pop())
    }

    async fn certificate(
        &self,
        issuer: Option<&Slug>,
        serial: Serial,
    ) -> Result<Option<CertificateRecord>, LedgerError> {
        Ok(lock(&self.0).certificate(issuer, serial))
    }

    async fn key_holder(&self, key: KeyFingerprint, _common_name: &str) -> Result<Option<String>, LedgerError> {
        Ok(lock(&self.0).key_holder(key))
    }

    async fn search(&self, query: &Search, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        lock(&self.0).search(query, after, limit)
    }

    async fn expiring(
        &self,
        from: UnixTime,
        to: UnixTime,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        lock(&self.0).expiring(from, to, after, limit)
    }

    async fn record_reminder(&self, issuer: &Slug, serial: Serial, at: UnixTime) -> Result<(), LedgerError> {
        lock(&self.0).record_reminder(issuer, serial, at)
    }

    async fn counts(&self) -> Result<Counts, LedgerError> {
        Ok(lock(&self.0).counts())
    }
}

/// A view is a copy: what is revoked later does not reach it.
struct View {
    entries: Vec<RevokedEntry>,
    damaged: Vec<String>,
}

impl Revocations for View {
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
