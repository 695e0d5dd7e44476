//! The journal's lists of certificates, in the order of issuance and of expiry.
//!
//! A page begins after a position, which is a time and a serial number, and so does not move when certificates are
//! issued meanwhile.

use std::collections::HashMap;

use chancery_authority::port::ledger::{CertificateRecord, Cursor, LedgerError, Page};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use futures_util::future::try_join_all;

use super::item::Item;
use super::journal_entry::JournalEntry;
use super::row::Row;
use super::tables::{Range, Table};
use super::{DynamoLedger, journal_keys};

/// Most certificates on a page, whatever the caller asks for: bounds the memory of one answer.
pub(super) const MAX_PAGE: usize = 1000;

/// Listed certificates that are read at a time: few of them may match the query.
const STEP: usize = 200;

/// A certificate's place in an order: a time, then the serial number.
pub(super) type Position = (UnixTime, Serial);

/// A certificate, as a list of the journal has it.
pub(super) struct ListedCertificate {
    pub(super) position: Position,
    partition: String,
    pub(super) item: Item,
}

impl DynamoLedger {
    /// Merges the first items of several lists, in order; and whether there are more.
    pub(super) async fn listed(
        &self,
        ranges: impl Iterator<Item = Range>,
        ascending: bool,
    ) -> Result<(Vec<ListedCertificate>, bool), LedgerError> {
        let ranges: Vec<Range> = ranges
            .map(|range| Range {
                limit: Some(STEP),
                ..range
            })
            .collect();
        let pages = try_join_all(ranges.iter().map(|range| self.tables.page(range, None))).await?;
        // Each list returned its first `STEP` items, so the first `STEP` of all are among them.
        let mut more = pages.iter().any(|page| page.next.is_some());
        let items = pages.into_iter().flat_map(|page| page.items);
        let mut listed: Vec<ListedCertificate> = items.filter_map(parse_listed).collect();
        listed.sort_by_key(|listed| listed.position);
        if !ascending {
            listed.reverse();
        }
        more |= listed.len() > STEP;
        listed.truncate(STEP);
        Ok((listed, more))
    }

    /// The records of listed certificates, in the list's order. Entries and rows are read together.
    pub(super) async fn records_listed(
        &self,
        listed: Vec<ListedCertificate>,
    ) -> Result<Vec<CertificateRecord>, LedgerError> {
        let keys = listed.iter().flat_map(|listed| {
            let serial = listed.position.1;
            let row = Item::row_key(&listed.partition, serial.to_string());
            [
                (Table::Journal, journal_keys::intent(serial)),
                (Table::Certificates, row),
            ]
        });
        let (mut entries, mut rows) = (HashMap::new(), HashMap::new());
        for (table, item) in self.tables.get_many(keys.collect()).await? {
            match table {
                Table::Journal => match JournalEntry::parse(&item) {
                    Ok(entry) => drop(entries.insert(entry.id.serial, entry)),
                    Err(error) => super::skip("an entry of the journal", &item, &error),
                },
                Table::Certificates => match Row::parse(&item) {
                    Ok(row) => drop(rows.insert(row.serial, row)),
                    Err(error) => super::skip("a row", &item, &error),
                },
            }
        }
        let records = listed.iter().filter_map(|listed| {
            let serial = &listed.position.1;
            let (entry, row) = (entries.remove(serial)?, rows.remove(serial)?);
            entry.record(row)
        });
        Ok(records.collect())
    }
}

pub(super) fn page(
    mut found: Vec<CertificateRecord>,
    limit: usize,
    position: impl Fn(&CertificateRecord) -> Position,
) -> Page {
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more).map(position);
    Page {
        certificates: found,
        next: last.map(|(at, serial)| Cursor(journal_keys::moment(at, serial))),
    }
}

fn parse_listed(item: Item) -> Option<ListedCertificate> {
    let parsed = item.as_text("Sort").ok().and_then(parse_position);
    let (Some(position), Ok(partition)) = (parsed, item.as_text("Partition")) else {
        tracing::error!(
            item = super::called(&item),
            "an item of a list cannot be read and is left out"
        );
        return None;
    };
    let partition = partition.to_owned();
    Some(ListedCertificate {
        position,
        partition,
        item,
    })
}

fn parse_position(text: &str) -> Option<Position> {
    let (at, _) = text.split_once('#')?;
    Some((UnixTime(at.parse().ok()?), journal_keys::serial_of(text)?))
}

pub(super) fn parse_cursor(cursor: &Cursor) -> Result<Position, LedgerError> {
    let position = parse_position(&cursor.0);
    // Only a cursor that formats to itself was made here.
    let ours = position.filter(|(at, serial)| journal_keys::moment(*at, *serial) == cursor.0);
    ours.ok_or_else(|| LedgerError::foreign_cursor(cursor))
}
