//! Searches of the certificate table, while rows may be missing from the journal's lists.

use chancery_authority::port::ledger::{CertificateRecord, LedgerError, Search};
use chancery_contract::contract_time;
use chancery_x509::time::UnixTime;

use super::super::certificate_lists::Position;
use super::super::item::Item;
use super::super::reminders::is_due;
use super::super::search::keep;
use super::super::tables::{Table, unavailable};
use super::FormerRows;

/// Most rows that are read for a page while rows may be missing from the lists. Rows have no order, so each page reads
/// all.
const ROWS_WITHOUT_LIST: usize = 10_000;

impl FormerRows<'_> {
    /// Reads the rows of one name, or the whole table; where that has too many rows, it must be adopted first. The
    /// claim of a key leads to nothing here: the Python CA certified a key under any number of names.
    pub(in crate::ledger) async fn search(
        &self,
        query: &Search,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<CertificateRecord>, LedgerError> {
        if let Some(name) = query.common_name.as_deref().filter(|name| !name.ends_with('*')) {
            let found = self.0.records_named(name, ROWS_WITHOUT_LIST).await?;
            let mut found = found.ok_or_else(too_many_rows)?;
            keep(&mut found, query, after, limit);
            return Ok(found);
        }
        let mut found = Vec::new();
        let (mut next, mut read) = (None, 0);
        loop {
            let page = self
                .0
                .tables
                .scan(Table::Certificates, None, Item::default(), next)
                .await?;
            read += page.items.len();
            if read > ROWS_WITHOUT_LIST {
                return Err(too_many_rows());
            }
            found.extend(self.0.records_of(page.items).await?);
            keep(&mut found, query, after, limit);
            match page.next {
                Some(after) => next = Some(after),
                None => return Ok(found),
            }
        }
    }

    /// The first certificates after that position whose reminders are due, and one more; reads the whole table.
    pub(in crate::ledger) async fn expiring(
        &self,
        window: (UnixTime, UnixTime),
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<CertificateRecord>, LedgerError> {
        let mut found: Vec<CertificateRecord> = Vec::new();
        let mut next = None;
        loop {
            let filter = Some("#NotifyExpiry = :yes AND #Expires BETWEEN :from AND :to");
            let values = Item::default()
                .flag(":yes", true)
                .text(":from", contract_time(window.0))
                .text(":to", contract_time(window.1));
            let page = self.0.tables.scan(Table::Certificates, filter, values, next).await?;
            let records = self.0.records_of(page.items).await?;
            found.extend(records.into_iter().filter(|record| is_due(record, window, after)));
            found.sort_by_key(|record| (record.not_after, record.id.serial));
            found.truncate(limit + 1);
            match page.next {
                Some(after) => next = Some(after),
                None => return Ok(found),
            }
        }
    }
}

fn too_many_rows() -> LedgerError {
    unavailable(format!(
        "the certificate table has more than {ROWS_WITHOUT_LIST} rows to look at, and rows of the former CA that no list has: \
         take them into the journal with `chancery adopt`, then search again"
    ))
}
