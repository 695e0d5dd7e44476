//! What operators watch.

use async_trait::async_trait;
use chancery_authority::port::ledger::{Counts, LedgerError, Monitoring};

use super::tables::{Range, Table};
use super::{DynamoLedger, journal_entry};

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

impl DynamoLedger {
    /// Reads both tables completely: for a report, not for every request.
    pub(super) async fn count_all(&self) -> Result<Counts, LedgerError> {
        let (revoked, issued) = self
            .tables
            .count(Table::Certificates, "attribute_exists(#Revoked)")
            .await?;
        let (lost, _) = self.tables.count(Table::Journal, "attribute_exists(#Lost)").await?;
        let open = Range {
            index: Some("open"),
            condition: "#Open = :key".to_owned(),
            ..Range::journal(journal_entry::OPEN)
        };
        Ok(Counts {
            issued,
            revoked: revoked + lost,
            open_intents: self.tables.count_partition(&open).await?,
            rejected: self.count_rejections().await?,
        })
    }
}
