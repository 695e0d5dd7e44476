//! Rows without `NotifyExpiry`, which do not say whether to send expiry reminders: the Python CA wrote such before it
//! had that attribute.

use chancery_authority::port::ledger::LedgerError;
use chancery_x509::serial::Serial;

use super::super::tables::Range;
use super::super::{DynamoLedger, row};

impl DynamoLedger {
    /// The serial numbers of a common name's rows that have no `NotifyExpiry`. A row whose serial number cannot be read
    /// is logged and left out.
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
                Err(error) => super::super::skip("a row", &item, &error),
            }
        }
        Ok(serials)
    }
}
