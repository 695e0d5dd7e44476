//! Finds certificates: by key, by name, in the order of issuance.

use std::collections::BTreeSet;

use chancery_authority::port::ledger::{CertificateRecord, Cursor, LedgerError, Page, Search};
use chancery_x509::key::KeyFingerprint;
use chancery_x509::time::UnixTime;

use super::certificate_lists::{MAX_PAGE, Position, page, parse_cursor};
use super::item::Item;
use super::tables::{Range, Table};
use super::{DynamoLedger, damaged, journal_keys, row};

/// Most such steps for one page: otherwise a query that matches hardly any certificate would read the whole list. The
/// next page continues there.
const STEPS: usize = 25;

/// Most rows of one name that are read for a page. A name with more is searched in the list of issuance, of which a
/// page reads a bounded part: reading all rows of the name for each page would cost the square of their number.
const ROWS_OF_NAME: usize = 2_000;

impl DynamoLedger {
    pub(super) async fn search_certificates(
        &self,
        query: &Search,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page, LedgerError> {
        let after = after.map(parse_cursor).transpose()?;
        let limit = limit.min(MAX_PAGE);
        let position = |record: &CertificateRecord| (record.issued_at, record.id.serial);
        if let Some(former) = self.unadopted().await? {
            let found = former.search(query, after, limit).await?;
            return Ok(page(found, limit, position));
        }
        let names = match (&query.key, &query.common_name) {
            (Some(key), _) => self.names_of_key(*key).await?,
            (None, Some(name)) if !name.ends_with('*') => Some(BTreeSet::from([name.clone()])),
            _ => None,
        };
        let wanted = query.common_name.as_deref();
        let names = names.map(|mut names| {
            names.retain(|name| wanted.is_none_or(|wanted| name_matches(wanted, name)));
            names
        });
        let of_names = match &names {
            Some(names) => self.search_names(names, query, after, limit).await?,
            None => None,
        };
        if let Some(found) = of_names {
            return Ok(page(found, limit, position));
        }
        // A single name leaves out most of the list of issuance unread.
        let name = names
            .filter(|names| names.len() == 1)
            .and_then(|names| names.into_iter().next());
        let query = Search {
            common_name: name.or_else(|| query.common_name.clone()),
            ..query.clone()
        };
        let (found, stopped) = self.search_issued(&query, after, limit).await?;
        let mut page = page(found, limit, position);
        if page.next.is_none() {
            page.next = stopped.map(|(at, serial)| Cursor(journal_keys::moment(at, serial)));
        }
        Ok(page)
    }

    /// The common names of a key's certificates; `None` if too many certificates and intents hold it. Its claim has one
    /// name. The Python CA certified keys under several, which the entries of the key's holders show.
    async fn names_of_key(&self, key: KeyFingerprint) -> Result<Option<BTreeSet<String>>, LedgerError> {
        let range = Range::journal(journal_keys::key(key));
        let (items, is_all) = self.tables.query_up_to(&range, ROWS_OF_NAME).await?;
        if !is_all {
            return Ok(None);
        }
        let (mut found, mut holders) = (BTreeSet::new(), Vec::new());
        for item in &items {
            let sort = item.as_text("Sort");
            let sort = sort.map_err(|error| damaged(&super::called(item), &error))?;
            if sort == journal_keys::ALONE {
                let name = item.as_text("CommonName");
                let name = name.map_err(|error| damaged("a key claim", &error))?;
                found.insert(name.to_owned());
            } else {
                holders.extend(journal_keys::serial_of(sort));
            }
        }
        let entries = self.entries(&holders).await?.into_values();
        found.extend(entries.map(|entry| entry.common_name));
        Ok(Some(found))
    }

    /// The certificates of these names that match; `None` if one of them has so many rows that the caller must walk the
    /// list of issuance instead.
    async fn search_names(
        &self,
        names: &BTreeSet<String>,
        query: &Search,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Option<Vec<CertificateRecord>>, LedgerError> {
        let mut found = Vec::new();
        for name in names {
            match self.records_named(name, ROWS_OF_NAME).await? {
                Some(records) => found.extend(records),
                None => return Ok(None),
            }
            keep(&mut found, query, after, limit);
        }
        Ok(Some(found))
    }

    /// The certificates of one name: those of its rows, and the CAs', whose rows have other names. `None` if the name
    /// has more rows than `most`.
    pub(super) async fn records_named(
        &self,
        name: &str,
        most: usize,
    ) -> Result<Option<Vec<CertificateRecord>>, LedgerError> {
        let partition = row::partition(name);
        let (mut items, is_all) = self.tables.query_up_to(&Range::rows(partition), most).await?;
        if !is_all {
            return Ok(None);
        }
        items.extend(self.rows_of_cas(name).await?);
        let mut found = self.records_of(items).await?;
        found.retain(|record| record.common_name == name);
        found.sort_by_key(|record| record.id.serial);
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
                (Some((at, serial)), _) => journal_keys::moment(at, serial),
                // These sort before and after every digit.
                (None, true) => "!".to_owned(),
                (None, false) => "~".to_owned(),
            };
            let ranges = (0..journal_keys::LANES).map(|lane| {
                let mut range = Range::journal(journal_keys::issued(lane));
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
pub(super) fn keep(found: &mut Vec<CertificateRecord>, query: &Search, after: Option<Position>, limit: usize) {
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
