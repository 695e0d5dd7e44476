//! The ledger in memory: meets every requirement of [`Ledger`](chancery_authority::port::ledger::Ledger) except durability.

mod attempts;
mod certificates;
mod crls;
mod family;
mod freezes;
mod intents;
mod issuers;
mod monitoring;
mod rejections;
mod reminders;
mod revocations;
mod server_names;
mod state;
mod tampering;

use std::sync::Mutex;

use chancery_authority::port::ledger::{
    AttemptRecord, CertificateIntent, CertificateRecord, CrlIntent, CrlRecord, CrlScope,
};

use super::lock;
use state::{IntentState, Row, State, position};

/// All state is behind one lock, which makes each call a transaction.
#[derive(Default)]
pub struct MemoryLedger(Mutex<State>);

impl MemoryLedger {
    /// Every intent that was given up.
    pub fn lost_intents(&self) -> Vec<CertificateIntent> {
        lock(&self.0).lost_intents()
    }

    /// Every recorded attempt to sign, in order.
    pub fn attempts(&self) -> Vec<AttemptRecord> {
        lock(&self.0).attempts.values().cloned().collect()
    }

    /// Every intent that is open, oldest first.
    pub fn open_intents(&self) -> Vec<CertificateIntent> {
        lock(&self.0).open_now()
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

    /// Every intent to sign a CRL of that scope.
    pub fn crl_intents(&self, scope: &CrlScope) -> Vec<CrlIntent> {
        lock(&self.0).crl_intents(scope)
    }
}

impl State {
    pub(super) fn lost_intents(&self) -> Vec<CertificateIntent> {
        let lost = self.rows.values().filter(|row| matches!(row.stage, IntentState::Lost));
        lost.map(|row| row.intent.clone()).collect()
    }

    pub(super) fn open_now(&self) -> Vec<CertificateIntent> {
        let rows = self.open.values().filter_map(|id| self.rows.get(&position(id)));
        rows.map(|row| row.intent.clone()).collect()
    }

    pub(super) fn certificates(&self) -> Vec<CertificateRecord> {
        let rows = self.issued.values().filter_map(|id| self.rows.get(&position(id)));
        rows.filter_map(Row::record).cloned().collect()
    }

    pub(super) fn crl_numbers_reserved(&self, scope: &CrlScope) -> u64 {
        self.crls.get(scope).map_or(0, |crls| crls.reserved)
    }

    pub(super) fn crls(&self, scope: &CrlScope) -> Vec<CrlRecord> {
        self.crls
            .get(scope)
            .into_iter()
            .flat_map(|crls| crls.completed.values().cloned())
            .collect()
    }

    pub(super) fn crl_intents(&self, scope: &CrlScope) -> Vec<CrlIntent> {
        let crls = self.crls.get(scope).into_iter();
        crls.flat_map(|crls| crls.intents.values().cloned()).collect()
    }
}
