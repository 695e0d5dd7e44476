//! Certificates by their common name: the way that operators' files name them.

use std::sync::Arc;

use async_trait::async_trait;
use chancery_authority::port::ledger::{CertificateRecord, Kind, Search};
use chancery_authority::port::{Ledger, LedgerError};
use chancery_x509::serial::Serial;

/// Certificates read at a time.
const PAGE: usize = 200;

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
    /// The certificate of that name (a CA's may be its slug) and serial number, such that the ledger can revoke it from then on.
    async fn row(&self, common_name: &str, serial: Serial) -> Result<Option<CertificateRecord>, LedgerError>;

    /// All certificates of that name, or none where every row says whether its expiry is to be told. A row that cannot be
    /// read is reported in the log and left out.
    async fn named(&self, common_name: &str) -> Result<Vec<Row>, LedgerError>;
}

fn is_named(record: &CertificateRecord, name: &str) -> bool {
    let slug = match &record.kind {
        Kind::Authority { slug, .. } => Some(slug.as_str()),
        Kind::Leaf => None,
    };
    record.common_name == name || slug == Some(name)
}

/// Rows of a ledger that records every certificate itself.
pub struct LedgerRows(pub Arc<dyn Ledger>);

#[async_trait]
impl Rows for LedgerRows {
    async fn row(&self, common_name: &str, serial: Serial) -> Result<Option<CertificateRecord>, LedgerError> {
        let record = self.0.certificate(None, serial).await?;
        Ok(record.filter(|record| is_named(record, common_name)))
    }

    async fn named(&self, common_name: &str) -> Result<Vec<Row>, LedgerError> {
        let records = all_named(self.0.as_ref(), common_name).await?.into_iter();
        let row = |record: CertificateRecord| Row {
            notify_expiry: Some(record.notify_expiry),
            record,
        };
        Ok(records.map(row).collect())
    }
}

/// Every certificate of that name, page by page.
pub(crate) async fn all_named(ledger: &dyn Ledger, common_name: &str) -> Result<Vec<CertificateRecord>, LedgerError> {
    // The ledger would take it for the beginning of a name.
    if common_name.ends_with('*') {
        return Ok(Vec::new());
    }
    let query = Search {
        common_name: Some(common_name.to_owned()),
        ..Search::default()
    };
    let mut records = Vec::new();
    let mut after = None;
    loop {
        let page = ledger.search(&query, after.as_ref(), PAGE).await?;
        records.extend(page.certificates);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(records),
        }
    }
}
