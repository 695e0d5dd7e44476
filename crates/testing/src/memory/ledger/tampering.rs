//! Changes that only an attacker with write access makes, or damage.

use chancery_authority::ca_name::CaName;
use chancery_authority::port::ledger::{CrlRecord, CrlScope, Kind, Revocation};
use chancery_x509::crl::RevokedEntry;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;

use super::state::{IntentState, State, position};
use super::{MemoryLedger, lock};

impl MemoryLedger {
    /// Replaces the certificate in a CA's record, like an attacker with write access; with `row`, also in its row of
    /// the certificates.
    pub fn replace_ca(&self, ca_name: &CaName, certificate: &[u8], row: bool) {
        lock(&self.0).replace_ca(ca_name, certificate, row);
    }

    /// Overwrites which CA is recorded above one, like an attacker with write access.
    pub fn replace_parent(&self, ca_name: &CaName, parent: Option<&CaName>) {
        lock(&self.0).replace_parent(ca_name, parent);
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

impl State {
    pub(super) fn replace_ca(&mut self, ca_name: &CaName, certificate: &[u8], row: bool) {
        for ca in self.cas.iter_mut().filter(|ca| ca.ca_name == *ca_name) {
            ca.certificate = certificate.to_vec();
        }
        for stage in self.rows.values_mut().map(|row| &mut row.stage) {
            if let IntentState::Complete(record) = stage
                && matches!(&record.kind, Kind::Ca { ca_name: of, .. } if of == ca_name)
                && row
            {
                record.certificate = certificate.to_vec();
            }
        }
    }

    pub(super) fn replace_parent(&mut self, ca_name: &CaName, parent: Option<&CaName>) {
        for ca in self.cas.iter_mut().filter(|ca| ca.ca_name == *ca_name) {
            ca.parent = parent.cloned();
        }
    }

    pub(super) fn rewrite(&mut self, issuer: &CaName, serial: Serial, revocation: &Revocation) {
        for (_, rows) in self.revoked.iter_mut().filter(|(scope, _)| scope.issuer == *issuer) {
            if let Some(row) = rows.get_mut(&serial) {
                row.entry = RevokedEntry {
                    serial,
                    revoked_at: revocation.at,
                    reason: revocation.reason,
                    invalidity_date: revocation.invalidity_date,
                };
            }
        }
    }

    pub(super) fn remove_row(&mut self, issuer: &CaName, serial: Serial) {
        self.rows.remove(&(serial, issuer.clone()));
    }

    /// Removes an entry from a list.
    pub(super) fn unlist(&mut self, scope: &CrlScope, serial: Serial) {
        self.revoked.entry(scope.clone()).or_default().remove(&serial);
    }

    pub(super) fn forget_next(&mut self) {
        self.forgets_next = true;
    }

    pub(super) fn set_back(&mut self, scope: &CrlScope, number: u64) {
        self.crls.entry(scope.clone()).or_default().reserved = number;
    }

    pub(super) fn plant(&mut self, crl: CrlRecord) {
        let crls = self.crls.entry(crl.scope.clone()).or_default();
        crls.completed.insert(crl.number, crl);
    }

    pub(super) fn reopen(&mut self, issuer: &CaName, serial: Serial) {
        let sequence = self.next();
        let Some(row) = self.rows.get_mut(&(serial, issuer.clone())) else {
            return;
        };
        let id = row.intent.id.clone();
        if let IntentState::Complete(record) = std::mem::replace(&mut row.stage, IntentState::Open { sequence }) {
            self.reopened.insert(position(&id), record.certificate);
        }
        self.issued.retain(|_, issued| *issued != id);
        self.open.insert(sequence, id);
    }

    pub(super) fn block(&mut self, key: KeyFingerprint) {
        self.blocked.insert(key);
    }

    pub(super) fn damage_intents(&mut self, description: &str) {
        self.unreadable_intents.push(description.to_owned());
    }

    pub(super) fn damage(&mut self, scope: &CrlScope, description: &str) {
        self.damaged
            .entry(scope.clone())
            .or_default()
            .push(description.to_owned());
    }
}
