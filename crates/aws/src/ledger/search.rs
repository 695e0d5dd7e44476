//! Finds certificates: by serial number, by name, in the order of issuance, in the order of expiry.
//!
//! A page begins after a position, which is a time and a serial number, and so does not move when certificates are
//! issued meanwhile.

use std::collections::HashMap;

use chancery_authority::port::ledger::{CertificateRecord, Cursor, LedgerError, Page, Search};
use chancery_x509::serial::Serial;
use chancery_x509::time::UnixTime;
use futures_util::future::try_join_all;

use super::entry::{Entry, Stage};
use super::item::Item;
use super::old::Belongs;
use super::row::{self, Row};
use super::tables::{Range, Table, unavailable};
use super::{DynamoLedger, Found, damaged, names};

/// Most certificates on a page, whatever the caller asks for: bounds the memory of one answer.
const MAX_PAGE: usize = 1000;

/// Listed certificates that are read at a time: few of them may match the query.
const STEP: usize = 200;

/// Most such steps for one page: otherwise a query that matches hardly any certificate would read the whole list. The
/// next page continues there.
const STEPS: usize = 25;

/// Most rows of one name that are read for a page. A name with more is searched in the list of issuance, of which a
/// page reads a bounded part: reading all rows of the name for each page would cost the square of their number.
const ROWS_OF_NAME: usize = 2_000;

/// Most rows that are read for a page while rows may be missing from the lists. Rows have no order, so each page reads
/// all.
const ROWS_WITHOUT_LIST: usize = 10_000;

/// A certificate's place in an order: a time, then the serial number.
type Position = (UnixTime, Serial);

/// A certificate, as a list of the journal has it.
struct Listed {
    position: Position,
    partition: String,
    item: Item,
}

impl DynamoLedger {
    /// A certificate and the key of its row; `None` if there is no such serial number, or its intent is open or lost.
    pub(super) async fn find(&self, serial: Serial) -> Result<Option<Found>, LedgerError> {
        match self.entry(serial).await? {
            Some(entry) => {
                let row_key = entry.row_key();
                let record = self.record_of(entry).await?;
                Ok(record.map(|record| Found { record, row_key }))
            }
            None => self.find_old(serial).await,
        }
    }

    /// A row without an entry in the journal, through the index of serial numbers. A row that cannot be read stops no
    /// other one of that serial number, and is an error only if there is no other.
    pub(super) async fn find_old(&self, serial: Serial) -> Result<Option<Found>, LedgerError> {
        let mut unreadable = None;
        for item in self.rows_of(serial).await? {
            let row = match Row::parse(&item) {
                Ok(row) => row,
                Err(error) => {
                    unreadable = Some(damaged(&super::called(&item), &error));
                    continue;
                }
            };
            let row_key = row.key();
            match Self::old_record(row, &self.known_cas().await?) {
                Belongs::To(record) => {
                    return Ok(Some(Found {
                        record: *record,
                        row_key,
                    }));
                }
                Belongs::Nowhere(why) => tracing::warn!(%serial, why, "a row is left alone"),
            }
        }
        unreadable.map_or(Ok(None), Err)
    }

    /// The journal's entry of a serial number.
    pub(super) async fn entry(&self, serial: Serial) -> Result<Option<Entry>, LedgerError> {
        let item = self.tables.get(Table::Journal, names::intent(serial)).await?;
        let entry = item.as_ref().map(Entry::parse).transpose();
        entry.map_err(|error| damaged(&format!("the journal's entry of {serial}"), &error))
    }

    /// The journal's entries of several serial numbers; those that cannot be read are logged and left out.
    pub(super) async fn entries(&self, serials: &[Serial]) -> Result<HashMap<Serial, Entry>, LedgerError> {
        let keys = serials.iter().map(|serial| (Table::Journal, names::intent(*serial)));
        let items = self.tables.get_many(keys.collect()).await?;
        let mut entries = HashMap::with_capacity(items.len());
        for (_, item) in items {
            match Entry::parse(&item) {
                Ok(entry) => drop(entries.insert(entry.id.serial, entry)),
                Err(error) => super::skip("an entry of the journal", &item, &error),
            }
        }
        Ok(entries)
    }

    /// The record of an entry; `None` unless it is complete.
    pub(super) async fn record_of(&self, entry: Entry) -> Result<Option<CertificateRecord>, LedgerError> {
        if !matches!(entry.stage, Stage::Complete { .. }) {
            return Ok(None);
        }
        let item = self.tables.get(Table::Certificates, entry.row_key()).await?;
        let item = item.ok_or_else(|| LedgerError::Damaged {
            detail: format!("the row of {} is not in the certificate table", entry.id),
        })?;
        let row = Row::parse(&item).map_err(|error| damaged(&super::called(&item), &error))?;
        Ok(entry.record(row))
    }

