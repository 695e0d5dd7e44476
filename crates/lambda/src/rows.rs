//! Certificates by their common name: the way that operators' files name them.

use std::sync::Arc;

use async_trait::async_trait;
use chancery_authority::port::ledger::{CertificateRecord, for_each_named};
use chancery_authority::port::{Ledger, LedgerError};

/// A certificate, and what its row says of reminders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The certificate.
    pub record: CertificateRecord,
    /// Whether its expiry is to be told; `None` where the row does not say.
    pub notify_expiry: Option<bool>,
}

/// Finds certificates by name, those of the time before Chancery included.
#[async_trait]
pub trait Rows: Send + Sync {
    /// All certificates of that name, or none where every row says whether its expiry is to be told. A row that cannot be
    /// read is reported in the log and left out.
    async fn named(&self, common_name: &str) -> Result<Vec<Row>, LedgerError>;
}

/// Rows of a ledger that records every certificate itself.
pub struct LedgerRows(pub Arc<dyn Ledger>);

#[async_trait]
impl Rows for LedgerRows {
    async fn named(&self, common_name: &str) -> Result<Vec<Row>, LedgerError> {
        let records = all_named(self.0.as_ref(), common_name).await?.into_iter();
        let row = |record: CertificateRecord| Row {
            notify_expiry: Some(record.notify_expiry),
            record,
        };
        Ok(records.map(row).collect())
    }
}

/// Every certificate of that name.
pub(crate) async fn all_named(ledger: &dyn Ledger, common_name: &str) -> Result<Vec<CertificateRecord>, LedgerError> {
    let mut records = Vec::new();
    for_each_named(ledger, common_name, &mut |record| records.push(record)).await?;
    Ok(records)
}
