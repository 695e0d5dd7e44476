//! Finds certificates by name in DynamoDB, if any of their rows lacks the attribute for reminders.

use std::sync::Arc;

use async_trait::async_trait;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::CertificateRecord;
use chancery_aws::DynamoLedger;

use crate::rows::{Row, Rows, all_named};

/// The certificate table.
pub(super) struct DynamoRows(pub(super) Arc<DynamoLedger>);

#[async_trait]
impl Rows for DynamoRows {
    async fn named(&self, common_name: &str) -> Result<Vec<Row>, LedgerError> {
        let silent = self.0.silent_rows(common_name).await?;
        if silent.is_empty() {
            return Ok(Vec::new());
        }
        let records = all_named(self.0.as_ref(), common_name).await?.into_iter();
        let row = |record: CertificateRecord| Row {
            notify_expiry: (!silent.contains(&record.id.serial)).then_some(record.notify_expiry),
            record,
        };
        Ok(records.map(row).collect())
    }
}