    pub(super) async fn search_certificates(
        &self,
        query: &Search,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        let after = after.map(parse_cursor).transpose()?;
        let limit = limit.min(MAX_PAGE);
        let name = match (&query.key, &query.common_name) {
            // All certificates of a key have its claim's common name, except those of a key that the Python CA
            // certified under several.
            (Some(key), _) => match self.tables.get(Table::Journal, names::claim(*key)).await? {
                Some(claim) => {
                    let name = claim.as_text("CommonName");
                    Some(name.map_err(|error| damaged("a key claim", &error))?.to_owned())
                }
                None if self.has_old_rows().await? => None,
                None => return Ok(Page::default()),
            },
            (None, Some(name)) if !name.ends_with('*') => Some(name.clone()),
            _ => None,
        };
        let (found, stopped) = match name {
            Some(name) => {
                if let Some(found) = self.search_name(&name, query, after, limit).await? {
                    (found, None)
                } else {
                    let of_name = Search {
                        common_name: Some(name),
                        ..query.clone()
                    };
                    self.search_issued(&of_name, after, limit).await?
                }
            }
            None if self.has_old_rows().await? => (self.search_rows(query, after, limit).await?, None),
            None => self.search_issued(query, after, limit).await?,
        };
        let mut page = page(found, limit, |record| (record.issued_at, record.id.serial));
        if page.next.is_none() {
            page.next = stopped.map(|(at, serial)| Cursor(names::moment(at, serial)));
        }
        Ok(page)
    }

