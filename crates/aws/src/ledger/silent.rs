//! Rows that do not say whether to remind of their certificate's end: those from before the Python CA had `NotifyExpiry`.

use chancery_authority::port::ledger::LedgerError;
use chancery_x509::serial::Serial;

use super::tables::Range;
use super::{DynamoLedger, row};

impl DynamoLedger {
    /// The serial numbers of those rows of a common name that have no `NotifyExpiry`. A row whose number cannot be read is
    /// reported and left out.
    pub async fn silent_rows(&self, common_name: &str) -> Result<Vec<Serial>, LedgerError> {
        let range = Range {
            filter: Some("attribute_not_exists(#NotifyExpiry)".to_owned()),
            projection: Some("#CommonName, #SerialNumber".to_owned()),
            ..Range::rows(row::partition(common_name))
        };
        let mut serials = Vec::new();
        for item in self.tables.query(&range).await? {
            match row::serial(&item) {
                Ok(serial) => serials.push(serial),
                Err(error) => super::skip("a row", &item, &error),
            }
        }
        Ok(serials)
    }
}
