//! The ledger in DynamoDB: the drop-in certificate table, and a journal table beside it.
//!
//! The certificate table's rows are byte for byte those of the drop-in contract. Everything else is in the journal:
//! intents, key claims, idempotency tokens, revocations, the order of issuance, CRLs. All reads that decide something
//! are consistent; the two indexes (rows by serial number, open intents) only lead to items, which are then read
//! themselves. Each change is one transaction, whose conditions decide all races.
//! docs/design/decisions/0006-dynamodb.md says why.

mod adopt;
mod authorities;
mod chain;
mod crl;
mod entry;
mod family;
mod item;
mod line;
mod marked;
mod named;
mod names;
mod old;
mod open;
mod recent;
mod records;
mod relist;
mod reserve;
mod revocable;
mod revoke;
mod row;
mod search;
mod silent;
mod tables;
mod unfinished;
mod unlisted;
mod uses;
mod verified;

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use aws_config::SdkConfig;
use chancery_authority::CaName;
use chancery_authority::port::ETag;
use chancery_authority::port::ledger::{
    AuthorityRecord, CertificateIntent, CertificateRecord, Completion, Counts, CrlIntent, CrlPlan, CrlRecord,
    CrlReservation, CrlScope, CrlState, CrlUse, Cursor, Evidence, FamilyPosition, IntentId, KeyStatus, Ledger,
    LedgerError, Listed, OpenIntents, OpenPosition, Page, Reach, Rejection, Related, Reservation, Revocation,
    RevokedTogether, Search, ToRevoke, UnfinishedFamilies, Unlisted,
};
use chancery_x509::crl::RevokedEntry;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

pub use adopt::{Adoption, AdoptionMode};

use crate::call_budget::CallBudget;
use crate::deployment::Deployment;
use authorities::Cas;
use item::Item;
use named::Named;
use old::Adopted;
use recent::Recent;
use revocable::Revocable;
use tables::Tables;

/// The ledger in two tables. Meant to be shared: it keeps CAs and reserved intents in memory.
#[derive(Debug)]
pub struct DynamoLedger {
    tables: Tables,
    deployment: Deployment,
    cas: Cas,
    adopted: Adopted,
    recent: Recent,
    named: Named,
    /// The last day that this process recorded as one with rejections.
    rejection_day: Mutex<String>,
}

/// A certificate and the key of its row.
struct Found {
    record: CertificateRecord,
    row_key: Item,
}

impl DynamoLedger {
    /// The ledger of that deployment. Sends nothing yet.
    pub fn new(config: &SdkConfig, deployment: &Deployment, budget: CallBudget) -> Self {
        Self {
            tables: Tables::new(config, deployment.table(), deployment.journal_table(), budget),
            deployment: deployment.clone(),
            cas: Cas::default(),
            adopted: Adopted::default(),
            recent: Recent::default(),
            named: Named::default(),
            rejection_day: Mutex::default(),
        }
    }
}

#[async_trait]
impl Ledger for DynamoLedger {
    async fn authorities(&self) -> Result<Vec<AuthorityRecord>, LedgerError> {
        let cas = self.read_cas().await?;
        Ok(cas.iter().map(|ca| ca.record.clone()).collect())
    }

    async fn reserve(&self, intent: CertificateIntent) -> Result<Reservation, LedgerError> {
        self.reserve_intent(intent).await
    }

    async fn complete(&self, completion: Completion) -> Result<CertificateRecord, LedgerError> {
        self.complete_intent(completion).await
    }

    async fn mark_lost(&self, intent: IntentId, at: UnixTime) -> Result<(), LedgerError> {
        self.lose_intent(intent, at).await
    }

