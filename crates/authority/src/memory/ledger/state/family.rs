//! Certificates that share one's fate: those of its key, and those that descend from them by renewal.

use std::collections::HashSet;

use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::{Row, Stage, State, position};
use crate::port::ledger::{
    CertificateIntent, IntentId, LedgerError, NotRenewable, RENEWALS, REVOKED_TOGETHER, Reach, Related, Revocation,
    RevokedTogether, compromises_key,
};
use crate::revoke::replaces;
use crate::slug::Slug;

impl State {
    /// Whether the intent may renew what it renews.
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
                Stage::Open { .. } => true,
                Stage::Complete(record) => record.revocation.is_none(),
                Stage::Lost => false,
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
        let is_lost = |row: &Row| matches!(row.stage, Stage::Lost);
        let rows = || self.rows.values().filter(|row| !is_lost(row));
        let mut family: Vec<IntentId> = rows()
            .filter(|row| row.intent.key == key)
            .map(|row| row.intent.id.clone())
            .collect();
        let mut known: HashSet<IntentId> = family.iter().cloned().collect();
        let mut next = 0;
        while let Some(id) = family.get(next).cloned() {
            for row in rows().filter(|row| row.intent.renews.as_ref() == Some(&id)) {
                if known.insert(row.intent.id.clone()) {
                    family.push(row.intent.id.clone());
                }
            }
            next += 1;
        }
        family
    }

    pub(in super::super) fn revoke(
        &mut self,
        issuer: &Slug,
        serial: Serial,
        revocation: &Revocation,
        reach: Reach,
    ) -> Result<RevokedTogether, LedgerError> {
        let certificate = self.revoke_one(issuer, serial, revocation.clone())?;
        let mut together = RevokedTogether {
            certificate,
            others: Vec::new(),
            has_more: false,
        };
        if !compromises_key(revocation.reason) {
            return Ok(together);
        }
        let key = self.record_mut(issuer, serial)?.key;
        self.blocked.insert(key);
        if reach == Reach::Certificate {
            return Ok(together);
        }
        for id in self.family(key) {
            let Some(row) = self.rows.get(&position(&id)) else {
                continue;
            };
            let record = match &row.stage {
                Stage::Open { .. } => {
                    self.mark_lost(&id, revocation.at)?;
                    continue;
                }
                Stage::Complete(record) => record,
                Stage::Lost => continue,
            };
            let is_due = match &record.revocation {
                None => true,
                Some(standing) => record.key == key && replaces(revocation.reason, standing),
            };
            if !is_due || record.not_after < revocation.at || (id.serial == serial && id.issuer == *issuer) {
                continue;
            }
            if together.others.len() == REVOKED_TOGETHER {
                together.has_more = true;
                break;
            }
            self.revoke_one(&id.issuer, id.serial, revocation.clone())?;
            together.others.push(self.record_mut(&id.issuer, id.serial)?.clone());
        }
        Ok(together)
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
