//! Revocations: the port, on the modules that each have one part of it.

use std::collections::HashMap;

use async_trait::async_trait;
use chancery_authority::CaName;
use chancery_authority::port::ledger::{
    CrlScope, Cursor, FamilyPosition, IntentId, LedgerError, Listed, Reach, Related, Revocation, Revocations,
    RevokedTogether, ToRevoke, UnfinishedFamilies, Unlisted,
};
use chancery_x509::crl::RevokedEntry;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use super::DynamoLedger;
use super::revocable::Revocable;

#[async_trait]
impl Revocations for DynamoLedger {
    async fn revoke(
        &self,
        issuer: &CaName,
        serial: Serial,
        revocation: Revocation,
        reach: Reach,
    ) -> Result<RevokedTogether, LedgerError> {
        self.revoke_together(issuer, serial, revocation, reach).await
    }

    async fn unfinished_families(
        &self,
        after: Option<FamilyPosition>,
        limit: usize,
    ) -> Result<UnfinishedFamilies, LedgerError> {
        self.list_unfinished(after, limit).await
    }

    async fn related(&self, id: &IntentId, at: UnixTime, limit: usize) -> Result<Vec<Related>, LedgerError> {
        self.list_related(id, at, limit).await
    }

    async fn listed(&self, issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Listed>, LedgerError> {
        self.read_listed(issuer, serials).await
    }

    async fn unlisted(&self, issuer: &CaName, at: UnixTime) -> Result<Unlisted, LedgerError> {
        self.find_unlisted(issuer, at).await
    }

    async fn unlisted_handled(&self, issuer: &CaName, next: Option<Cursor>) -> Result<(), LedgerError> {
        self.keep_unlisted_position(issuer, next).await
    }

    async fn relist(&self, scope: &CrlScope, entry: &RevokedEntry, not_after: UnixTime) -> Result<(), LedgerError> {
        self.list_again(scope, entry, not_after).await
    }

    async fn certificate_to_revoke(
        &self,
        serial: Serial,
        common_name: Option<&str>,
    ) -> Result<Option<ToRevoke>, LedgerError> {
        let found = match common_name {
            Some(common_name) => self.find_named_to_revoke(serial, common_name).await?,
            None => self.find_to_revoke(serial).await?,
        };
        Ok(found.map(Revocable::into_to_revoke))
    }

    /// It is never restored from CRLs, as a data folder is.
    async fn learn_key(
        &self,
        _certificate: &IntentId,
        _key: KeyFingerprint,
        _at: UnixTime,
    ) -> Result<bool, LedgerError> {
        Ok(false)
    }
}
