//! Finds certificates by common name, as operators' files name them.

use std::sync::Arc;

use async_trait::async_trait;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{CertificateRecord, Certificates, for_each_named};

/// A certificate, and whether its row asks for reminders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The certificate.
    pub record: CertificateRecord,
    /// Whether the row asks for expiry reminders; `None`: the row has no such attribute.
    pub notify_expiry: Option<bool>,
}

/// Finds certificates by name, including those of the Python CA.
#[async_trait]
pub trait Rows: Send + Sync {
    /// All certificates of that name; none if every row has the attribute for reminders. A row that cannot be read is
    /// logged and left out.
    async fn named(&self, common_name: &str) -> Result<Vec<Row>, LedgerError>;
}

/// Rows of a ledger that records the choice about reminders for every certificate.
pub struct LedgerRows(pub Arc<dyn Certificates>);

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

/// All certificates of that name.
pub(crate) async fn all_named(
    certificates: &dyn Certificates,
    common_name: &str,
) -> Result<Vec<CertificateRecord>, LedgerError> {
    let mut records = Vec::new();
    for_each_named(certificates, common_name, &mut |record| records.push(record)).await?;
    Ok(records)
}