    /// The certificates of one name: those of its rows, and the CAs', whose rows have other names. `None` if the name
    /// has so many rows that the caller must walk the list of issuance instead.
    async fn search_name(
        &self,
        name: &str,
        query: &Search,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Option<Vec<CertificateRecord>>, LedgerError> {
        let partition = row::partition(name);
        let has_old_rows = self.has_old_rows().await?;
        let most = if has_old_rows { ROWS_WITHOUT_LIST } else { ROWS_OF_NAME };
        let (mut items, is_all) = self.tables.query_up_to(&Range::rows(partition), most).await?;
        if !is_all && has_old_rows {
            return Err(too_many_rows());
        }
        if !is_all {
            return Ok(None);
        }
        items.extend(self.rows_of_cas(name).await?);
        let mut found = self.records_of(items).await?;
        found.retain(|record| record.common_name == name);
        keep(&mut found, query, after, limit);
        found.dedup_by_key(|record| record.id.serial);
        Ok(Some(found))
    }

    /// The rows of CAs that may have that common name and whose row is under another name.
    async fn rows_of_cas(&self, name: &str) -> Result<Vec<Item>, LedgerError> {
        let cas = self.read_cas().await?;
        // A CA whose row is under that name is among the rows already, and DynamoDB refuses a key that is named twice.
        let elsewhere = cas
            .iter()
            .filter(|ca| ca.may_be_named(name) && ca.record.ca_name.as_str() != row::partition(name));
        let rows = elsewhere.map(|ca| (Table::Certificates, ca.row_key())).collect();
        let items = self.tables.get_many(rows).await?.into_iter();
        Ok(items.map(|(_, item)| item).collect())
    }

    /// The certificates of one name in the order of its rows, with those of CAs on the first page. Each page continues
    /// where the last one ended, so that all pages together read each row once.
    pub(super) async fn list_named(
        &self,
        name: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        let partition = row::partition(name);
        let range = Range {
            limit: Some(limit.clamp(1, MAX_PAGE)),
            ..Range::rows(partition)
        };
        let start = after.map(|after| Item::row_key(partition, after.0.clone()));
        let page = self.tables.page(&range, start).await?;
        let mut items = page.items;
        if after.is_none() {
            items.extend(self.rows_of_cas(name).await?);
        }
        let mut certificates = self.records_of(items).await?;
        certificates.retain(|record| record.common_name == name);
        let next = page.next.map(|next| next.as_text("SerialNumber").map(str::to_owned));
        let next = next
            .transpose()
            .map_err(|error| damaged("where a page of rows ended", &error))?;
        Ok(Page {
            certificates,
            next: next.map(Cursor),
        })
    }

    /// Reads the whole table, while rows may be missing from the lists; a table with too many rows must be adopted
    /// first.
    async fn search_rows(
        &self,
        query: &Search,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<CertificateRecord>, LedgerError> {
        let mut found = Vec::new();
        let (mut next, mut read) = (None, 0);
        loop {
            let page = self
                .tables
                .scan(Table::Certificates, None, Item::default(), next)
                .await?;
            read += page.items.len();
            if read > ROWS_WITHOUT_LIST {
                return Err(too_many_rows());
            }
            found.extend(self.records_of(page.items).await?);
            keep(&mut found, query, after, limit);
            match page.next {
                Some(after) => next = Some(after),
                None => return Ok(found),
            }
        }
    }

    /// Walks the list of issuance. Also returns the position where it stopped, if that is before the list's end.
    async fn search_issued(
        &self,
        query: &Search,
        after: Option<Position>,
        limit: usize,
    ) -> Result<(Vec<CertificateRecord>, Option<Position>), LedgerError> {
        let mut found = Vec::new();
        let mut position = after;
        let mut steps = 0;
        while found.len() <= limit {
            if steps == STEPS {
                return Ok((found, position));
            }
            steps += 1;
            let bound = match (position, query.oldest_first) {
                (Some((at, serial)), _) => names::moment(at, serial),
                // These sort before and after every digit.
                (None, true) => "!".to_owned(),
                (None, false) => "~".to_owned(),
            };
            let ranges = (0..names::LANES).map(|lane| {
                let mut range = Range::journal(names::issued(lane));
                let than = if query.oldest_first { '>' } else { '<' };
                range.condition = format!("#Key = :key AND #Sort {than} :bound");
                range.values = range.values.text(":bound", &bound);
                range.descending = !query.oldest_first;
                range
            });
            let (listed, more) = self.listed(ranges, query.oldest_first).await?;
            position = listed.last().map(|last| last.position);
            let candidates = listed.into_iter().filter(|listed| may_match(query, &listed.item));
            let mut records = self.records_listed(candidates.collect()).await?;
            keep(&mut records, query, after, usize::MAX);
            found.extend(records);
            if !more {
                break;
            }
        }
        found.truncate(limit + 1);
        Ok((found, None))
    }

    pub(super) async fn list_expiring(
        &self,
        from: UnixTime,
        to: UnixTime,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        let after = after.map(parse_cursor).transpose()?;
        let limit = limit.min(MAX_PAGE);
        let due = |record: &CertificateRecord| {
            let position = (record.not_after, record.id.serial);
            record.notify_expiry && (from..to).contains(&record.not_after) && after.is_none_or(|after| position > after)
        };
        let mut found: Vec<CertificateRecord> = Vec::new();
        if self.has_old_rows().await? {
            let mut next = None;
            loop {
                let filter = Some("#NotifyExpiry = :yes AND #Expires BETWEEN :from AND :to");
                let values = Item::default()
                    .flag(":yes", true)
                    .text(":from", chancery_contract::contract_time(from))
                    .text(":to", chancery_contract::contract_time(to));
                let page = self.tables.scan(Table::Certificates, filter, values, next).await?;
                found.extend(self.records_of(page.items).await?.into_iter().filter(due));
                found.sort_by_key(|record| (record.not_after, record.id.serial));
                found.truncate(limit + 1);
                match page.next {
                    Some(after) => next = Some(after),
                    None => break,
                }
            }
            return Ok(page(found, limit, |record| (record.not_after, record.id.serial)));
        }
        let mut position = after;
        while found.len() <= limit {
            let from = position.map_or_else(
                || names::second(from),
                // The least string that is greater.
                |(at, serial)| format!("{}!", names::moment(at, serial)),
            );
            if from >= names::second(to) {
                break;
            }
            let ranges = (0..names::LANES).map(|lane| {
                let mut range = Range::journal(names::expiring(lane));
                "#Key = :key AND #Sort BETWEEN :from AND :to".clone_into(&mut range.condition);
                range.values = range.values.text(":from", &from).text(":to", names::second(to));
                range
            });
            let (listed, more) = self.listed(ranges, true).await?;
            position = listed.last().map(|last| last.position);
            let mut records = self.records_listed(listed).await?;
            records.retain(due);
            records.sort_by_key(|record| (record.not_after, record.id.serial));
            found.extend(records);
            if !more {
                break;
            }
        }
        Ok(page(found, limit, |record| (record.not_after, record.id.serial)))
    }

    /// Merges the first items of several lists, in order; and whether there are more.
    async fn listed(
        &self,
        ranges: impl Iterator<Item = Range>,
        ascending: bool,
    ) -> Result<(Vec<Listed>, bool), LedgerError> {
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
        let mut listed: Vec<Listed> = items.filter_map(parse_listed).collect();
        listed.sort_by_key(|listed| listed.position);
        if !ascending {
            listed.reverse();
        }
        more |= listed.len() > STEP;
        listed.truncate(STEP);
        Ok((listed, more))
    }

    /// The records of listed certificates, in the list's order. Entries and rows are read together.
    async fn records_listed(&self, listed: Vec<Listed>) -> Result<Vec<CertificateRecord>, LedgerError> {
        let keys = listed.iter().flat_map(|listed| {
            let serial = listed.position.1;
            let row = Item::row_key(&listed.partition, serial.to_string());
            [(Table::Journal, names::intent(serial)), (Table::Certificates, row)]
        });
        let (mut entries, mut rows) = (HashMap::new(), HashMap::new());
        for (table, item) in self.tables.get_many(keys.collect()).await? {
            match table {
                Table::Journal => match Entry::parse(&item) {
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

    /// The records of rows, with or without entries in the journal.
    pub(super) async fn records_of(&self, items: Vec<Item>) -> Result<Vec<CertificateRecord>, LedgerError> {
        let mut rows = Vec::with_capacity(items.len());
        for item in items {
            match Row::parse(&item) {
                Ok(row) => rows.push(row),
                Err(error) => super::skip("a row", &item, &error),
            }
        }
        let serials: Vec<Serial> = rows.iter().map(|row| row.serial).collect();
        let mut entries = self.entries(&serials).await?;
        let mut records = Vec::with_capacity(rows.len());
        for row in rows {
            if let Some(entry) = entries.remove(&row.serial) {
                records.extend(entry.record(row));
                continue;
            }
            let serial = row.serial;
            match Self::old_record(row, &self.known_cas().await?) {
                Belongs::To(record) => records.push(*record),
                Belongs::Nowhere(why) => tracing::warn!(%serial, why, "a row is left alone"),
            }
        }
        Ok(records)
    }
}

fn too_many_rows() -> LedgerError {
    unavailable(format!(
        "the certificate table has more than {ROWS_WITHOUT_LIST} rows to look at, and rows of the former CA that no list has: \
         take them into the journal with `chancery adopt`, then search again"
    ))
}

/// Whether a listed certificate may match, judged without its row.
fn may_match(query: &Search, item: &Item) -> bool {
    let name = query
        .common_name
        .as_deref()
        .is_none_or(|wanted| item.as_text("CommonName").is_ok_and(|name| name_matches(wanted, name)));
    let end = item.as_time("NotAfter");
    name && query
        .issuer
        .as_ref()
        .is_none_or(|issuer| item.as_text("Issuer").is_ok_and(|of| of == issuer.as_str()))
        && end.is_ok_and(|end| ends_within(query, end))
}

fn matches(query: &Search, record: &CertificateRecord) -> bool {
    let name = query.common_name.as_deref();
    name.is_none_or(|wanted| name_matches(wanted, &record.common_name))
        && query.issuer.as_ref().is_none_or(|issuer| *issuer == record.id.issuer)
        && query.key.is_none_or(|key| key == record.key)
        && ends_within(query, record.not_after)
        && query
            .revoked
            .is_none_or(|revoked| revoked == record.revocation.is_some())
}

fn name_matches(wanted: &str, name: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == wanted,
    }
}

fn ends_within(query: &Search, end: UnixTime) -> bool {
    query.expires_from.is_none_or(|from| end >= from) && query.expires_before.is_none_or(|before| end < before)
}

/// Keeps the first `limit` records, and one more, that match and follow the position, in the query's order.
fn keep(found: &mut Vec<CertificateRecord>, query: &Search, after: Option<Position>, limit: usize) {
    let position = |record: &CertificateRecord| (record.issued_at, record.id.serial);
    found.retain(|record| {
        let comes = after.is_none_or(|after| {
            if query.oldest_first {
                position(record) > after
            } else {
                position(record) < after
            }
        });
        comes && matches(query, record)
    });
    found.sort_by_key(position);
    if !query.oldest_first {
        found.reverse();
    }
    found.truncate(limit.saturating_add(1));
}

fn page(mut found: Vec<CertificateRecord>, limit: usize, position: impl Fn(&CertificateRecord) -> Position) -> Page {
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more).map(position);
    Page {
        certificates: found,
        next: last.map(|(at, serial)| Cursor(names::moment(at, serial))),
    }
}

fn parse_listed(item: Item) -> Option<Listed> {
    let parsed = item.as_text("Sort").ok().and_then(parse_position);
    let (Some(position), Ok(partition)) = (parsed, item.as_text("Partition")) else {
        tracing::error!(
            item = super::called(&item),
            "an item of a list cannot be read and is left out"
        );
        return None;
    };
    let partition = partition.to_owned();
    Some(Listed {
        position,
        partition,
        item,
    })
}

fn parse_position(text: &str) -> Option<Position> {
    let (at, _) = text.split_once('#')?;
    Some((UnixTime(at.parse().ok()?), names::serial_of(text)?))
}

fn parse_cursor(cursor: &Cursor) -> Result<Position, LedgerError> {
    let position = parse_position(&cursor.0);
    // Only a cursor that formats to itself was made here.
    let ours = position.filter(|(at, serial)| names::moment(*at, *serial) == cursor.0);
    ours.ok_or_else(|| LedgerError::foreign_cursor(cursor))
}
