//! The ledger in DynamoDB: the drop-in certificate table, and a journal table beside it.

use async_trait::async_trait;
use aws_config::SdkConfig;
use chancery_authority::Slug;
use chancery_authority::port::ETag;
use chancery_authority::port::ledger::{
    AuthorityRecord, CertificateIntent, CertificateRecord, Completion, Counts, CrlRecord, CrlReservation, CrlScope,
    Cursor, IntentId, Ledger, LedgerError, OpenIntent, Page, Rejection, Reservation, Revocation, Revoked, Search,
};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;

use crate::deployment::Deployment;
use crate::patience::Patience;

/// The record of truth in two tables.
#[derive(Debug)]
pub struct DynamoLedger {
    client: aws_sdk_dynamodb::Client,
    deployment: Deployment,
    patience: Patience,
}

impl DynamoLedger {
    /// The ledger of that deployment. Calls nothing.
    pub fn new(config: &SdkConfig, deployment: &Deployment, patience: Patience) -> Self {
        Self {
            client: aws_sdk_dynamodb::Client::new(config),
            deployment: deployment.clone(),
            patience,
        }
    }
}

#[async_trait]
#[allow(unused_variables)]
impl Ledger for DynamoLedger {
    async fn authorities(&self) -> Result<Vec<AuthorityRecord>, LedgerError> {
        let _ = (&self.client, &self.deployment, &self.patience);
        todo!()
    }
    async fn reserve(&self, intent: CertificateIntent) -> Result<Reservation, LedgerError> {
        todo!()
    }
    async fn complete(&self, completion: Completion) -> Result<CertificateRecord, LedgerError> {
        todo!()
    }
    async fn mark_lost(&self, intent: IntentId, at: UnixTime) -> Result<(), LedgerError> {
        todo!()
    }
    async fn open_intents(&self, before: UnixTime, limit: usize) -> Result<Vec<OpenIntent>, LedgerError> {
        todo!()
    }
    async fn record_rejection(&self, rejection: Rejection) -> Result<(), LedgerError> {
        todo!()
    }
    async fn rejections(&self, limit: usize) -> Result<Vec<Rejection>, LedgerError> {
        todo!()
    }
    async fn revoke(&self, issuer: &Slug, serial: Serial, revocation: Revocation) -> Result<Revoked, LedgerError> {
        todo!()
    }
    async fn reserve_crl(
        &self,
        scope: &CrlScope,
        at: UnixTime,
        expired_before: Option<UnixTime>,
    ) -> Result<CrlReservation, LedgerError> {
        todo!()
    }
    async fn complete_crl(&self, crl: CrlRecord) -> Result<(), LedgerError> {
        todo!()
    }
    async fn crl_published(&self, scope: &CrlScope, number: u64, etag: ETag) -> Result<(), LedgerError> {
        todo!()
    }
    async fn latest_crl(&self, scope: &CrlScope) -> Result<Option<CrlRecord>, LedgerError> {
        todo!()
    }
    async fn certificate(
        &self,
        issuer: Option<&Slug>,
        serial: Serial,
    ) -> Result<Option<CertificateRecord>, LedgerError> {
        todo!()
    }
    async fn search(&self, query: &Search, after: Option<&Cursor>, limit: usize) -> Result<Page, LedgerError> {
        todo!()
    }
    async fn expiring(
        &self,
        from: UnixTime,
        to: UnixTime,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        todo!()
    }
    async fn record_reminder(&self, issuer: &Slug, serial: Serial, at: UnixTime) -> Result<(), LedgerError> {
        todo!()
    }
    async fn counts(&self) -> Result<Counts, LedgerError> {
        todo!()
    }
}
