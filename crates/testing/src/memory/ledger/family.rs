//! Families of certificates: those of a key, and those that descend from them by renewal.

use std::collections::HashSet;

use chancery_authority::ca_name::CaName;
use chancery_authority::port::ledger::{
    CertificateIntent, FamilyPosition, IntentId, LedgerError, NotRenewable, RENEWALS, REVOKED_TOGETHER, Reach, Related,
    Revocation, RevokedTogether, UnfinishedFamilies, UnfinishedFamily, compromises_key,
};
use chancery_authority::revoke::replaces;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::state::{IntentState, Row, State, position};

impl State {
    /// Checks whether the intent may renew its predecessor.
    pub(super) fn check_renewal(&self, intent: &CertificateIntent) -> Result<(), LedgerError> {
        let Some(predecessor) = &intent.renews else {
            return Ok(());
        };
        let serial = predecessor.serial;
        let refused = |why| Err(LedgerError::NotRenewable { serial, why });
        let mut ancestor = Some(predecessor.clone());
        let mut renewals = 0;
        while let Some(id) = ancestor.take() {
            let row = self.rows.get(&position(&id)).and_then(Row::record);
            let row = row.ok_or(LedgerError::NotFound(id.serial))?;
            if row.revocation.is_some() {
                return refused(NotRenewable::Revoked(id.serial));
            }
            if renewals == 0 && self.blocked.contains(&row.key) {
                return refused(NotRenewable::KeyBlocked);
            }
            renewals += 1;
            ancestor.clone_from(&row.renews);
        }
        if renewals > RENEWALS {
            return refused(NotRenewable::TooOften);
        }
        let successors = self
            .rows
            .values()
            .filter(|row| row.intent.renews.as_ref() == Some(predecessor));
        for row in successors.filter(|row| row.intent.not_after > intent.at) {
            let counts = match &row.stage {
                IntentState::Open { .. } => true,
                IntentState::Complete(record) => record.revocation.is_none(),
                IntentState::Lost => false,
            };
            if counts {
                return refused(NotRenewable::Renewed {
                    successor: row.intent.id.serial,
                    until: row.intent.not_after,
                });
            }
        }
        Ok(())
    }

    /// Every certificate and open intent of the key, and all their descendants.
    fn family(&self, key: KeyFingerprint) -> Vec<IntentId> {
        self.with_descendants(self.of_key(key))
    }

    fn of_key(&self, key: KeyFingerprint) -> Vec<IntentId> {
        let of_key = self.kept().filter(|row| row.intent.key == key);
        of_key.map(|row| row.intent.id.clone()).collect()
    }

    fn kept(&self) -> impl Iterator<Item = &Row> {
        self.rows.values().filter(|row| !matches!(row.stage, IntentState::Lost))
    }

    /// These certificates, and all that descend from them by renewal.
    fn with_descendants(&self, mut family: Vec<IntentId>) -> Vec<IntentId> {
        let mut known: HashSet<IntentId> = family.iter().cloned().collect();
        let mut next = 0;
        while let Some(id) = family.get(next).cloned() {
            for row in self.kept().filter(|row| row.intent.renews.as_ref() == Some(&id)) {
                if known.insert(row.intent.id.clone()) {
                    family.push(row.intent.id.clone());
                }
            }
            next += 1;
        }
        family
    }

    /// Gives up the open intents among these.
    fn give_up(&mut self, ids: Vec<IntentId>, revocation: &Revocation) -> Result<(), LedgerError> {
        for id in ids {
            let row = self.rows.get(&position(&id));
            if row.is_some_and(|row| matches!(row.stage, IntentState::Open { .. })) {
                self.mark_lost(&id, revocation.at)?;
            }
        }
        Ok(())
    }

    pub(in super::super) fn revoke(
        &mut self,
        issuer: &CaName,
        serial: Serial,
        revocation: &Revocation,
        reach: Reach,
    ) -> Result<RevokedTogether, LedgerError> {
        let certificate = self.revoke_one(issuer, serial, revocation.clone())?;
        let own = IntentId {
            issuer: issuer.clone(),
            serial,
        };
        // Whatever the reason: a revoked certificate cannot be renewed, so open renewals are given up as well.
        self.give_up(self.with_descendants(vec![own]), revocation)?;
        let mut together = RevokedTogether {
            certificate,
            others: Vec::new(),
            unreadable: Vec::new(),
            has_more: false,
        };
        if !compromises_key(revocation.reason) {
            return Ok(together);
        }
        let key = self.record_mut(issuer, serial)?.key;
        self.blocked.insert(key);
        if reach == Reach::Certificate {
            return self.give_up(self.of_key(key), revocation).map(|()| together);
        }
        for id in self.family(key) {
            let Some(row) = self.rows.get(&position(&id)) else {
                continue;
            };
            let record = match &row.stage {
                IntentState::Open { .. } => {
                    self.mark_lost(&id, revocation.at)?;
                    continue;
                }
                IntentState::Complete(record) => record,
                IntentState::Lost => continue,
            };
            let is_due = match &record.revocation {
                None => true,
                Some(standing) => record.key == key && replaces(revocation.reason, standing),
            };
            if !is_due || (id.serial == serial && id.issuer == *issuer) {
                continue;
            }
            if together.others.len() == REVOKED_TOGETHER {
                together.has_more = true;
                break;
            }
            self.revoke_one(&id.issuer, id.serial, revocation.clone())?;
            together.others.push(self.record_mut(&id.issuer, id.serial)?.clone());
        }
        self.unfinished.remove(&key);
        if together.has_more {
            let id = IntentId {
                issuer: issuer.clone(),
                serial,
            };
            let revocation = revocation.clone();
            self.unfinished.insert(key, UnfinishedFamily { id, revocation });
        }
        Ok(together)
    }

    pub(in super::super) fn unfinished_families(
        &self,
        after: Option<FamilyPosition>,
        limit: usize,
    ) -> UnfinishedFamilies {
        let mut families: Vec<_> = self.unfinished.values().cloned().collect();
        families.retain(|family| after.is_none_or(|after| family.position() > after));
        families.sort_by_key(UnfinishedFamily::position);
        let has_more = families.len() > limit;
        families.truncate(limit);
        UnfinishedFamilies {
            next: families.last().filter(|_| has_more).map(UnfinishedFamily::position),
            families,
            ..UnfinishedFamilies::default()
        }
    }

    pub(in super::super) fn related(
        &self,
        id: &IntentId,
        at: UnixTime,
        limit: usize,
    ) -> Result<Vec<Related>, LedgerError> {
        let row = self.rows.get(&position(id)).and_then(Row::record);
        let key = row.ok_or(LedgerError::NotFound(id.serial))?.key;
        let family = self.family(key);
        let records = family
            .iter()
            .filter(|other| *other != id)
            .filter_map(|other| self.rows.get(&position(other)).and_then(Row::record));
        let valid = records.filter(|record| record.revocation.is_none() && record.not_after >= at);
        let related = valid.map(|record| Related {
            record: record.clone(),
            same_key: record.key == key,
        });
        Ok(related.take(limit).collect())
    }
}