    async fn open_intents_after(
        &self,
        after: Option<OpenPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<OpenIntents, LedgerError> {
        self.list_open(after, before, limit).await
    }

    async fn record_rejection(&self, rejection: Rejection) -> Result<(), LedgerError> {
        self.put_rejection(rejection).await
    }

    async fn rejections(&self, limit: usize) -> Result<Vec<Rejection>, LedgerError> {
        self.list_rejections(limit).await
    }

    async fn revoke_reaching(
        &self,
        issuer: &CaName,
        serial: Serial,
        revocation: Revocation,
        reach: Reach,
    ) -> Result<RevokedTogether, LedgerError> {
        self.revoke_together(issuer, serial, revocation, reach).await
    }

    async fn unfinished_families_after(
        &self,
        after: Option<FamilyPosition>,
        limit: usize,
    ) -> Result<UnfinishedFamilies, LedgerError> {
        self.list_unfinished(after, limit).await
    }

    async fn related(&self, id: &IntentId, at: UnixTime, limit: usize) -> Result<Vec<Related>, LedgerError> {
        self.list_related(id, at, limit).await
    }

    async fn reserve_crl(&self, scope: &CrlScope, plan: CrlPlan) -> Result<CrlReservation, LedgerError> {
        self.reserve_number(scope, &plan).await
    }

    async fn intend_crl(&self, intent: CrlIntent) -> Result<(), LedgerError> {
        self.put_crl_intent(intent).await
    }

    async fn open_crl_intents(&self, scope: &CrlScope, limit: usize) -> Result<Vec<CrlIntent>, LedgerError> {
        self.list_open_crls(scope, limit).await
    }

    async fn complete_crl(&self, crl: CrlRecord) -> Result<(), LedgerError> {
        self.put_crl(crl).await
    }

    async fn crl_published(&self, scope: &CrlScope, number: u64, etag: ETag) -> Result<(), LedgerError> {
        self.note_published(scope, number, etag).await
    }

    async fn crl_state_up_to(&self, scope: &CrlScope, at_most: u64) -> Result<CrlState, LedgerError> {
        self.standing(scope, at_most).await
    }

    async fn record_crl_use(&self, used: CrlUse) -> Result<(), LedgerError> {
        self.put_crl_use(used).await
    }

    async fn crl_uses(&self) -> Result<Vec<CrlUse>, LedgerError> {
        self.list_crl_uses().await
    }

    async fn listed_among(&self, issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Listed>, LedgerError> {
        self.read_listed(issuer, serials).await
    }

    async fn unlisted(&self, issuer: &CaName, at: UnixTime) -> Result<Unlisted, LedgerError> {
        self.find_unlisted(issuer, at).await
    }

    async fn keep_unlisted(&self, issuer: &CaName, next: Option<Cursor>) -> Result<(), LedgerError> {
        self.keep_unlisted_position(issuer, next).await
    }

    async fn certificate_to_revoke(&self, serial: Serial) -> Result<Option<ToRevoke>, LedgerError> {
        Ok(self.find_to_revoke(serial).await?.map(Revocable::told))
    }

    async fn named_certificate_to_revoke(
        &self,
        serial: Serial,
        common_name: &str,
    ) -> Result<Option<ToRevoke>, LedgerError> {
        let found = self.find_named_to_revoke(serial, common_name).await?;
        Ok(found.map(Revocable::told))
    }

    async fn evidence(&self, _issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Evidence>, LedgerError> {
        self.read_evidence(serials).await
    }

    async fn relist(&self, scope: &CrlScope, entry: &RevokedEntry, not_after: UnixTime) -> Result<(), LedgerError> {
        self.list_again(scope, entry, not_after).await
    }

    async fn certificate(
        &self,
        issuer: Option<&CaName>,
        serial: Serial,
    ) -> Result<Option<CertificateRecord>, LedgerError> {
        let found = self.find(serial).await?.map(|found| found.record);
        Ok(found.filter(|record| issuer.is_none_or(|issuer| *issuer == record.id.issuer)))
    }

    async fn key_holder(&self, key: KeyFingerprint, common_name: &str) -> Result<KeyStatus, LedgerError> {
        self.find_key_holder(key, common_name).await
    }

    async fn search(&self, query: &Search, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        self.search_certificates(query, after, limit).await
    }

    async fn certificates_named(
        &self,
        common_name: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        self.list_named(common_name, after, limit).await
    }

    async fn expiring(
        &self,
        from: UnixTime,
        to: UnixTime,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        self.list_expiring(from, to, after, limit).await
    }

    async fn record_reminder(&self, issuer: &CaName, serial: Serial, at: UnixTime) -> Result<(), LedgerError> {
        self.add_reminder(issuer, serial, at).await
    }

    async fn counts(&self) -> Result<Counts, LedgerError> {
        self.count_all().await
    }
}

fn damaged(what: &str, error: &dyn std::fmt::Display) -> LedgerError {
    LedgerError::Damaged {
        detail: format!("{what}: {error}"),
    }
}

/// An item as messages name it: by its key.
fn called(item: &Item) -> String {
    let text = |name| item.as_text(name).unwrap_or("?");
    if item.has("Key") {
        format!("item {} {}", text("Key"), text("Sort"))
    } else {
        format!("row {} {}", text("CommonName"), text("SerialNumber"))
    }
}

/// Logs an item that cannot be read and is left out: it never stops the others.
fn skip(what: &str, item: &Item, error: &dyn std::fmt::Display) {
    tracing::error!(item = called(item), %error, "{what} cannot be read and is left out");
}
