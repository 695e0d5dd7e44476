//! What operators watch.

use async_trait::async_trait;
use chancery_authority::port::LedgerError;
use chancery_authority::port::ledger::{Counts, Monitoring};
use rusqlite::{Connection, Row};

use super::SqliteLedger;
use super::fault::Fault;

#[async_trait]
impl Monitoring for SqliteLedger {
    fn write_failure(&self) -> Option<LedgerError> {
        self.0.writer.as_ref()?.failure()
    }

    async fn counts(&self) -> Result<Counts, LedgerError> {
        self.read(counts).await
    }
}

/// Counts, updated in every transaction.
pub(crate) fn counts(connection: &Connection) -> Result<Counts, Fault> {
    let counts = connection
        .prepare_cached("SELECT issued, revoked, open_intents, rejected FROM counts")?
        .query_row([], |row| {
            Ok(Counts {
                issued: unsigned(row, 0)?,
                revoked: unsigned(row, 1)?,
                open_intents: unsigned(row, 2)?,
                rejected: unsigned(row, 3)?,
            })
        })?;
    Ok(counts)
}

/// A column that is never negative; SQLite has signed integers only.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> Result<u64, rusqlite::Error> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}
