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
mod issuers;
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
    AuthorityRecord, CertificateIntent, CertificateRecord, Certificates, Completion, Counts, CrlIntent, CrlPlan,
    CrlRecord, CrlReservation, CrlScope, CrlState, CrlUse, Crls, Cursor, Evidence, FamilyPosition, IntentId, Intents,
    IssuerChange, Issuers, KeyStatus, LedgerError, Listed, Monitoring, OpenIntents, OpenPosition, Page, Reach,
    Rejection, Rejections, Related, Reminders, Reservation, Revocation, Revocations, RevokedTogether, Search,
    ServerNames, ToRevoke, UnfinishedFamilies, Unlisted,
};
use chancery_x509::crl::RevokedEntry;
use chancery_x509::key::KeyFingerprint;
use chancery_x509::san::AltName;
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
impl Intents for DynamoLedger {
    async fn reserve(&self, intent: CertificateIntent) -> Result<Reservation, LedgerError> {
        self.reserve_intent(intent).await
    }

    async fn complete(&self, completion: Completion) -> Result<CertificateRecord, LedgerError> {
        self.complete_intent(completion).await
    }

    async fn mark_lost(&self, intent: IntentId, at: UnixTime) -> Result<(), LedgerError> {
        self.lose_intent(intent, at).await
    }

    async fn list_open(
        &self,
        after: Option<OpenPosition>,
        before: UnixTime,
        limit: usize,
    ) -> Result<OpenIntents, LedgerError> {
        self.list_open(after, before, limit).await
    }
}

#[async_trait]
impl Certificates for DynamoLedger {
    async fn evidence(&self, _issuer: &CaName, serials: &[Serial]) -> Result<HashMap<Serial, Evidence>, LedgerError> {
        self.read_evidence(serials).await
    }

    async fn get(&self, issuer: Option<&CaName>, serial: Serial) -> Result<Option<CertificateRecord>, LedgerError> {
        let found = self.find(serial).await?.map(|found| found.record);
        Ok(found.filter(|record| issuer.is_none_or(|issuer| *issuer == record.id.issuer)))
    }

    async fn key_status(&self, key: KeyFingerprint, common_name: &str) -> Result<KeyStatus, LedgerError> {
        self.find_key_holder(key, common_name).await
    }

    async fn search(&self, query: &Search, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        self.search_certificates(query, after, limit).await
    }

    async fn named(&self, common_name: &str, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        self.list_named(common_name, after, limit).await
    }
}

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
        Ok(found.map(Revocable::told))
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

#[async_trait]
impl Crls for DynamoLedger {
    async fn reserve(&self, scope: &CrlScope, plan: CrlPlan) -> Result<CrlReservation, LedgerError> {
        self.reserve_number(scope, &plan).await
    }

    async fn intend(&self, intent: CrlIntent) -> Result<(), LedgerError> {
        self.put_crl_intent(intent).await
    }

    async fn open_intents(&self, scope: &CrlScope, limit: usize) -> Result<Vec<CrlIntent>, LedgerError> {
        self.list_open_crls(scope, limit).await
    }

    async fn complete(&self, crl: CrlRecord) -> Result<(), LedgerError> {
        self.put_crl(crl).await
    }

    async fn mark_published(&self, scope: &CrlScope, number: u64, etag: ETag) -> Result<(), LedgerError> {
        self.note_published(scope, number, etag).await
    }

    async fn state_up_to(&self, scope: &CrlScope, at_most: u64) -> Result<CrlState, LedgerError> {
        self.standing(scope, at_most).await
    }

    async fn record_use(&self, used: CrlUse) -> Result<(), LedgerError> {
        self.put_crl_use(used).await
    }

    async fn uses(&self) -> Result<Vec<CrlUse>, LedgerError> {
        self.list_crl_uses().await
    }
}

#[async_trait]
impl Issuers for DynamoLedger {
    async fn list(&self) -> Result<Vec<AuthorityRecord>, LedgerError> {
        let cas = self.read_cas().await?;
        Ok(cas.iter().map(|ca| ca.record.clone()).collect())
    }

    async fn change(&self, change: IssuerChange) -> Result<(), LedgerError> {
        self.change_issuer(change).await
    }
}

#[async_trait]
impl Rejections for DynamoLedger {
    async fn record(&self, rejection: Rejection) -> Result<(), LedgerError> {
        self.put_rejection(rejection).await
    }

    async fn latest(&self, limit: usize) -> Result<Vec<Rejection>, LedgerError> {
        self.list_rejections(limit).await
    }
}

#[async_trait]
impl Reminders for DynamoLedger {
    async fn expiring(
        &self,
        from: UnixTime,
        to: UnixTime,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        self.list_expiring(from, to, after, limit).await
    }

    async fn record(&self, issuer: &CaName, serial: Serial, at: UnixTime) -> Result<(), LedgerError> {
        self.add_reminder(issuer, serial, at).await
    }
}

#[async_trait]
impl ServerNames for DynamoLedger {
    /// A deployment on AWS has functions and no server: a name that was accepted here would protect nothing.
    async fn record(&self, _names: &[AltName], _until: UnixTime) -> Result<(), LedgerError> {
        Err(LedgerError::Unavailable {
            detail: "the ledger of a deployment on AWS records no names of servers, since none runs there".into(),
        })
    }

    async fn list(&self, _at: UnixTime) -> Result<Vec<AltName>, LedgerError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Monitoring for DynamoLedger {
    async fn counts(&self) -> Result<Counts, LedgerError> {
        self.count_all().await
    }

    /// Not tracked: a function that cannot write fails, and its alarm says so.
    fn write_failure(&self) -> Option<LedgerError> {
        None
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
