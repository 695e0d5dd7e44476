//! Revocations.

use std::collections::HashMap;

use async_trait::async_trait;
use chancery_authority::ca_name::CaName;
use chancery_authority::port::ledger::{
    CrlScope, Cursor, FamilyPosition, IntentId, LedgerError, Listed, Reach, Related, Revocation, Revocations, Revoked,
    RevokedTogether, ToRevoke, UnfinishedFamilies, Unlisted,
};
use chancery_authority::principal::Principal;
use chancery_x509::crl::{RevocationReason, RevokedEntry};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::state::{RevokedRow, State};
use super::{MemoryLedger, lock};

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

impl State {
    pub(super) fn revoke_one(
        &mut self,
        issuer: &CaName,
        serial: Serial,
        mut revocation: Revocation,
    ) -> Result<Revoked, LedgerError> {
        let record = self.record_mut(issuer, serial)?;
        if let Some(first) = &record.revocation {
            let compromise = RevocationReason::KeyCompromise;
            if first.reason == compromise || revocation.reason != compromise {
                return Ok(Revoked::Already(Box::new(record.clone())));
            }
            revocation.at = first.at;
        }
        let entry = RevokedEntry {
            serial,
            revoked_at: revocation.at,
            reason: revocation.reason,
            invalidity_date: revocation.invalidity_date,
        };
        record.revocation = Some(revocation);
        let record = record.clone();
        let scope = CrlScope {
            issuer: issuer.clone(),
            shard: record.shard,
        };
        let row = RevokedRow {
            entry,
            not_after: record.not_after,
        };
        self.list(scope, serial, row);
        Ok(Revoked::Now(Box::new(record)))
    }

    pub(super) fn listed(&self, issuer: &CaName, serials: &[Serial]) -> HashMap<Serial, Listed> {
        let listed = |serial: &Serial| {
            let record = self.rows.get(&(*serial, issuer.clone()))?.record()?;
            let entry = Listed {
                reason: record.revocation.as_ref()?.reason,
                not_after: record.not_after,
            };
            Some((*serial, entry))
        };
        serials.iter().filter_map(listed).collect()
    }

    pub(super) fn relist(&mut self, scope: &CrlScope, entry: &RevokedEntry, not_after: UnixTime) {
        let row = RevokedRow {
            entry: *entry,
            not_after,
        };
        self.list(scope.clone(), entry.serial, row);
        if let Ok(record) = self.record_mut(&scope.issuer, entry.serial) {
            record.revocation.get_or_insert(Revocation {
                at: entry.revoked_at,
                reason: entry.reason,
                invalidity_date: entry.invalidity_date,
                principal: Principal::AUTHORITY.to_string(),
            });
        }
    }
}
